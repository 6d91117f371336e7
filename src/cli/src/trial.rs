//! One call as a person writes it, and what becomes of it: the same exchange that the filter runs,
//! between a request that is made up here and an upstream that agrees to everything.
//!
//! What this module does not do: decide anything.

use std::{collections::BTreeMap, fmt};

use engine::config::OneOrMany;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

mod bytes;
mod caller;
mod outcome;
mod request;

pub(crate) use outcome::Outcome;
pub(crate) use request::{Request, Setting, no_time, present};

/// One call: exactly one of `call`, `read`, `prompt`, `list`, `http`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "expect"]))]
pub(crate) struct Trial {
    /// What should be so, in a few words.
    pub(crate) name: Option<String>,
    /// Who calls: a name from `callers`, or the facts themselves. Without it, nobody: no token, no
    /// certificate, no header that is trusted.
    pub(crate) caller: Option<Who>,
    /// The tool to call.
    pub(crate) call: Option<String>,
    /// The URI of the resource to read.
    pub(crate) read: Option<String>,
    /// The prompt to get.
    pub(crate) prompt: Option<String>,
    /// What to list.
    pub(crate) list: Option<List>,
    /// A request in detail, for what no well-behaved client sends.
    pub(crate) http: Option<Http>,
    /// The arguments of `call` or `prompt`.
    pub(crate) arguments: Option<Map<String, Value>>,
    /// `params._meta`: what the orchestrator says about the call.
    pub(crate) meta: Option<Map<String, Value>>,
    /// `Mcp-Session-Id`.
    pub(crate) session: Option<String>,
    /// When, as in RFC 3339. Without it, the file's `now`, or else the present time.
    pub(crate) now: Option<String>,
    /// How often the call is made, one after another at the same time: 1 to 10000, and 1 by default.
    /// What must come of it must come of the last one. Each test begins with nothing counted.
    pub(crate) repeat: Option<u32>,
    /// The server that is called. Needed only where the registry leaves it open.
    pub(crate) server: Option<String>,
    /// What must come of it. Only what is written here is compared.
    pub(crate) expect: Option<Expect>,
    /// Where it is written: `tests[3]`.
    #[serde(skip)]
    pub(crate) at: String,
}

/// A caller's name among `callers`, or the facts about one.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Who {
    /// A name from `callers`.
    Named(String),
    /// The facts.
    Facts(Caller),
}

/// What is known of a caller. Each fact is sent in the way that the policy's `identity` names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Caller {
    /// The person on whose behalf the agent acts.
    pub(crate) user: Option<String>,
    /// The agent.
    pub(crate) agent: Option<String>,
    /// The application the agent belongs to.
    pub(crate) app: Option<String>,
    /// The tenant.
    pub(crate) tenant: Option<String>,
    /// The roles of the user.
    pub(crate) roles: Option<OneOrMany<String>>,
    /// The scopes of the token.
    pub(crate) scopes: Option<OneOrMany<String>>,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum List {
    /// `tools/list`
    Tools,
    /// `resources/list` and `resources/templates/list`
    Resources,
    /// `prompts/list`
    Prompts,
}

/// A request in detail. What is absent is as a good client sends it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// `POST` by default.
    pub(crate) method: Option<String>,
    /// The server's path at the gateway by default.
    pub(crate) path: Option<String>,
    /// One value or several for each; `null` leaves out what a good client would send. Characters
    /// up to U+00FF stand for bytes.
    pub(crate) headers: BTreeMap<String, Option<OneOrMany<String>>>,
    /// A text as it is, or a value as JSON.
    pub(crate) body: Option<Value>,
    /// The body as hexadecimal bytes, for what is no text.
    pub(crate) hex: Option<String>,
}

/// What must come of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expect {
    /// What is decided.
    pub(crate) decision: Option<Decision>,
    /// The id of the rule that decides.
    pub(crate) rule: Option<String>,
    /// Why, as the audit record says it: `rule`, `no_rule`, `invalid_arguments`, ..
    pub(crate) reason: Option<String>,
    /// The name of the limit that refuses the call.
    pub(crate) limit: Option<String>,
    /// Who has to approve: a role, or `user`, or a list of these, in any order.
    pub(crate) approver: Option<OneOrMany<String>>,
    /// A part of what the agent is told.
    pub(crate) message: Option<String>,
    /// What rules in shadow mode decide, where that differs.
    pub(crate) shadow: Option<Shadow>,
    /// Exactly what the list shows, in any order.
    pub(crate) visible: Option<Vec<String>>,
    /// What the list shows, among others.
    pub(crate) shows: Option<OneOrMany<String>>,
    /// What the list does not show.
    pub(crate) hides: Option<OneOrMany<String>>,
}

/// A verdict of rules in shadow mode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shadow {
    /// What would be decided.
    pub(crate) decision: Option<Decision>,
    /// The id of the rule that would decide.
    pub(crate) rule: Option<String>,
    /// Why.
    pub(crate) reason: Option<String>,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    /// It may happen.
    Allow,
    /// It may happen once somebody has approved it.
    ApprovalRequired,
    /// It may not happen.
    Deny,
}

impl Decision {
    /// As the audit record has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::ApprovalRequired => "approval_required",
            Self::Deny => "deny",
        }
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Who;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a caller's name, or facts about one")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Who, E> {
                Ok(Who::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Who, A::Error> {
                Caller::deserialize(MapAccessDeserializer::new(members)).map(Who::Facts)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

#[cfg(test)]
mod tests;
