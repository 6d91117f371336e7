//! The approval service: what was asked, who decided, and that nothing is used twice.
//!
//! ```text
//!   filter ──► POST /v1/asks ─┐
//!                             ├─ api ─► Service ─► Store ─► SQLite or PostgreSQL
//!   people ──► /v1/asks/{id} ─┤
//!   people ──► / ..     page ─┘
//! ```
//!
//! What this crate does not do: decide what needs an approval, or which asks are the same. The
//! policy says the first, [`engine::approval`] the second.
#![forbid(unsafe_code)]

mod api;
mod auth;
pub mod automatic;
pub mod config;
mod error;
mod hooks;
pub mod issuer;
mod metrics;
mod page;
pub mod serve;
mod service;
pub mod store;

pub use api::{app, openapi};
pub use hooks::deliver;
pub use service::{Service, tick};
