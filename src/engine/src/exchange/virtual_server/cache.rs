//! Sessions that this Envoy has opened or ended, kept in bounded memory: one that is not found is opened again.

use serde::{Deserialize, Serialize};

use crate::{cx::Cx, digest::sha256, session::Backend};

/// A session, and whose it is.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// A digest of its key.
    key: String,
    id: Option<String>,
    version: String,
}

/// The session under a key.
pub(super) fn load(key: &str, cx: &Cx<'_>) -> Option<Backend> {
    let digest = sha256(key.as_bytes());
    let (bytes, _) = cx.store.load(&shelf(&digest));
    let found = read(&bytes?).into_iter().find(|kept| kept.key == digest)?;
    Some(Backend {
        id: found.id,
        version: found.version,
    })
}

/// Keeps a session; where a shelf is full, the oldest on it goes.
pub(super) fn keep(key: &str, backend: &Backend, cx: &Cx<'_>) {
    change(key, Some(backend), cx);
}

/// Forgets a session.
pub(super) fn forget(key: &str, cx: &Cx<'_>) {
    change(key, None, cx);
}

/// Remembers that a client's session has ended.
pub(super) fn end(name: &str, cx: &Cx<'_>) {
    let nothing = Backend {
        id: None,
        version: String::new(),
    };
    keep(&ended(name), &nothing, cx);
}

/// Whether a client's session has ended, as far as is remembered.
pub(super) fn has_ended(name: &str, cx: &Cx<'_>) -> bool {
    load(&ended(name), cx).is_some()
}

fn ended(name: &str) -> String {
    format!("{name} has ended")
}

fn change(key: &str, backend: Option<&Backend>, cx: &Cx<'_>) {
    let digest = sha256(key.as_bytes());
    // One that cannot be kept is opened again.
    let _ = cx.store.change(&shelf(&digest), |bytes| {
        let mut all = read(bytes);
        all.retain(|kept| kept.key != digest);
        all.extend(backend.map(|backend| Kept {
            key: digest.clone(),
            id: backend.id.clone(),
            version: backend.version.clone(),
        }));
        let surplus = all.len().saturating_sub(MAX_KEPT);
        all.drain(..surplus);
        ((), serde_json::to_vec(&all).unwrap_or_default())
    });
}

fn read(bytes: &[u8]) -> Vec<Kept> {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// The shelf of a key: there are 4,096, so that memory has a bound.
fn shelf(digest: &str) -> String {
    format!("toolgate.sessions.{}", digest.get(..3).unwrap_or_default())
}

/// Sessions on one shelf.
const MAX_KEPT: usize = 8;
