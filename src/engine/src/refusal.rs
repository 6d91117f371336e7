//! Every way to say no: its reason code, its HTTP status, its JSON-RPC shape per protocol era.
//!
//! Unreadable requests are answered by an HTTP error, as the MCP transport asks. A readable request
//! that is refused is answered in band, because official clients drop the whole session on most
//! HTTP errors; and a tool call is answered by a tool result, because that is what a model reads.

use crate::{
    contract::Violation,
    http::Reply,
    identity,
    json::quote,
    policy::{Decision, Policy, Summary},
    registry::Kind,
    rpc::{self, Era},
};

mod answer;
mod broken;
mod limited;
mod result;
mod sensitive;
mod session;
mod unapproved;
mod words;

pub use broken::Broken;
pub use limited::Limited;
pub use result::ResultFault;
pub use sensitive::Sensitive;
pub use session::SessionFault;
pub use unapproved::{INPUT, Unapproved, Why};

/// Why a request is not forwarded.
#[derive(Debug)]
pub enum Refusal {
    /// The path is no MCP endpoint.
    NotFound,
    /// It belongs to no session of the virtual server.
    Session(SessionFault),
    /// The `Origin` is not one that may call (MCP, "DNS rebinding").
    Origin,
    /// HTTP, JSON-RPC or MCP rules are broken.
    Unreadable(rpc::Fault),
    /// A token is required (RFC 6750, section 3).
    Unauthenticated(identity::Fault),
    /// The token lacks these scopes (RFC 6750, section 3.1).
    MissingScope(Vec<String>),
    /// Nothing of that name exists for this caller.
    Unknown {
        /// What was asked for.
        what: Kind,
        /// Its name as the client wrote it.
        name: String,
        /// What only audit may know: `unregistered`, `tenant`, `environment`, `sunset`, `no_rule`, `rule`.
        truth: &'static str,
    },
    /// No task of that id exists for this caller; only audit may know why.
    UnknownTask(&'static str),
    /// The arguments break the tool's `inputSchema`.
    Contract(Vec<Violation>),
    /// No rule allows the call.
    NoRule,
    /// A rule denies the call.
    Rule(Decision),
    /// A condition could not be evaluated.
    Condition {
        /// The rule it belongs to.
        rule: String,
        /// What went wrong, in a few words.
        fault: String,
        /// The condition used up its fuel.
        out_of_fuel: bool,
    },
    /// What the call costs has no value: why, in a few words.
    Cost(String),
    /// The arguments hold what may not pass.
    Sensitive(Sensitive),
    /// What is called fails too often to be called.
    Broken(Box<Broken>),
    /// A limit has no room for the call.
    Limited(Box<Limited>),
    /// The call needs an approval that it does not have.
    Unapproved(Box<Unapproved>),
    /// The request state is none that was given out.
    State,
    /// The message asks for a dry run, and may not.
    NoDryRun(&'static str),
    /// It was a dry run: what would have become of the call.
    DryRun(Box<DryRun>),
    /// The server speaks another protocol era, which has no such method.
    OtherEra {
        /// What was asked for.
        method: String,
        /// What the server speaks.
        server: Era,
    },
    /// The upstream's answer is none that may pass.
    Upstream(UpstreamFault),
    /// The result may not pass as it is.
    Result(ResultFault),
}

/// What would have become of a call.
#[derive(Debug)]
pub struct DryRun {
    /// How it would have been refused; `None`: it would have been forwarded.
    pub refusal: Option<Refusal>,
    /// What the rules say.
    pub decision: Decision,
    /// What the rules that are only tried would have decided, where that differs.
    pub shadow: Option<Summary>,
}

/// Why an upstream's answer may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It is compressed.
    Encoded,
    /// It cannot be read.
    Unreadable,
    /// It is over the limit.
    TooLarge,
    /// There is none.
    Silent,
    /// The server could not be reached, or opens no session.
    Unreachable,
    /// It is a page for people, with this HTTP status.
    Page(u16),
    /// It is what the client has not declared to understand.
    Undeclared(&'static str),
    /// It asks of the client what it may not.
    Request,
    /// It wants this of the client, which only clients of its own era can give.
    Wants(&'static str, Era),
    /// It refuses the gateway itself: the agent could do nothing about that.
    Unauthorized,
}

/// To whom the refusal is said.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// The request's era, once known.
    pub era: Option<Era>,
    /// The request's id as it was written, once known.
    pub id: Option<String>,
    /// The message cannot be answered in band: a notification or a response.
    pub one_way: bool,
    /// The request is a `tools/call`.
    pub tool_call: bool,
    /// URL of the protected-resource metadata (RFC 9728).
    pub resource_metadata: Option<String>,
    /// The client can send its user to a page.
    pub pages: bool,
    /// Scope denials are said in band.
    pub scope_in_band: bool,
}

/// JSON-RPC 2.0, section 5.1.
const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;
const INTERNAL: i64 = -32_603;

/// JSON-RPC code of a denial outside `tools/call`; outside the range that JSON-RPC reserves.
pub const DENIED: i64 = -31_000;

impl Refusal {
    /// The reason code: stable, for audit, metrics and machines.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Session(fault) => fault.reason(),
            Self::Origin => "origin",
            Self::Unreadable(fault) => fault.reason(),
            Self::Unauthenticated(identity::Fault::NoToken) => "no_token",
            Self::Unauthenticated(identity::Fault::BadToken) => "invalid_token",
            Self::Unauthenticated(identity::Fault::OtherTenant) => "other_tenant",
            Self::MissingScope(_) => "insufficient_scope",
            Self::Unknown { truth, .. } | Self::UnknownTask(truth) => truth,
            Self::Contract(_) => "invalid_arguments",
            Self::NoRule => "no_rule",
            Self::Rule(_) => "rule",
            Self::Condition {
                out_of_fuel: true, ..
            } => "condition_out_of_fuel",
            Self::Condition {
                out_of_fuel: false, ..
            } => "condition_failed",
            Self::Cost(_) => "cost_unknown",
            Self::Sensitive(_) => "redaction_blocked",
            Self::Limited(call) => call.reason(),
            Self::Broken(_) => "breaker_open",
            Self::Unapproved(call) => call.reason(),
            Self::State => "request_state",
            Self::NoDryRun(_) => "no_dry_run",
            Self::DryRun(run) => run.refusal.as_ref().map_or("rule", Self::reason),
            Self::OtherEra { .. } => "other_era",
            Self::Upstream(UpstreamFault::Encoded) => "upstream_encoded",
            Self::Upstream(UpstreamFault::Unreadable) => "upstream_unreadable",
            Self::Upstream(UpstreamFault::TooLarge) => "upstream_too_large",
            Self::Upstream(UpstreamFault::Silent) => "upstream_silent",
            Self::Upstream(UpstreamFault::Unreachable) => "upstream_unreachable",
            Self::Upstream(UpstreamFault::Page(_)) => "upstream_page",
            Self::Upstream(UpstreamFault::Undeclared(_)) => "upstream_undeclared",
            Self::Upstream(UpstreamFault::Request) => "upstream_request",
            Self::Upstream(UpstreamFault::Wants(..)) => "upstream_wants",
            Self::Upstream(UpstreamFault::Unauthorized) => "upstream_unauthorized",
            Self::Result(fault) => fault.reason(),
        }
    }

    /// The rule that decided, where one did.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Rule(decision) => decision.rule.as_deref(),
            Self::Condition { rule, .. } => Some(rule),
            Self::Unapproved(call) => call.rule.as_deref(),
            Self::DryRun(run) => run.rule(),
            Self::NotFound
            | Self::Session(_)
            | Self::Origin
            | Self::Unreadable(_)
            | Self::Unauthenticated(_)
            | Self::MissingScope(_)
            | Self::Unknown { .. }
            | Self::UnknownTask(_)
            | Self::Contract(_)
            | Self::NoRule
            | Self::Cost(_)
            | Self::Sensitive(_)
            | Self::Broken(_)
            | Self::Limited(_)
            | Self::State
            | Self::NoDryRun(_)
            | Self::OtherEra { .. }
            | Self::Upstream(_)
            | Self::Result(_) => None,
        }
    }

    /// The limit that has no room, where one has none.
    #[must_use]
    pub fn limited(&self) -> Option<&Limited> {
        if let Self::DryRun(run) = self {
            return run.refusal.as_ref()?.limited();
        }
        if let Self::Limited(call) = self {
            return Some(call);
        }
        None
    }

    /// The answer for `asker`.
    #[must_use]
    pub fn reply(&self, asker: &Asker, policy: &Policy) -> Reply {
        let mut reply = self.answer(asker, policy);
        reply.details = format!("toolgate_{}", self.reason());
        reply
    }
}

/// One JSON-RPC error message.
#[must_use]
pub fn error_body(id: Option<&str>, code: i64, message: &str, data: Option<&str>) -> String {
    let id = id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
    let data = data
        .map(|data| format!(r#","data":{data}"#))
        .unwrap_or_default();
    let message = quote(message);
    format!(r#"{{"jsonrpc":"2.0",{id}"error":{{"code":{code},"message":{message}{data}}}}}"#)
}

/// A reply of this status with this JSON text.
#[must_use]
pub fn json_reply(status: u16, body: String) -> Reply {
    Reply {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.into_bytes(),
        details: "toolgate".to_owned(),
    }
}
