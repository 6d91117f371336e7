//! How large results may be, and what may be in them, as the engine holds them to it.

use super::{build::Build, pattern::Glob};
use crate::config;

/// What results are held to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultBounds {
    /// Bytes of its JSON.
    pub max_bytes: Option<u64>,
    /// Tokens, as they are estimated.
    pub max_tokens: Option<u64>,
    /// The largest binary content, decoded.
    pub max_media_bytes: Option<u64>,
    /// Patterns of media types; `None`: all.
    media: Option<Vec<Glob>>,
}

impl ResultBounds {
    /// Whether content of this media type may pass; parameters do not count.
    #[must_use]
    pub fn allows(&self, media: &str) -> bool {
        let Some(patterns) = &self.media else {
            return true;
        };
        let essence = media.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        patterns.iter().any(|pattern| pattern.matches(&essence))
    }

    /// Whether it says anything about media types.
    #[must_use]
    pub const fn names_media(&self) -> bool {
        self.media.is_some()
    }
}

impl Build {
    pub(super) fn result(
        &mut self,
        at: &str,
        written: Option<config::ResultBounds>,
    ) -> ResultBounds {
        let written = written.unwrap_or_default();
        for (i, media) in written.media.iter().flatten().enumerate() {
            let parts = media.split('/').filter(|part| !part.is_empty()).count();
            let plain = |c: char| c.is_ascii_graphic() && c != ';' && c != ',';
            if parts != 2 || media.matches('/').count() != 1 || !media.chars().all(plain) {
                let message = format!("`{media}` is no media type: `image/png`, `text/*`");
                self.wrong(at, &format!("result.media[{i}]"), message);
            }
        }
        let media = written.media.map(|media| {
            let patterns = media.iter().map(|media| media.to_ascii_lowercase());
            patterns.map(|media| Glob::new(&media)).collect()
        });
        ResultBounds {
            max_bytes: written.max_bytes,
            max_tokens: written.max_tokens,
            max_media_bytes: written.max_media_bytes,
            media,
        }
    }
}
