//! The decision on one whole request: parse, look up, judge, edit.

use std::sync::Arc;

use crate::{
    call::{Call, Partial},
    condition,
    cx::Cx,
    http::{Edits, HeaderEdit},
    json::{Doc, Node, Splice, quote, splice},
    policy::{Cause, HiddenBy, Verdict},
    record::Decision,
    refusal::{DryRun, Refusal},
    registry::{Entry, Kind},
    rpc::{self, Era, Message, MessageKind, Method, Target},
};

use super::{Exchange, Passage, Request};

impl Exchange {
    /// Judges a whole body.
    pub(super) fn judge(
        &mut self,
        request: &Request,
        body: Vec<u8>,
        cx: &Cx,
    ) -> Result<Passage, Refusal> {
        let doc =
            Doc::parse(body).map_err(|(fault, _)| Refusal::Unreadable(rpc::Fault::Json(fault)))?;
        let message = rpc::read(&doc, &request.headers).map_err(|(fault, id)| {
            self.asker.id = id;
            Refusal::Unreadable(fault)
        })?;
        self.asker.id = message.id.map(str::to_owned);
        self.asker.era = Some(message.era);
        self.asker.one_way = message.kind != MessageKind::Request;
        self.asker.tool_call = matches!(message.target, Target::Tool(_));
        self.record.message(&message);
        message.check_method().map_err(Refusal::Unreadable)?;
        let dry_run = self.dry_run(request, &message)?;
        let passage = Passage::new(self.policy.plumbing());
        let target = match &message.target {
            Target::Plumbing | Target::Task(_) => return Ok(passage),
            Target::List(_) => {
                return Ok(Passage {
                    filter: true,
                    ..passage
                });
            }
            Target::Resources(uris) => {
                // What may not be read may not be watched.
                for uri in uris {
                    let wanted = Wanted {
                        kind: Kind::Resource,
                        name: uri,
                        arguments: None,
                        dry_run,
                    };
                    self.judge_use(request, &message, &doc, &wanted, cx)?;
                }
                return Ok(passage);
            }
            // `check_method` has refused it already.
            Target::Unknown => return Err(Refusal::NotFound),
            Target::Tool(name) => (Kind::Tool, name, message.arguments()),
            Target::Prompt(name) => (Kind::Prompt, name, message.arguments()),
            Target::Resource(name) => (Kind::Resource, name, message.params),
        };
        let (kind, name, arguments) = target;
        let wanted = Wanted {
            kind,
            name,
            arguments,
            dry_run,
        };
        self.judge_use(request, &message, &doc, &wanted, cx)
    }
}

/// What a request wants to use.
struct Wanted<'a> {
    kind: Kind,
    name: &'a str,
    arguments: Option<Node<'a>>,
    /// Only what would be decided is asked for.
    dry_run: bool,
}

impl Exchange {
    /// Whether the message asks for a dry run. Where it may not, or in a way that is not certain,
    /// it is refused: what somebody only wanted to try must never happen.
    fn dry_run(&mut self, request: &Request, message: &Message<'_>) -> Result<bool, Refusal> {
        let Some(meta) = message.params.and_then(|params| params.get("_meta")) else {
            return Ok(false);
        };
        if meta.members().any(|member| is_misspelt(&member.key())) {
            return Err(Refusal::NoDryRun(
                "of `toolgate/`, there is only `toolgate/dryRun`",
            ));
        }
        let Some(asked) = meta.get(DRY_RUN) else {
            return Ok(false);
        };
        match asked.bool() {
            Some(false) => return Ok(false),
            Some(true) => self.record.dry_run = true,
            None => return Err(Refusal::NoDryRun("`toolgate/dryRun` is true or false")),
        }
        if !self.policy.permits_dry_run(&request.principal) {
            return Err(Refusal::NoDryRun("this caller may not make dry runs"));
        }
        let used = match message.target {
            Target::Tool(_) | Target::Prompt(_) | Target::Resource(_) => !completes(message),
            Target::Plumbing
            | Target::Task(_)
            | Target::List(_)
            | Target::Resources(_)
            | Target::Unknown => false,
        };
        if !used || message.kind != MessageKind::Request {
            return Err(Refusal::NoDryRun("there is no dry run of this method"));
        }
        Ok(true)
    }

    /// Judges the use of a tool, a resource or a prompt.
    fn judge_use(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        doc: &Doc,
        wanted: &Wanted<'_>,
        cx: &Cx,
    ) -> Result<Passage, Refusal> {
        let policy = Arc::clone(&self.policy);
        self.record.target(wanted.kind, wanted.name);
        if let Some(arguments) = wanted.arguments {
            self.record.arguments(arguments);
        }
        let unknown = |truth| Refusal::Unknown {
            what: wanted.kind,
            name: wanted.name.to_owned(),
            truth,
        };
        let registry = policy.registry();
        let entry = match wanted.kind {
            Kind::Tool => registry.tool(wanted.name),
            Kind::Prompt => registry.prompt(wanted.name),
            Kind::Resource => registry.resource(&request.server, wanted.name),
        };
        let entry = entry
            .filter(|entry| entry.server == request.server)
            .ok_or_else(|| unknown("unregistered"))?;
        self.record.entry(entry);

        let session = self.record.session_id.clone();
        let seen = Call {
            principal: &request.principal,
            entry,
            args: Partial::Unknown,
            meta: Partial::Unknown,
            session: session.as_deref(),
            now: cx.now,
        };
        if completes(message) {
            let edits = rename(message, doc, wanted, entry);
            return match policy.visible(&seen) {
                true => Ok(Passage {
                    edits,
                    ..Passage::new(policy.plumbing())
                }),
                false => Err(unknown("hidden")),
            };
        }
        let call = Call {
            args: Partial::Known(wanted.arguments),
            meta: Partial::Known(message.params.and_then(|params| params.get("_meta"))),
            ..seen
        };
        let (verdict, shadow) = policy.judge(&call);
        self.record.matched(verdict.decision());
        if let Verdict::Deny { cause, decision } = &verdict
            && !policy.visible(&seen)
        {
            // What the caller may not see at all does not exist for it; only audit knows better.
            self.record.tried(&policy, shadow.as_ref());
            self.record.rule.clone_from(&decision.rule);
            self.record.message.clone_from(&decision.reason);
            return Err(unknown(truth(cause)));
        }
        let decision = wanted.dry_run.then(|| verdict.decision().clone());
        let outcome = self.enforce(verdict, request, message, doc, wanted, entry);
        let shadow = match outcome {
            // It would be refused under any rules.
            Err(Refusal::Contract(_) | Refusal::Unreadable(_)) => None,
            Ok(_) | Err(_) => shadow,
        };
        self.record.tried(&policy, shadow.as_ref());
        match (outcome, decision) {
            (Err(Refusal::Unreadable(fault)), _) => Err(Refusal::Unreadable(fault)),
            (outcome, Some(decision)) => Err(Refusal::DryRun(Box::new(DryRun {
                refusal: outcome.err(),
                decision,
                shadow,
            }))),
            (outcome, None) => outcome,
        }
    }

    /// Holds a verdict, and the arguments against the contract.
    fn enforce(
        &mut self,
        verdict: Verdict,
        request: &Request,
        message: &Message<'_>,
        doc: &Doc,
        wanted: &Wanted<'_>,
        entry: &Entry,
    ) -> Result<Passage, Refusal> {
        if let Verdict::Deny {
            cause: Cause::MissingScope(scopes),
            ..
        } = verdict
        {
            return Err(Refusal::MissingScope(scopes));
        }
        fits(request, message, wanted, entry)?;
        match verdict {
            Verdict::Allow(permit) => {
                let mut edits = rename(message, doc, wanted, entry);
                edits.headers.extend(entry.timeout.map(|timeout| {
                    let millis = timeout.as_millis().to_string();
                    HeaderEdit::Set("x-envoy-upstream-rq-timeout-ms", millis)
                }));
                Ok(Passage {
                    permit,
                    filter: false,
                    edits,
                })
            }
            Verdict::Ask { permit, approver } => {
                self.record.decision = Decision::ApprovalRequired;
                Err(Refusal::ApproverUnreachable {
                    rule: permit.decision().rule.clone(),
                    approver: approver.into_role(),
                })
            }
            Verdict::Deny { decision, cause } => Err(match cause {
                Cause::Hidden(_) => Refusal::Unknown {
                    what: wanted.kind,
                    name: wanted.name.to_owned(),
                    truth: truth(&cause),
                },
                Cause::MissingScope(scopes) => Refusal::MissingScope(scopes),
                Cause::NoRule => Refusal::NoRule,
                Cause::Rule => Refusal::Rule(decision),
                Cause::ConditionFailed { rule, fault } => Refusal::Condition {
                    rule,
                    out_of_fuel: fault == condition::Fault::Fuel,
                    fault: fault.to_string(),
                },
            }),
        }
    }
}

/// Whether a member of `_meta` is meant for Toolgate, and nothing that it knows: what looks like a
/// dry run must not be executed as an ordinary call.
fn is_misspelt(key: &str) -> bool {
    key != DRY_RUN
        && key
            .get(..NAMESPACE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(NAMESPACE))
}

/// Whether the arguments are what the entry expects.
fn fits(
    request: &Request,
    message: &Message<'_>,
    wanted: &Wanted<'_>,
    entry: &Entry,
) -> Result<(), Refusal> {
    if wanted.kind == Kind::Tool && message.era == Era::Modern {
        let declared = entry.input.param_headers();
        rpc::check_params(&request.headers, wanted.arguments, declared)
            .map_err(Refusal::Unreadable)?;
    }
    entry
        .input
        .violations(wanted.arguments, MAX_VIOLATIONS)
        .map_err(Refusal::Contract)
}

/// Whether the message only asks for completions of arguments: allowed to whoever sees the entry.
fn completes(message: &Message<'_>) -> bool {
    message.operation == Method::Complete
}

/// Puts the backend's name in place of the agent's; nothing else of the request changes.
fn rename(message: &Message<'_>, doc: &Doc, wanted: &Wanted<'_>, entry: &Entry) -> Edits {
    if wanted.kind == Kind::Resource || entry.backend_name == wanted.name {
        return Edits::default();
    }
    let holder = message.params.and_then(|params| match completes(message) {
        true => params.get("ref"),
        false => Some(params),
    });
    let Some(name) = holder.and_then(|holder| holder.get("name")) else {
        return Edits::default();
    };
    let edit = Splice {
        at: name.span(),
        with: quote(&entry.backend_name).into_bytes(),
    };
    let headers = match (message.era, completes(message)) {
        (Era::Modern, false) => {
            vec![HeaderEdit::Set(
                "mcp-name",
                rpc::encode_header(&entry.backend_name),
            )]
        }
        _ => Vec::new(),
    };
    Edits {
        headers,
        body: Some(splice(doc.bytes(), vec![edit])),
    }
}

/// The true reason behind "does not exist", for audit.
fn truth(cause: &Cause) -> &'static str {
    match cause {
        Cause::Hidden(HiddenBy::Tenant) => "hidden_tenant",
        Cause::Hidden(HiddenBy::Environment) => "hidden_environment",
        Cause::Hidden(HiddenBy::Sunset) => "hidden_sunset",
        Cause::MissingScope(_) => "hidden_scope",
        Cause::NoRule => "hidden_no_rule",
        Cause::Rule => "hidden_rule",
        Cause::ConditionFailed { .. } => "hidden_condition",
    }
}

const MAX_VIOLATIONS: usize = 20;
const NAMESPACE: &str = "toolgate/";
const DRY_RUN: &str = "toolgate/dryRun";
