//! Decides which MCP messages may pass through Envoy, and in what form.
//!
//! ```text
//! Config ─► Policy ─► ( Call ─► Verdict ─► Permit )   inside an   Exchange
//!                                                       Event in, Step out
//!                                                       no: a Refusal · at the end: a Record
//! ```
//!
//! The engine is pure: an [`Exchange`] is told what happened as an [`Event`] and says what to do as
//! a [`Step`]. Three invariants hold it together:
//!
//! 1. *Same policy, same events, same steps.* Time rides on each event; nothing else varies.
//! 2. *A request moves only with a permit.* Only a policy makes one, and while a transition runs the
//!    exchange is in the state that answers.
//! 3. *What is judged is what is forwarded.* Requests are parsed strictly and pass as the bytes they
//!    were; an edit is a splice.
//!
//! What this crate does not do: talk to a host, read a clock or a file, verify a signature, keep
//! anything between two requests, panic.
#![forbid(unsafe_code)]

pub mod approval;
pub mod breaker;
pub mod call;
pub mod catalog;
pub mod condition;
pub mod config;
pub mod contract;
pub mod cx;
pub mod detect;
pub mod digest;
pub mod exchange;
pub mod feed;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod ids;
pub mod inject;
pub mod json;
pub mod limit;
pub mod policy;
pub mod problem;
pub mod record;
pub mod redact;
pub mod refusal;
pub mod registry;
pub mod response;
pub mod rest;
pub mod rpc;
pub mod seal;
pub mod session;
pub mod sse;
pub mod tenancy;
pub mod translate;
pub mod visible;

pub use config::Config;
pub use cx::Cx;
pub use exchange::{Event, Exchange, Step};
pub use gateway::Gateway;
pub use policy::Policy;
pub use problem::Problem;
