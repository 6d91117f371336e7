//! The approval service.
fn main() {}
