//! The decision on one whole request: parse, look up, judge, edit.

use std::sync::Arc;

use crate::{
    call::{Call, Partial},
    config::Drift,
    cx::Cx,
    http::Callout,
    json::{Doc, Node},
    policy::{Cause, HiddenBy, Verdict},
    refusal::{DryRun, Refusal, Why},
    registry::Kind,
    response::drifted,
    rpc::{self, Era, Message, MessageKind, Method, Target},
};

use super::{
    Exchange, Passage, Request, Then, Wish,
    ask::Question,
    rename::rename,
    round::{Foreign, Round},
    session,
};

/// What becomes of a request that is not refused.
pub(super) enum Course {
    /// This is the result: nobody else is asked.
    Answer(String),
    /// Servers are called, and then this.
    Call(Vec<Callout>, Then),
    /// It opens a stream.
    Listen(Wish),
    /// It goes to one server.
    Onward(Judged),
}

/// What becomes of a request that is for one server.
pub(super) enum Judged {
    /// It may pass.
    Pass(Box<Passage>),
    /// It may pass once this is approved.
    Ask(Box<Question>),
}

impl Course {
    /// Writes the body of `doc` as it has to be sent, where it is sent.
    fn write(&mut self, doc: &Doc, is_other: bool) {
        match self {
            Self::Answer(_) | Self::Call(..) | Self::Listen(_) => {}
            Self::Onward(judged) => judged.passage().write(doc, is_other),
        }
    }
}

impl Judged {
    pub(super) fn pass(passage: Passage) -> Self {
        Self::Pass(Box::new(passage))
    }

    pub(super) fn passage(&mut self) -> &mut Passage {
        match self {
            Self::Pass(passage) => passage,
            Self::Ask(question) => &mut question.passage,
        }
    }
}

impl Exchange {
    /// Judges a whole body.
    pub(super) fn judge(
        &mut self,
        request: &Request,
        body: Vec<u8>,
        cx: &Cx<'_>,
    ) -> Result<Course, Refusal> {
        let doc = parse(body)?;
        let message = self.read(&doc, request)?;
        let undone = Round::undo(&message, &doc).map_err(|Foreign| Refusal::State);
        let Some((round, body)) = undone? else {
            let mut course = self.judge_message(request, &message, None, cx)?;
            course.write(&doc, false);
            return Ok(course);
        };
        // What is judged is what the server will see.
        let doc = parse(body)?;
        let message = self.read(&doc, request)?;
        // Clients come back ten times by themselves, and then fail: now they are told in words.
        self.asker.pages = false;
        let mut course = self.judge_message(request, &message, Some(&round), cx)?;
        course.write(&doc, true);
        Ok(course)
    }

    /// Reads the one message of a body.
    fn read<'a>(&mut self, doc: &'a Doc, request: &Request) -> Result<Message<'a>, Refusal> {
        let message = rpc::read(doc, &request.headers).map_err(|(fault, id)| {
            self.asker.id = id;
            Refusal::Unreadable(fault)
        })?;
        self.asker.id = message.id.map(str::to_owned);
        self.asker.era = Some(message.era);
        self.asker.one_way = message.kind != MessageKind::Request;
        self.asker.tool_call = matches!(message.target, Target::Tool(_));
        self.asker.pages = match message.era {
            Era::Modern => message.client_capability(&["elicitation", "url"]).is_some(),
            Era::Legacy => self.marked && session::has_pages(&message),
        };
        self.record.message(&message);
        self.terms.message(&message);
        message.check_method().map_err(Refusal::Unreadable)?;
        Ok(message)
    }

    fn judge_message(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        round: Option<&Round>,
        cx: &Cx<'_>,
    ) -> Result<Course, Refusal> {
        let dry_run = self.dry_run(request, message)?;
        self.marked |= session::declares_pages(message);
        if let Some(course) = self.judge_here(request, message, cx)? {
            return Ok(course);
        }
        let judged = self.judge_target(request, message, dry_run, round, cx)?;
        Ok(Course::Onward(judged))
    }

    /// Judges what a message is about.
    fn judge_target(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        dry_run: bool,
        round: Option<&Round>,
        cx: &Cx<'_>,
    ) -> Result<Judged, Refusal> {
        let passage = Passage::new(self.policy.plumbing());
        let target = match &message.target {
            Target::Plumbing => return self.judge_plumbing(request, message, cx),
            Target::Task(id) => return self.judge_task(request, message, id, cx),
            // It would list those of all callers: nothing is kept by which they could be told apart.
            Target::Tasks => return Err(unserved(message)),
            Target::List(_) => return Ok(Judged::pass(passage)),
            Target::Watched { resources, .. } => {
                // What may not be read may not be watched.
                for uri in resources {
                    let wanted = Wanted {
                        kind: Kind::Resource,
                        name: uri,
                        arguments: None,
                        dry_run,
                        round,
                    };
                    self.judge_use(request, message, &wanted, cx)?;
                }
                return self.judge_watch(request, message, cx);
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
            round,
        };
        self.judge_use(request, message, &wanted, cx)
    }
}

/// What a request wants to use.
pub(super) struct Wanted<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) arguments: Option<Node<'a>>,
    /// Only what would be decided is asked for.
    dry_run: bool,
    /// It comes back from the page of an approval.
    pub(super) round: Option<&'a Round>,
}

impl Exchange {
    /// Judges the use of a tool, a resource or a prompt.
    fn judge_use(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        wanted: &Wanted<'_>,
        cx: &Cx<'_>,
    ) -> Result<Judged, Refusal> {
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
            Kind::Resource => match request.place.server() {
                Some(server) => registry.resource(server, wanted.name),
                None => registry.resource_anywhere(wanted.name),
            },
        };
        let (who, session) = (request.principal.who(), self.record.session_id.as_deref());
        let entry = entry
            .map(|entry| registry.chosen(entry, who, session, request.place.server()))
            .filter(|entry| request.place.reaches(&entry.server))
            .ok_or_else(|| unknown("unregistered"))?;
        self.record.entry(entry);
        self.record.server = Some(entry.server.clone());
        if policy.drift() == Drift::Hide && drifted(entry, cx.store) {
            return Err(unknown("drifted"));
        }
        self.terms.entry = Some(entry.slot);

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
            if !policy.visible(&seen) {
                return Err(unknown("hidden"));
            }
            self.terms.redactions = Arc::clone(policy.aftermath(&seen).redactions());
            let mut passage = Passage {
                route: self.route(request, entry, message)?,
                ..Passage::new(policy.plumbing())
            };
            rename(&mut passage, message, wanted, entry);
            return Ok(Judged::pass(passage));
        }
        let call = Call {
            args: Partial::Known(wanted.arguments),
            meta: Partial::Known(message.params.and_then(|params| params.get("_meta"))),
            ..seen
        };
        let (verdict, shadow) = policy.judge(&call);
        self.record.matched(verdict.decision());
        let redactions = Arc::clone(&verdict.decision().redactions);
        self.audit(&redactions, message, wanted, entry, cx);
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
        let outcome = self.enforce(verdict, request, message, wanted, &call);
        let outcome =
            outcome.and_then(|it| self.redact(it, &redactions, wanted, message, entry, cx));
        self.terms.redactions = redactions;
        let shadow = match outcome {
            // It would be refused under any rules.
            Err(Refusal::Contract(_) | Refusal::Unreadable(_)) => None,
            Ok(_) | Err(_) => shadow,
        };
        self.record.tried(&policy, shadow.as_ref());
        match (outcome, decision) {
            (Err(Refusal::Unreadable(fault)), _) => Err(Refusal::Unreadable(fault)),
            (outcome, Some(decision)) => Err(Refusal::DryRun(Box::new(DryRun {
                refusal: match outcome {
                    Ok(Judged::Pass(passage)) => self.look(&passage, cx).err(),
                    Ok(Judged::Ask(question)) => match self.look(&question.passage, cx) {
                        Ok(()) => Some(question.unapproved(Why::Unasked)),
                        Err(refusal) => Some(refusal),
                    },
                    Err(refusal) => Some(refusal),
                },
                decision,
                shadow,
            }))),
            (outcome, None) => outcome,
        }
    }
}

fn parse(body: Vec<u8>) -> Result<Doc, Refusal> {
    Doc::parse(body).map_err(|(fault, _)| Refusal::Unreadable(rpc::Fault::Json(fault)))
}

/// A method that Toolgate does not let pass, in either era.
pub(super) fn unserved(message: &Message<'_>) -> Refusal {
    Refusal::Unreadable(rpc::Fault::UnknownMethod {
        method: message.method.as_deref().unwrap_or_default().to_owned(),
        era: message.era,
        kind: message.kind,
    })
}

/// Whether the message only asks for completions of arguments: allowed to whoever sees the entry.
pub(super) fn completes(message: &Message<'_>) -> bool {
    message.operation == Method::Complete
}

/// The true reason behind "does not exist", for audit.
pub(super) fn truth(cause: &Cause) -> &'static str {
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
