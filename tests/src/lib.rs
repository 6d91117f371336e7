//! The rig: what the end-to-end tests stand on.
//!
//! It starts a real Envoy, real MCP servers and scripted upstreams on loopback, and speaks HTTP to
//! them, byte for byte where a test needs that. It does not depend on Toolgate's crates: it sees
//! what a client, a server and an operator see.

pub mod approvals;
pub mod authority;
pub mod bundle;
pub mod client;
pub mod conformance;
pub mod counter;
pub mod crowd;
pub mod demo;
pub mod envoy;
pub mod improvised;
pub mod load;
pub mod message;
pub mod mutation;
pub mod payload;
pub mod postgres;
pub mod ratelimit;
pub mod recorder;
pub mod running;
pub mod script;
pub mod serve;
pub mod suite;
pub mod tools;
pub mod wire;
