//! Names that are not registered, and pass for one that is.

use std::collections::BTreeSet;

use super::{Kind, Registry};
use crate::visible::{hidden, looks};

/// What to think of a name that a server announces and that is not registered for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stranger {
    /// It is another server's.
    Shadowing,
    /// It looks like one that is registered.
    Confusable,
    /// It holds what people do not see.
    Hidden,
    /// Nobody has reviewed it yet.
    New,
}

impl Stranger {
    /// As audit tells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shadowing => "shadowing",
            Self::Confusable => "confusable",
            Self::Hidden => "hidden_characters",
            Self::New => "new",
        }
    }
}

impl Registry {
    /// What to think of a name that some server announces and that is not registered for it.
    #[must_use]
    pub fn stranger(&self, kind: Kind, name: &str) -> Stranger {
        let taken = match kind {
            Kind::Tool => self.tools.has(name),
            Kind::Prompt => self.prompts.has(name),
            Kind::Resource => self
                .resources
                .values()
                .any(|it| it.exact(name).next().is_some()),
        };
        let looks_taken = || match kind {
            Kind::Tool | Kind::Prompt => self.looks().contains(&(kind, looks(name))),
            // People and models do not tell resources by their URIs.
            Kind::Resource => false,
        };
        match name {
            _ if taken => Stranger::Shadowing,
            _ if looks_taken() => Stranger::Confusable,
            name if hidden(name).is_some() => Stranger::Hidden,
            _ => Stranger::New,
        }
    }

    /// How the names of tools and prompts look: found when a server first announces one that is not
    /// registered.
    fn looks(&self) -> &BTreeSet<(Kind, String)> {
        self.looks.get_or_init(|| {
            let names = |entry: &super::Entry| {
                let names = [&entry.name, &entry.backend_name];
                names.map(|name| (entry.kind, looks(name)))
            };
            self.entries.iter().flat_map(names).collect()
        })
    }
}

impl super::Names {
    /// Whether some server has it, or agents know it.
    fn has(&self, name: &str) -> bool {
        let at_servers = || self.backend.values().any(|names| names.contains_key(name));
        self.stable.contains_key(name) || at_servers()
    }
}
