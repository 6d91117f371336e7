//! JSON-RPC as MCP uses it over HTTP: one message, which of the two wire eras it speaks, and
//! whether its headers tell the same story as its body.
//!
//! Two eras: *legacy* (`initialize` handshake, up to 2025-11-25) and *modern* (every request
//! describes itself in `params._meta`, from 2026-07-28). The body decides the era; headers are only
//! compared with it, because they are what others route on. Nothing here knows of policy.
//!
//! The order of checks is that of the official servers: HTTP head, JSON-RPC shape, era, `_meta`,
//! headers, version; what needs a registered tool ([`check_params`]) comes last.

pub(crate) mod era;
mod fault;
mod head;
mod header;
mod message;
mod method;
mod param;

pub use self::{
    era::{Era, LEGACY_VERSIONS, MODERN_VERSIONS},
    fault::{Fault, Mismatch, Shape},
    head::{Route, check_head},
    header::{decode_header, encode_header},
    message::{Message, MessageKind, check_shape, read},
    method::{Method, Target},
    param::check_params,
};

/// The error that sends a user to a page (MCP 2025-11-25, "URL Elicitation Required Error").
pub const URL_REQUIRED: i64 = -32_042;

#[cfg(test)]
mod tests;
