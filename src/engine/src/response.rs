//! Lists on their way to the client: what this caller may not use is left out, and what stays is
//! described in the registry's words. And every answer read along: [`Reading`].
//!
//! A list is filtered as one JSON-RPC message; whether it came as a JSON body or as an event is
//! framing.

use crate::{
    call::Principal,
    cx::Timestamp,
    json::{Doc, splice},
    policy::Policy,
    record::Listed,
};

mod list;
mod reading;
mod scan;

pub use reading::{Form, Reading, Size};

/// Through whose eyes a list is seen.
#[derive(Clone, Debug)]
pub struct View {
    /// The caller.
    pub principal: Principal,
    /// The server that lists.
    pub server: String,
    /// The legacy session.
    pub session: Option<String>,
}

/// The message is not strict JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Rewrites `message` where it is an answer that lists; `None`: it may pass as it is.
///
/// # Errors
/// [`Unreadable`] when the message is not strict JSON: what cannot be read cannot be filtered.
pub fn filter(
    message: &[u8],
    view: &View,
    policy: &Policy,
    now: Timestamp,
    listed: &mut Listed,
) -> Result<Option<Vec<u8>>, Unreadable> {
    let doc = Doc::parse(message.to_vec()).map_err(|_| Unreadable)?;
    let mut edits = Vec::new();
    let root = doc.root();
    // An array is no answer of the revisions that Toolgate speaks, but some clients take it for one.
    for message in root.items().chain([root]) {
        let Some(result) = message.get("result") else {
            continue;
        };
        edits.extend(list::filter(result, view, policy, now, listed));
    }
    Ok((!edits.is_empty()).then(|| splice(message, edits)))
}
