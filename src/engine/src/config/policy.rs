//! The policy file.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Map, Value};

use super::{
    Access, Approvals, Audit, Detector, Drift, Identity, Limit, OneOrMany, RateLimitService,
    Redact, RiskTier, Scan, is_default,
};

/// What may happen.
///
/// The strictest decision of all matching rules wins: deny, then `approval_required`, then allow.
/// What no rule matches is denied. The order of rules never matters, so teams can own separate
/// files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The version of this policy, recorded with every decision.
    #[serde(
        deserialize_with = "super::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// Whether this file decides. With `shadow` it runs beside the other files, in the place of their
    /// rules: what it would have decided is recorded where it differs, and changes nothing.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: Mode,
    /// Where this gateway runs: `prod`. Without it, nothing that is limited to environments exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Where facts about callers come from. Without it, callers are nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Sizes that are not exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// What becomes of what a server announces otherwise than its `pin` says. `replace` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What is done about text that wants to steer the model that reads it: by rule, `off`, `flag`,
    /// `wrap`, `redact` or `block`. What is not named is flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<Scan>,
    /// Who may make dry runs: calls with `"toolgate/dryRun": true` in their `_meta`, which are
    /// answered with what would be decided, and executed never. Without it, nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<Require>,
    /// Where approvals are asked for. Without it, calls that need one are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// Where limits of `scope: global` are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_service: Option<RateLimitService>,
    /// Own kinds of sensitive values, by name, for rules to `redact`: `order_id: 'ORD-[0-9]{8}'`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub detectors: BTreeMap<String, Detector>,
    /// The rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Tools that nobody may call: names or patterns. Short for a rule that denies them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_tools: Vec<String>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// Sizes that are not exceeded, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// The largest request body. 4 MiB by default.
    pub max_request_bytes: usize,
    /// The largest response, or event of a stream, that is read to be rewritten. 4 MiB by default.
    pub max_response_bytes: usize,
    /// The largest result of any tool, resource or prompt, in bytes of its JSON. Text behind it is
    /// cut, with a notice. Without it, only `max_response_bytes` holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<u64>,
    /// The most tokens that a result may take, as they are estimated: one for four bytes, base64 not
    /// counted. Text behind them is cut, with a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_result_tokens: Option<u64>,
}

/// One rule: whom and what it matches, a condition, a decision.
///
/// Everything that a rule says has to hold for it to match. It has to say what it is about: at
/// least one of `tool`, `tools`, `resources`, `prompts`, `server`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// The name under which decisions are recorded; without it, `rule-N` by its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// One tool, by name or pattern. Short for `tools`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Tools: names, patterns, or attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Selector>,
    /// Resources: URIs, patterns, or attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Selector>,
    /// Prompts: names, patterns, or attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Selector>,
    /// Only what belongs to these servers. Alone, everything that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<OneOrMany<String>>,
    /// Whom it matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
    /// Callers with any of these roles. Short for `require: { roles: .. }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_roles: Option<OneOrMany<String>>,
    /// Only callers of these tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenants: Option<OneOrMany<String>>,
    /// Only in these environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<OneOrMany<String>>,
    /// A condition in CEL, or in the short form `{ amount_gt: 100 }`. An error in it denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Whether the rule decides. With `shadow` it only shows, in the audit record, what would be
    /// decided if it did.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: Mode,
    /// What is decided where the rule matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Effect>,
    /// Another name of `decision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Effect>,
    /// The role that approves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver_role: Option<String>,
    /// Whether the user has to confirm each use. Then the rule decides `approval_required`.
    #[serde(skip_serializing_if = "is_default")]
    pub requires_user_confirmation: bool,
    /// How many different people have to approve: 1 to 10, and 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<u32>,
    /// How long a call is held for a quick decision: `20s`, at most `60s`. Not at all by default:
    /// the agent is told at once that an approval is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
    /// How long an approval may be pending, and be used once it is given: `15m`. It can only make
    /// shorter what the approval service allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Why, for those who are denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How much of what the rule lets through may be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// What is taken out of arguments and results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<Redact>,
    /// What the audit record holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// Whether a rule decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It decides.
    #[default]
    Enforce,
    /// It is tried beside the rules that decide: recorded, without effect.
    Shadow,
}

/// What is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It may happen.
    Allow,
    /// It may happen once somebody has approved it.
    ApprovalRequired,
    /// It may not happen.
    #[default]
    Deny,
}

/// What a rule is about: names and patterns, or attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Selector {
    /// By name: `*` stands for any run of characters, `?` for one.
    Names(OneOrMany<String>),
    /// By attributes, all of which have to hold.
    Attributes(Attributes),
}

/// Attributes of what is registered; each is one value or a list of alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Attributes {
    /// Its risk tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_tier: Option<OneOrMany<RiskTier>>,
    /// Whether it changes anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<OneOrMany<Access>>,
    /// Its data classification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_classification: Option<OneOrMany<String>>,
    /// Its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<OneOrMany<String>>,
    /// Its name: names or patterns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<OneOrMany<String>>,
}

/// Whom a rule matches; everything that is said has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Require {
    /// The user: `true` for anybody who is known, or one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Presence>,
    /// The agent: `true` for any that is known, or one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Presence>,
    /// The application: `true` for any that is known, or one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<Presence>,
    /// The tenant: `true` for any that is known, or one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Presence>,
    /// At least one of these roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<OneOrMany<String>>,
    /// All of these scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<OneOrMany<String>>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// Whether something has to be known, or which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Presence {
    /// `true`: it has to be known. `false`: it does not matter.
    Known(bool),
    /// It has to be one of these.
    OneOf(OneOrMany<String>),
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum When {
    /// In CEL: `args.amount > 100`.
    Cel(String),
    /// Comparisons with arguments, all of which have to hold: `{ amount_gt: 100 }`.
    Short(Map<String, Value>),
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_request_bytes: 4_194_304,
            max_response_bytes: 4_194_304,
            max_result_bytes: None,
            max_result_tokens: None,
        }
    }
}

impl Effect {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::ApprovalRequired => "approval_required",
            Self::Deny => "deny",
        }
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Selector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, a list of names, or attributes")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Selector, E> {
                Ok(Selector::Names(OneOrMany::One(name.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Selector, A::Error> {
                let names = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                Ok(Selector::Names(OneOrMany::Many(names)))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Selector, A::Error> {
                Attributes::deserialize(MapAccessDeserializer::new(members))
                    .map(Selector::Attributes)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Presence;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, a text, or a list of texts")
            }

            fn visit_bool<E: de::Error>(self, known: bool) -> Result<Presence, E> {
                Ok(Presence::Known(known))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Presence, E> {
                Ok(Presence::OneOf(OneOrMany::One(name.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Presence, A::Error> {
                let names = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                Ok(Presence::OneOf(OneOrMany::Many(names)))
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = When;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition")
            }

            fn visit_str<E: de::Error>(self, source: &str) -> Result<When, E> {
                Ok(When::Cel(source.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<When, A::Error> {
                Map::deserialize(MapAccessDeserializer::new(members)).map(When::Short)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}
