//! What several servers say by themselves, merged into the stream of one client.
//!
//! ```text
//! client ◄── Stream ◄── Source ◄── Feed ◄── server
//!              └───────── calls ────┘
//! ```
//! Envoy gives a filter nothing to say by itself in a stream: it can only change what comes. So a
//! merged stream has an upstream that is this filter again: a [`source::Source`], behind an internal
//! listener. For each server the stream calls a [`feed::Feed`], behind another one, which hands what
//! comes to the source, and passes nothing on. Internal connections stay on their thread: all of
//! them share one VM, and this is what they know of each other there.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use engine::{http::Headers, policy::Policy};

use crate::host::{self, Direction};

pub(crate) mod feed;
pub(crate) mod source;

/// What this filter is in a merged stream, apart from the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Where it comes from.
    Source,
    /// What brings one server's part.
    Feed,
}

impl Part {
    /// The part that a configuration is for; any other is for clients.
    pub(crate) fn of(configuration: &[u8]) -> Option<Self> {
        match configuration {
            b"toolgate:source" => Some(Self::Source),
            b"toolgate:feed" => Some(Self::Feed),
            _ => None,
        }
    }
}

/// A merged stream; it is known by the number of the client's stream.
struct Merge {
    /// The filter that it goes through, by name.
    filter: String,
    /// The head of the client's request: it says whose policy governs.
    head: Headers,
    /// The digest of that policy.
    policy: String,
    /// The source's connection, once it is there.
    source: Option<u32>,
    feeds: Vec<u32>,
    /// What came before there was a source.
    early: Vec<u8>,
    /// Bytes that the client's stream has not seen yet.
    ahead: usize,
    /// How many these may be.
    most: usize,
    /// No more comes.
    over: bool,
    /// The policy that is live by now, which it does not know yet.
    news: Option<Arc<Policy>>,
}

thread_local! {
    static MERGES: RefCell<BTreeMap<u32, Merge>> = const { RefCell::new(BTreeMap::new()) };
}

/// Begins the merged stream of a client's stream, unless there are too many.
pub(crate) fn open(stream: u32, filter: String, head: Headers, policy: &Policy) -> bool {
    with(|merges| {
        let room = merges.len() < MAX_STREAMS;
        if room {
            let merge = Merge {
                filter,
                head,
                policy: policy.digest().to_owned(),
                source: None,
                feeds: Vec::new(),
                early: Vec::new(),
                ahead: 0,
                most: policy.bounds().max_response_bytes,
                over: false,
                news: None,
            };
            merges.insert(stream, merge);
        }
        room
    })
}

/// Ends it with all that belongs to it. `stream` is who calls.
pub(crate) fn close(stream: u32) {
    let Some(merge) = with(|merges| merges.remove(&stream)) else {
        return;
    };
    for feed in merge.feeds {
        // One that is gone already needs nothing.
        let _ = host::act(feed, stream, || host::reset(Direction::Response));
    }
}

/// The client's stream has seen so many bytes; gives the policy that is live by now, where it has
/// not heard of it.
pub(crate) fn seen(stream: u32, bytes: usize) -> Option<Arc<Policy>> {
    with(|merges| {
        let merge = merges.get_mut(&stream)?;
        merge.ahead = merge.ahead.saturating_sub(bytes);
        merge.news.take()
    })
}

/// Has every stream through a filter know what governs it by now; and that it lives, where that is
/// due. `own` is who calls.
pub(crate) fn tick(filter: &str, policy: impl Fn(&Headers) -> Arc<Policy>, due: bool, own: u32) {
    let streams: Vec<u32> = with(|merges| {
        let own = merges
            .iter_mut()
            .filter(|(_, merge)| merge.filter == filter);
        own.filter_map(|(stream, merge)| {
            let newest = policy(&merge.head);
            let news = newest.digest() != merge.policy;
            if news {
                newest.digest().clone_into(&mut merge.policy);
                merge.news = Some(newest);
            }
            (news || due).then_some(*stream)
        })
        .collect()
    });
    for stream in streams {
        write(stream, source::COMMENT, own);
    }
}

/// Brings bytes to a stream: whole events only. What the client does not take in time is its loss.
pub(crate) fn write(stream: u32, bytes: &[u8], own: u32) {
    let to = with(|merges| {
        let merge = merges.get_mut(&stream).filter(|merge| !merge.over)?;
        if bytes.is_empty() {
            return None;
        }
        if merge.ahead + bytes.len() > merge.most {
            merge.over = true;
            return Some((merge.source?, source::last()));
        }
        merge.ahead += bytes.len();
        let Some(source) = merge.source else {
            merge.early.extend_from_slice(bytes);
            return None;
        };
        Some((source, source::chunk(bytes)))
    });
    if let Some((source, bytes)) = to {
        let _ = host::act(source, own, || host::send(&bytes));
    }
}

/// Ends a stream after all that was written.
pub(crate) fn finish(stream: u32, own: u32) {
    let source = with(|merges| {
        let merge = merges.get_mut(&stream).filter(|merge| !merge.over)?;
        merge.over = true;
        merge.source
    });
    if let Some(source) = source {
        let _ = host::act(source, own, || host::send(&source::last()));
    }
}

/// The source of a stream is there; gives what it has to begin with.
fn attach(stream: u32, source: u32) -> Option<Vec<u8>> {
    with(|merges| {
        let merge = merges.get_mut(&stream)?;
        merge.source = Some(source);
        let mut bytes = source::chunk(source::COMMENT);
        merge.ahead += source::COMMENT.len();
        let early = std::mem::take(&mut merge.early);
        if !early.is_empty() {
            bytes.extend(source::chunk(&early));
        }
        if merge.over {
            bytes.extend(source::last());
        }
        Some(bytes)
    })
}

/// A feed of a stream is there; gives how long an event may be.
fn join(stream: u32, feed: u32) -> Option<usize> {
    with(|merges| {
        let merge = merges.get_mut(&stream)?;
        merge.feeds.push(feed);
        Some(merge.most)
    })
}

/// A feed is gone.
fn leave(stream: u32, feed: u32) {
    with(|merges| {
        if let Some(merge) = merges.get_mut(&stream) {
            merge.feeds.retain(|it| *it != feed);
        }
    });
}

/// Nothing is called while this memory is held, so that nobody else can want it.
fn with<T>(change: impl FnOnce(&mut BTreeMap<u32, Merge>) -> T) -> T {
    MERGES.with(|merges| change(&mut merges.borrow_mut()))
}

/// In one worker.
const MAX_STREAMS: usize = 8_192;
