//! The contract between the filter and the approval service.
