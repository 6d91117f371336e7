//! What a record takes down while a call goes on.

use serde_json::Value;

use super::{
    Arguments, Decision, MAX_ITEMS, Outcome, Record, Shadow, Touched, Turned, clip, millis, names,
    several, trace_context,
};
use crate::{
    approval::{self, Need},
    breaker::{Breaker, Change, Phase},
    call::Principal,
    cx::Timestamp,
    digest::sha256,
    json::Node,
    limit::Limit,
    policy::{self, Policy, Summary},
    redact::Counts,
    refusal::Refusal,
    registry::{Entry, Kind},
    rpc::Message,
};

impl Record {
    /// Adds who calls.
    pub fn caller(&mut self, principal: &Principal) {
        self.user_id.clone_from(&principal.user);
        self.agent_id.clone_from(&principal.agent);
        self.app_id.clone_from(&principal.app);
        self.tenant.clone_from(&principal.tenant);
        self.roles = Some(several(&principal.roles));
        self.scopes = Some(several(&principal.scopes));
        self.delegation.clone_from(&principal.chain);
    }

    /// Adds what the JSON-RPC message says.
    pub fn message(&mut self, message: &Message<'_>) {
        self.jsonrpc_id = message.id.and_then(|id| serde_json::from_str(id).ok());
        self.method = message.method.as_deref().map(clip);
        if self.method.is_some() {
            self.http_method = None;
        }
        self.protocol_version = message.version.as_deref().map(clip);
        let text = |key: &str| message.meta_text(key);
        self.meta_reason = text("reason").map(|reason| clip(&reason));
        if self.trace_id.is_none() {
            let trace = text("traceparent");
            (self.trace_id, self.span_id) = trace.as_deref().and_then(trace_context).unzip();
        }
    }

    /// It may pass: by this rule, or because the protocol needs it.
    pub fn allow(&mut self, rule: Option<&str>) {
        self.decision = Decision::Allow;
        self.rule = rule.map(str::to_owned);
        self.reason = if rule.is_some() { "rule" } else { "protocol" };
    }

    /// Adds what the message addresses, as the client named it.
    pub fn target(&mut self, kind: Kind, name: &str) {
        let name = Some(clip(name));
        match kind {
            Kind::Tool => self.tool_name = name,
            Kind::Resource => self.resource_uri = name,
            Kind::Prompt => self.prompt_name = name,
        }
    }

    /// Adds what the registry says about it.
    pub fn entry(&mut self, entry: &Entry) {
        self.contract_version.clone_from(&entry.contract_version);
        self.risk_tier = Some(entry.risk_tier);
        self.access = Some(entry.access);
        self.data_classification
            .clone_from(&entry.data_classification);
    }

    /// Adds metadata of the arguments.
    pub fn arguments(&mut self, arguments: Node<'_>) {
        self.arguments = Some(Arguments {
            keys: keys(arguments),
            bytes: arguments.raw().len(),
            digest: sha256(&arguments.canonical()),
            values: None,
            values_omitted: false,
        });
    }

    /// Replaces why the agent says it calls.
    pub fn meta_reason(&mut self, reason: &str) {
        self.meta_reason = Some(clip(reason));
    }

    /// Replaces what is told of arguments by what may be, with `values` or without.
    pub fn shown(&mut self, left: Node<'_>, values: bool) {
        let Some(arguments) = &mut self.arguments else {
            return;
        };
        arguments.keys = keys(left);
        let whole = left.raw().len() <= MAX_VALUES;
        if values && whole {
            arguments.values = Some(left.to_value());
        }
        arguments.values_omitted = values && !whole;
    }

    /// Adds values that were taken out, by kind.
    pub fn redacted(&mut self, counts: Counts) {
        for (kind, count) in counts {
            *self.redactions.entry(kind).or_default() += count;
        }
    }

    /// Adds which rules matched.
    pub fn matched(&mut self, decision: &policy::Decision) {
        self.matched = several(&decision.matched);
    }

    /// Adds what the rules that are only tried would have decided.
    pub fn tried(&mut self, policy: &Policy, verdict: Option<&Summary>) {
        self.shadow = verdict.map(|verdict| Shadow {
            decision: verdict.effect.into(),
            rule: verdict.rule.clone(),
            reason: verdict.reason,
            approvers: names(&verdict.needs),
            policy_version: policy.shadow_version().to_owned(),
        });
    }

    /// Adds a refusal.
    pub fn refuse(&mut self, refusal: &Refusal) {
        if let Refusal::DryRun(run) = refusal {
            self.decision = run.effect().into();
            self.result = Outcome::DryRun;
        } else {
            if self.decision != Decision::ApprovalRequired {
                self.decision = Decision::Deny;
            }
            self.result = Outcome::Denied;
        }
        self.reason = refusal.reason();
        if let Some(rule) = refusal.rule() {
            self.rule = Some(rule.to_owned());
        }
        if let Some(limited) = refusal.limited() {
            // Nobody is asked.
            self.decision = Decision::Deny;
            (self.approver, self.approvers) = (None, Vec::new());
            self.limit = Some(limited.limit.name.clone());
            self.retry_after_ms = limited.retry_after_ms();
        }
        if let Refusal::Broken(broken) = refusal {
            self.decision = Decision::Deny;
            (self.approver, self.approvers) = (None, Vec::new());
            self.breakers.push(Turned {
                name: broken.breaker.name.clone(),
                was: None,
                state: Phase::Open,
            });
            self.retry_after_ms = Some(broken.retry_after_ms());
        }
        if let Some(message) = refusal.message() {
            self.message = Some(clip(&message));
        }
    }

    /// Adds a limit that it counts for.
    pub fn touched(&mut self, limit: &Limit, left: Option<u64>) {
        let mut known = self.limits.iter_mut();
        match known.find(|touched| touched.name == limit.name) {
            Some(touched) => touched.left = left,
            None => self.limits.push(Touched {
                name: limit.name.clone(),
                left,
            }),
        }
    }

    /// Adds a breaker that lets pass something else since this call.
    pub fn turned(&mut self, breaker: &Breaker, change: Option<Change>) {
        self.breakers.extend(change.map(|change| Turned {
            name: breaker.name.clone(),
            was: Some(change.was),
            state: change.now,
        }));
    }

    /// Adds who has to approve.
    pub fn required(&mut self, needs: &[Need]) {
        self.decision = Decision::ApprovalRequired;
        self.reason = "approval_required";
        self.approver = Some(Value::Null);
        self.approvers = names(needs);
    }

    /// Adds how long the approval service took.
    pub fn asked(&mut self, since: Timestamp, now: Timestamp) {
        let took = u64::try_from(now.0.saturating_sub(since.0));
        self.ask_ms = took.ok().map(millis);
    }

    /// Adds that the call passes because somebody approved it.
    pub fn approved(&mut self, decision: &approval::Decision) {
        self.decision = Decision::ApprovalRequired;
        self.reason = "approved";
        self.approver = Some(clip(&decision.approver).into());
    }
}

/// Names of the top-level members.
fn keys(arguments: Node<'_>) -> Vec<String> {
    let members = arguments.members().take(MAX_ITEMS);
    members.map(|member| clip(&member.key())).collect()
}

/// Bytes of arguments that are recorded with their values.
const MAX_VALUES: usize = 8_192;
