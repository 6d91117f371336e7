//! The contract between the filter and the approval service.
#![forbid(unsafe_code)]

pub use engine::approval::{Answer, Approver, Ask};
