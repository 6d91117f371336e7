//! The approval service: what was asked, who decided, and that nothing is used twice.
//!
//! What this crate does not do: decide what needs an approval, or which asks are the same. The
//! policy says the first, [`engine::approval`] the second.
#![forbid(unsafe_code)]

pub mod store;
