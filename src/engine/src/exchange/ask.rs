//! Asking for an approval: what is asked, and what follows from the answer.

use std::time::Duration;

use crate::{
    approval::{self, Answer, Approver, Ask, Inexact, Need, Payload},
    cx::{Cx, Timestamp},
    http::{Callout, Response},
    json::{Doc, Node},
    policy::Approvals,
    record::Approval,
    refusal::{Refusal, Unapproved, Why},
    registry::{Entry, Kind},
    rpc::Message,
};

use super::{
    Exchange, Passage, Request, State, Step,
    judge::Wanted,
    round::{self, is_use},
};

/// A call that may pass once it is approved.
#[derive(Debug)]
pub(super) struct Question {
    ask: Ask,
    wait: Duration,
    /// The server's own part of the request state.
    theirs: String,
    pub(super) passage: Passage,
}

/// A call that waits for the answer.
#[derive(Debug)]
pub(super) struct Asking {
    request: Box<Request>,
    question: Question,
    since: Timestamp,
}

/// What the rules ask for.
pub(super) struct Terms {
    pub(super) needs: Vec<Need>,
    pub(super) wait: Duration,
    pub(super) expires: Option<Duration>,
}

impl Exchange {
    /// What has to be asked before a call passes.
    pub(super) fn question(
        &self,
        request: &Request,
        message: &Message<'_>,
        wanted: &Wanted<'_>,
        entry: &Entry,
        terms: Terms,
        passage: Passage,
    ) -> Result<Question, Refusal> {
        let decision = passage.permit.decision();
        let who = &request.principal;
        let member = |name: &str| message.params?.get(name);
        let bound = || {
            if !is_use(message.operation) {
                return Err(Why::NoUse);
            }
            let by_user = |need: &Need| need.approver == Approver::User;
            if terms.needs.iter().any(by_user) && who.user.is_none() {
                return Err(Why::NoUser);
            }
            let arguments = payload(wanted).map_err(Why::Inexact)?;
            let input = member("inputResponses").map(|input| Payload::of(Some(input)));
            Ok((arguments, input.transpose().map_err(Why::Inexact)?))
        };
        let (arguments, input_responses) = match bound() {
            Ok(bound) => bound,
            Err(why) => {
                return Err(Refusal::Unapproved(Box::new(Unapproved {
                    name: wanted.name.to_owned(),
                    rule: decision.rule.clone(),
                    needs: terms.needs,
                    why,
                })));
            }
        };
        let ask = Ask {
            kind: match wanted.kind {
                Kind::Tool => approval::Kind::Tool,
                Kind::Resource => approval::Kind::Resource,
                Kind::Prompt => approval::Kind::Prompt,
            },
            tool: wanted.name.to_owned(),
            contract_version: entry.contract_version.clone(),
            sensitive: sensitive(entry, wanted.arguments),
            arguments,
            input_responses,
            user: who.user.clone(),
            agent: who.agent.clone(),
            tenant: who.tenant.clone(),
            environment: self.policy.environment().map(str::to_owned),
            needs: terms.needs,
            expires_in: terms
                .expires
                .map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX)),
            rule: decision.rule.clone(),
            policy_version: self.policy.version().to_owned(),
            server: Some(entry.server.clone()),
            description: entry.description.clone(),
            access: Some(entry.access.as_str().to_owned()),
            data_classification: entry.data_classification.clone(),
            risk_tier: Some(entry.risk_tier.as_str().to_owned()),
            meta_reason: self.record.meta_reason.clone(),
            request_id: self.record.request_id.clone(),
            trace_id: self.record.trace_id.clone(),
        };
        let wait = match wanted.round {
            // Its user was sent to the page just now.
            Some(_) => terms.wait.max(RETURN_WAIT),
            None => terms.wait,
        };
        Ok(Question {
            ask,
            wait,
            theirs: round::theirs(message),
            passage,
        })
    }

    /// Asks, where somebody can be asked.
    pub(super) fn ask(
        &mut self,
        request: Box<Request>,
        question: Question,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        self.send(Asking {
            request,
            question,
            since: cx.now,
        })
    }

    fn send(&mut self, asking: Asking) -> Result<Step, Refusal> {
        let Some(service) = self.policy.approvals() else {
            return Err(asking.question.unapproved(Why::Unreachable));
        };
        let callout = asking.question.callout(&asking.request, service);
        self.state = State::Asking(Box::new(asking));
        Ok(Step::Call(vec![callout]))
    }

    /// Does what the answer of the service says.
    pub(super) fn approved(
        &mut self,
        mut asking: Asking,
        response: Option<&Response<'_>>,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let answer = response.and_then(Answer::read);
        if let Some(Answer::Pending { .. }) = answer
            && !asking.question.wait.is_zero()
        {
            // Nothing is used up by an answer that was waited for: the client may have gone
            // meanwhile, and Envoy does not call the ask back.
            asking.question.wait = Duration::ZERO;
            return self.send(asking);
        }
        let Asking {
            request,
            question,
            since,
        } = asking;
        self.record.approval = Some(Approval::new(answer.as_ref()));
        self.record.asked(since, cx.now);
        match answer {
            None => Err(question.unapproved(Why::Unreachable)),
            Some(Answer::Pending { id, url }) => Err(question.pending(id, url)),
            Some(Answer::Denied(decision)) => Err(question.unapproved(Why::Denied(decision))),
            Some(Answer::Approved(decision)) => {
                let step = self.admit(request, question.passage, cx)?;
                self.record.approved(&decision);
                Ok(step)
            }
        }
    }
}

impl Question {
    /// Masks more values of the arguments.
    pub(super) fn hide(&mut self, places: Vec<String>) {
        let sensitive = &mut self.ask.sensitive;
        sensitive.extend(places);
        sensitive.sort_unstable();
        sensitive.dedup();
    }

    /// Why it does not pass.
    pub(super) fn unapproved(self, why: Why) -> Refusal {
        Refusal::Unapproved(Box::new(Unapproved {
            name: self.ask.tool,
            rule: self.ask.rule,
            needs: self.ask.needs,
            why,
        }))
    }

    fn pending(self, id: String, url: String) -> Refusal {
        let state = round::state(&id, &self.theirs);
        self.unapproved(Why::Pending { id, url, state })
    }

    fn callout(&self, request: &Request, service: &Approvals) -> Callout {
        let seconds = self.wait.as_millis().div_ceil(1_000);
        let query = match seconds {
            0 => String::new(),
            seconds => format!("?wait={seconds}s"),
        };
        let mut headers = vec![
            (":method", "POST".to_owned()),
            (":path", format!("/v1/asks{query}")),
            (":authority", service.cluster.clone()),
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        headers.extend(
            ["traceparent", "tracestate", "x-request-id"]
                .into_iter()
                .filter_map(|name| {
                    let value = request.headers.one(name).ok()??;
                    Some((name, value.to_owned()))
                }),
        );
        Callout {
            cluster: service.cluster.clone(),
            headers,
            // Texts, numbers and lists of them always serialize.
            body: serde_json::to_vec(&self.ask).unwrap_or_default(),
            timeout: self.wait + service.timeout,
        }
    }
}

/// What an approval is bound to: of a resource, all that is said of it but what changes with each
/// request.
fn payload(wanted: &Wanted<'_>) -> Result<Payload, Inexact> {
    if wanted.kind != Kind::Resource {
        return Payload::of(wanted.arguments);
    }
    let members = wanted.arguments.into_iter().flat_map(Node::members);
    let said: Vec<_> = members
        .filter(|member| !PASSING.contains(&&*member.key()))
        .map(|member| format!("{}:{}", member.name().raw(), member.value().raw()))
        .collect();
    let text = format!("{{{}}}", said.join(","));
    let doc = Doc::parse(text.into_bytes()).map_err(|_| Inexact::Form)?;
    Payload::of(Some(doc.root()))
}

fn sensitive(entry: &Entry, arguments: Option<Node<'_>>) -> Vec<String> {
    let mut places: Vec<_> = arguments
        .into_iter()
        .flat_map(|arguments| entry.sensitive().flat_map(move |it| it.resolve(arguments)))
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Members of `params` that are about the request, not about the resource.
const PASSING: [&str; 3] = ["_meta", "requestState", "inputResponses"];
/// How long a call is held whose user comes from the page of its approval: clients send it ten
/// times at most, one after another.
const RETURN_WAIT: Duration = Duration::from_secs(20);
