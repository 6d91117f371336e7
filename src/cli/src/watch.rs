//! Files that may change while they are in use.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

/// Notices a change once it has settled: editors write a file in several steps.
pub(crate) struct Watch {
    paths: Vec<PathBuf>,
    seen: Vec<Mark>,
    unsettled: Option<Vec<Mark>>,
    looked: Instant,
}

/// A file's time and size; `None` while it is absent.
type Mark = Option<(SystemTime, u64)>;

impl Watch {
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let seen = marks(&paths);
        Self {
            paths,
            seen,
            unsettled: None,
            looked: Instant::now(),
        }
    }

    /// Watches these from now on; what is known of the former ones stays known.
    pub(crate) fn follow(&mut self, paths: Vec<PathBuf>) {
        if paths != self.paths {
            *self = Self::new(paths);
        }
    }

    /// Whether a file changed and then stayed as it is for one look.
    pub(crate) fn changed(&mut self) -> bool {
        if self.looked.elapsed() < EVERY {
            return false;
        }
        self.looked = Instant::now();
        let now = marks(&self.paths);
        if now == self.seen {
            self.unsettled = None;
            return false;
        }
        let settled = self.unsettled.as_ref() == Some(&now);
        if settled {
            self.seen = now;
            self.unsettled = None;
        } else {
            self.unsettled = Some(now);
        }
        settled
    }
}

fn marks(paths: &[PathBuf]) -> Vec<Mark> {
    let mark = |path: &PathBuf| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    paths.iter().map(mark).collect()
}

const EVERY: Duration = Duration::from_millis(400);
