//! Calls to several at once: what each has said, until all have.

use crate::http::{Headers, Response};

/// Calls that run at the same time.
#[derive(Debug)]
pub(super) struct Calls {
    heard: Vec<Option<Heard>>,
    left: usize,
}

/// What one of them said.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Calls {
    /// So many calls, none of which was answered yet.
    pub(super) fn new(calls: usize) -> Self {
        Self {
            heard: vec![None; calls],
            left: calls,
        }
    }

    /// Takes what one says; whether it was the last.
    pub(super) fn take(&mut self, at: usize, response: Option<&Response<'_>>) -> bool {
        if let Some(place) = self.heard.get_mut(at) {
            *place = response.map(|response| Heard {
                headers: response.headers.clone(),
                body: response.body.to_vec(),
            });
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// What each has said, in the order of the calls; `None`: nothing.
    pub(super) fn heard(self) -> Vec<Option<Heard>> {
        self.heard
    }
}

impl Heard {
    /// Its HTTP status; 0 where it has none.
    pub(super) fn status(&self) -> u16 {
        let status = self.headers.one(":status").ok().flatten();
        status.and_then(|it| it.parse().ok()).unwrap_or_default()
    }
}
