//! What exists.

/// Something registered.
#[derive(Debug)]
pub struct Entry;
