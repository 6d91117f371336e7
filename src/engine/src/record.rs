//! The audit record: one JSON object for each message, and the metrics that go with it.
//!
//! A member that has no value is absent, never empty; but for `roles` and `scopes`, where to have none
//! is something else than not to be known. Of arguments it
//! holds names, size and digest; values only where a rule wants that, and without what is taken out.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{
    approval::Need,
    cx::Timestamp,
    http::Headers,
    policy::Policy,
    redact::Counts,
    registry::{Access, RiskTier},
};

mod drift;
mod metric;
mod note;
mod past;
mod terms;

pub use drift::{Drifted, Drifts};
pub use metric::{Metric, MetricKind};
pub use past::{Other, Past, PastArguments, Text};
pub use terms::{
    Approval, Arguments, Attempts, Closing, Contract, Cut, Decision, End, Injection, Listed,
    Outcome, Service, Shadow, Touched, Turned,
};

/// What audit sees of one HTTP exchange. Serialized names are stable.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When the request's head arrived, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub timestamp: String,
    /// W3C trace context, from the `traceparent` header, or else from `_meta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The caller's span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// Envoy's `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `Mcp-Session-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The JSON-RPC id, with its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jsonrpc_id: Option<Value>,
    /// HTTP method, where the message has no JSON-RPC method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    /// The JSON-RPC method (`mcp.method.name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The protocol version that the message states (`mcp.protocol.version`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Roles of the user, sorted, at most 64; absent where the caller is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Scopes of the token, sorted, at most 64; absent where the caller is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The policy's environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Actors of the delegation chain, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegation: Vec<String>,
    /// Address of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The registered server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The tool as agents know it (`gen_ai.tool.name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// The resource's URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
    /// The prompt's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
    /// Version of the tool's contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<String>,
    /// `low`, `medium` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_tier: Option<RiskTier>,
    /// `read` or `write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The registry's classification of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_classification: Option<String>,
    /// What the arguments look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Arguments>,
    /// `_meta.reason`: why the agent says it calls; at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_reason: Option<String>,
    /// `allow`, `deny` or `approval_required`.
    pub decision: Decision,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// All rules that matched, in order, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<String>,
    /// Why, as a code.
    pub reason: &'static str,
    /// Why, in the words of the policy's author or of the check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who approved: `null` while an approval is required and nobody has decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<Value>,
    /// Who has to approve: roles, or `user`, each as often as it has to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// The breakers that let pass something else since this call, or did not let it pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<Turned>,
    /// What became of the approval, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// The limits that it counts for, with what is left after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Touched>,
    /// What the rate-limit service said, where it was to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_service: Option<Service>,
    /// The limit that has no room for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// In how many milliseconds it may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The call was a dry run: it was judged and not executed, whatever the decision.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What the rules that are only tried would have decided, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// `version` of the policy.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy_version: String,
    /// `version` of the registry.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registry_version: String,
    /// SHA-256 of the whole configuration.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy_digest: String,
    /// How many values were taken out of arguments and results, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redactions: Counts,
    /// What a list showed and hid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// What the server announced otherwise than it was reviewed, at most 64.
    #[serde(skip_serializing_if = "Drifts::is_empty")]
    pub drift: Drifts,
    /// How the result broke its contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// What was left out of the result to keep its bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Why messages of the server did not pass, and how many.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<&'static str, u64>,
    /// What wanted to steer models in its answers, and what was done about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub injections: Vec<Injection>,
    /// How it ended.
    pub result: Outcome,
    /// HTTP status that the client got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Envoy's `%RESPONSE_CODE_DETAILS%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Request bytes as the client sent them, without headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_in: Option<u64>,
    /// Response bytes, without headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// Size of the answer's `result` or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<u64>,
    /// Roughly how many tokens of a model's context that takes: one for four bytes, base64 apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_tokens: Option<u64>,
    /// What it cost, if it came to its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_units: Option<u64>,
    /// The Envoy cluster that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_cluster: Option<String>,
    /// From the head's arrival to the end, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// How long the approval service took to answer, in milliseconds: also while it waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_ms: Option<f64>,
    /// From forwarding to the first byte of the answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_ms: Option<f64>,
    /// Time spent in the filter, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_us: Option<f64>,
}

impl Record {
    /// The record of a request whose head has just arrived.
    #[must_use]
    pub fn open(policy: &Policy, headers: &Headers, now: Timestamp) -> Self {
        let text = |name: &str| headers.one(name).ok().flatten().map(clip);
        let trace = text("traceparent");
        let (trace_id, span_id) = trace.as_deref().and_then(trace_context).unzip();
        Self {
            timestamp: now.rfc3339(),
            trace_id,
            span_id,
            request_id: text("x-request-id"),
            session_id: text("mcp-session-id"),
            http_method: text(":method"),
            tenant: policy.tenancy().map(|tenancy| tenancy.id().to_owned()),
            environment: policy.environment().map(str::to_owned),
            policy_version: policy.version().to_owned(),
            registry_version: policy.registry_version().to_owned(),
            policy_digest: policy.digest().to_owned(),
            reason: "incomplete",
            ..Self::default()
        }
    }

    /// Adds how it ended, and gives the JSON text and the metrics.
    #[must_use]
    pub fn close(mut self, end: End, policy: &Policy) -> Closing {
        self.status = end.status;
        self.details = end.details.filter(|details| !details.is_empty());
        self.bytes_in = end.bytes_in;
        self.bytes_out = end.bytes_out;
        self.upstream_cluster = end.upstream_cluster;
        self.duration_ms = end.duration_ns.map(millis);
        self.filter_us = Some(micros(end.filter_ns));
        let metrics = self.metrics(policy, end.duration_ns, end.filter_ns);
        let record = serde_json::to_vec(&self).unwrap_or_else(|_| b"{}".to_vec());
        Closing {
            record,
            metrics,
            state: Vec::new(),
        }
    }
}

/// The record of a request that never reached the filter: the codec or an earlier filter answered.
#[must_use]
pub fn unseen(policy: &Policy, end: End, now: Timestamp) -> Closing {
    let mut record = Record::open(policy, &Headers::default(), now);
    record.reason = "rejected_by_envoy";
    record.close(end, policy)
}

/// Trace id and parent id of a `traceparent` (W3C Trace Context, section 3.2).
fn trace_context(header: &str) -> Option<(String, String)> {
    let mut parts = header.split('-');
    let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    (hex(trace, 32) && hex(span, 16)).then(|| (trace.to_owned(), span.to_owned()))
}

/// Texts, as many as a log line bears.
fn several<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let texts = texts.into_iter().take(MAX_ITEMS);
    texts.map(|text| clip(text)).collect()
}

/// Each approval by who gives it.
fn names(needs: &[Need]) -> Vec<String> {
    needs.iter().flat_map(Need::names).map(clip).collect()
}

/// A client's text, cut to a length that a log line bears.
fn clip(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn millis(ns: u64) -> f64 {
    micros(ns / 1_000)
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1_000.0
}

const MAX_ITEMS: usize = 64;
const MAX_TEXT: usize = 256;
