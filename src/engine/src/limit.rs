//! How much of something may be had, and how much was.
//!
//! Counters live in memory that all workers of one Envoy share, and survive whatever happens to a
//! configuration. They are exact: a change that somebody else's change overtook is made again, and
//! where that does not succeed nothing is had. The memory is bounded, whoever calls: see [`Ledger`].
//!
//! What this module does not do: know a call.

mod ledger;
mod period;
mod roll;
mod slot;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use ledger::{Key, Ledger, Taken};
pub use period::Period;
pub use roll::{OWNERS, enroll};

/// A limit: what is counted, by what, and how much there may be of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name under which it is counted, recorded and told.
    pub name: String,
    /// What has a count of its own, sorted, each once.
    pub by: Vec<Dimension>,
    /// What is counted.
    pub of: Measure,
    /// How much there may be.
    pub bound: Bound,
    /// Who counts.
    pub scope: Scope,
    /// Where it is written: `policy[0]:rules[2].limits[0]`.
    pub at: String,
}

/// What can have a count of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The person on whose behalf the agent acts.
    User,
    /// The agent.
    Agent,
    /// The application the agent belongs to.
    App,
    /// The tenant.
    Tenant,
    /// What is called: a tool, a resource or a prompt.
    Tool,
    /// The server that has it.
    Server,
    /// Where the gateway runs.
    Environment,
    /// The session: `Mcp-Session-Id`, which newer clients do not have.
    Session,
    /// What is called, with its very arguments: a limit per call ends loops.
    Call,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Bytes of their answers.
    ResultBytes,
    /// Estimated tokens of their answers.
    Tokens,
    /// Cost units, as the registry says.
    Cost,
}

/// Who counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Each Envoy for itself, all its workers together.
    #[default]
    Local,
    /// A rate-limit service, for all Envoys that ask it.
    Global,
}

/// How much of something may be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So much in each period; periods begin with the clock's, in UTC.
    Window {
        /// How much.
        amount: u64,
        /// In which time.
        period: Period,
    },
    /// So much over a period, coming back evenly.
    Bucket {
        /// How much comes back.
        amount: u64,
        /// In which time.
        period: Period,
        /// How much can be had at once, after a while of nothing.
        burst: u64,
    },
    /// So much at the same time.
    Concurrent {
        /// How much.
        amount: u64,
    },
}

/// Why nothing is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The bound is reached.
    Bound {
        /// What is left of it; less than what was wanted.
        left: u64,
        /// In how many nanoseconds what was wanted can be had; `None`: nobody knows, or never.
        wait: Option<i64>,
    },
    /// Others change the same counter so often that this change could not be made.
    Contended,
    /// More is being counted at once than the memory has room for.
    Crowded {
        /// In how many nanoseconds there is room for sure.
        wait: i64,
    },
    /// Who counts it for all Envoys was not asked, or did not answer.
    Unanswered,
}

impl Limit {
    /// About so many limits a rate-limit service is asked at once.
    pub const MOST_GLOBAL: usize = 8;

    /// The counter for one combination of values, of which a dimension may need several.
    #[must_use]
    pub fn key<'a, const N: usize>(
        &'a self,
        values: impl Fn(Dimension) -> [Option<&'a str>; N],
    ) -> Key {
        let values = self.by.iter().flat_map(|dimension| values(*dimension));
        Key::of([Some(self.name.as_str())].into_iter().chain(values))
    }

    /// Whether it is about calls at the same time.
    #[must_use]
    pub const fn is_concurrent(&self) -> bool {
        matches!(self.bound, Bound::Concurrent { .. })
    }

    /// Whether it is reached by what repeats itself.
    #[must_use]
    pub fn ends_loops(&self) -> bool {
        self.by.contains(&Dimension::Call)
    }
}

/// `120 calls per minute for each agent`
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |amount| self.of.of(amount);
        match self.bound {
            Bound::Window { amount, period } => {
                write!(f, "{} per {}", of(amount), period.as_str())
            }
            Bound::Bucket {
                amount,
                period,
                burst,
            } => write!(f, "{} per {}, {burst} at once", of(amount), period.as_str()),
            Bound::Concurrent { amount } => write!(f, "{} at the same time", of(amount)),
        }?;
        let last = self.by.len().saturating_sub(1);
        for (place, dimension) in self.by.iter().enumerate() {
            let before = match place {
                0 => " for each",
                _ if place == last => " and",
                _ => ",",
            };
            write!(f, "{before} {}", dimension.as_str())?;
        }
        Ok(())
    }
}

impl Dimension {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::App => "app",
            Self::Tenant => "tenant",
            Self::Tool => "tool",
            Self::Server => "server",
            Self::Environment => "environment",
            Self::Session => "session",
            Self::Call => "call",
        }
    }
}

impl Measure {
    /// So much of it, in words.
    #[must_use]
    pub fn of(self, amount: u64) -> String {
        let plural = if amount == 1 { "" } else { "s" };
        match self {
            Self::Requests => format!("{amount} call{plural}"),
            Self::ResultBytes => format!("{amount} byte{plural} of results"),
            Self::Tokens => format!("{amount} estimated token{plural} of results"),
            Self::Cost => format!("{amount} cost unit{plural}"),
        }
    }
}

#[cfg(test)]
mod tests;
