//! Resources, found by their URIs.

use super::{Entry, Registry, pattern::Patterns};

impl Registry {
    /// The resource of `server` with exactly this URI, or else the most specific pattern for it.
    ///
    /// A URI with dot segments, written out or percent-encoded, matches no pattern: what a server
    /// would make of it is not what the pattern says.
    #[must_use]
    pub fn resource(&self, server: &str, uri: &str) -> Option<&Entry> {
        let slot = best(self.resources.get(server)?, uri)?;
        self.entries.get(slot)
    }

    /// The resource with this URI or template, or else the most specific pattern for it, whichever
    /// server has it. Where two have the same, the one that is written first, as in lists.
    #[must_use]
    pub fn resource_anywhere(&self, uri: &str) -> Option<&Entry> {
        let template = self.templates.get(uri).copied();
        let slot = template.or_else(|| best(&self.resources_of_all, uri))?;
        self.entries.get(slot)
    }

    /// Whether some server has a resource with exactly this URI or pattern.
    pub(crate) fn has_resource(&self, uri: &str) -> bool {
        self.resources.values().any(|patterns| patterns.has(uri))
    }
}

/// What stands for `uri` most specifically.
fn best(patterns: &Patterns, uri: &str) -> Option<usize> {
    patterns.exact(uri).next().or_else(|| {
        let plain = uri.len() <= MAX_URI && !has_dot_segments(uri);
        plain.then(|| patterns.globs(uri).next()).flatten()
    })
}

/// Whether a path segment of `uri` is `.` or `..`, also where its dots are percent-encoded.
fn has_dot_segments(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|segment| {
        let mut rest = segment;
        let mut dots = 0;
        while let Some(next) = rest
            .strip_prefix('.')
            .or_else(|| rest.strip_prefix("%2e"))
            .or_else(|| rest.strip_prefix("%2E"))
        {
            rest = next;
            dots += 1;
        }
        rest.is_empty() && (dots == 1 || dots == 2)
    })
}

/// Bytes of a URI that patterns are tried on.
const MAX_URI: usize = 8_192;
