//! Decides which MCP messages may pass, and in what form.
#![forbid(unsafe_code)]

pub mod approval;
pub mod call;
pub mod condition;
pub mod config;
pub mod contract;
pub mod cx;
pub mod digest;
pub mod exchange;
pub mod http;
pub mod identity;
pub mod json;
pub mod policy;
pub mod problem;
pub mod record;
pub mod refusal;
pub mod registry;
pub mod response;
pub mod rpc;
pub mod sse;
