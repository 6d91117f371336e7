//! A verdict, held: what the call takes with it if it may pass, and why it may not.

use crate::{
    call::Call,
    condition,
    policy::{Cause, Verdict},
    refusal::{Refusal, Why},
    registry::{Entry, Kind},
    rpc::{self, Era, Message},
};

use super::{
    Exchange, Passage, Request,
    ask::Terms,
    judge::{Judged, Wanted, truth},
    limits::Subject,
    rename::rename,
    tries,
};

impl Exchange {
    /// Holds a verdict, and the arguments against the contract.
    pub(super) fn enforce(
        &mut self,
        verdict: Verdict,
        request: &Request,
        message: &Message<'_>,
        wanted: &Wanted<'_>,
        call: &Call<'_>,
    ) -> Result<Judged, Refusal> {
        if let Verdict::Deny {
            cause: Cause::MissingScope(scopes),
            ..
        } = verdict
        {
            return Err(Refusal::MissingScope(scopes));
        }
        let entry = call.entry;
        fits(request, message, wanted, entry)?;
        if verdict.permit().is_some() {
            let cost = self.policy.cost(call);
            self.record.cost_units = Some(cost.map_err(|fault| Refusal::Cost(fault.to_string()))?);
        }
        let cost = self.record.cost_units.unwrap_or_default();
        let arguments = self.record.arguments.as_ref();
        let subject = Subject {
            principal: &request.principal,
            entry,
            environment: self.policy.environment(),
            session: self.record.session_id.as_deref(),
            name: wanted.name,
            // Of a resource the parameters differ with each request.
            arguments: arguments
                .filter(|_| wanted.kind != Kind::Resource)
                .map(|arguments| arguments.digest.as_str()),
        };
        let uses = verdict.permit().map(|permit| subject.uses(permit, cost));
        let route = self.route(request, entry, message)?;
        let passage = |permit| {
            let mut passage = Passage {
                route,
                uses: uses.unwrap_or_default(),
                breakers: self.policy.registry().breakers(entry).cloned().collect(),
                ..Passage::new(permit)
            };
            rename(&mut passage, message, wanted, entry);
            passage.edits.headers.extend(tries::headers(entry));
            passage
        };
        match verdict {
            Verdict::Allow(permit) => Ok(Judged::pass(passage(permit))),
            Verdict::Ask {
                permit,
                needs,
                wait,
                expires,
            } => {
                self.record.rule.clone_from(&permit.decision().rule);
                self.record.required(&needs);
                let terms = Terms {
                    needs,
                    wait,
                    expires,
                };
                let passage = passage(permit);
                let question = self.question(request, message, wanted, entry, terms, passage)?;
                match wanted.round {
                    Some(round) if round.declined => {
                        let id = round.id.clone();
                        Err(question.unapproved(Why::Declined { id }))
                    }
                    Some(_) | None => Ok(Judged::Ask(Box::new(question))),
                }
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
        .map_err(Refusal::Contract)?;
    match entry
        .rest
        .as_ref()
        .map(|rest| rest.render(wanted.arguments))
    {
        Some(Err(violations)) => Err(Refusal::Contract(violations)),
        Some(Ok(_)) | None => Ok(()),
    }
}

const MAX_VIOLATIONS: usize = 20;
