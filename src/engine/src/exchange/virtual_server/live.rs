//! What servers say by themselves, at the virtual server: their streams, merged into one.
//!
//! A client has one stream, whose parts come from its servers by calls that go on as long as it
//! does. Lists are the gateway's own, so it is the gateway that tells of their changes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    call::Principal,
    cx::Cx,
    feed::{self, Said},
    http::{Callout, Edits, HeaderEdit},
    json::Doc,
    policy::{Policy, Sight},
    refusal::{Asker, Refusal},
    registry::{Kind, Server},
    response::{Terms, Told},
    rpc::Era,
    session::Backend,
    sse::{self, Decoder, Fate},
};

use super::super::{Exchange, Request, State, Step, state::Place};
use subscription::{ACKNOWLEDGED, LISTEN, LISTS, Subscription};

mod subscription;
use super::{Client, no_session, spoken};

/// What a client wants to hear of.
#[derive(Debug)]
pub(in crate::exchange) enum Wish {
    /// Whatever servers say in its session.
    Session,
    /// What it has listed (MCP 2026-07-28, "Subscriptions").
    Subscription(Subscription),
}

/// A stream of what several servers say.
#[derive(Debug)]
pub(in crate::exchange) struct Live {
    wish: Wish,
    principal: Principal,
    session: Option<String>,
    /// What each server is held to.
    terms: BTreeMap<String, Terms>,
    decoder: Decoder,
    begun: bool,
    /// The lists that have changed for this caller; `None`: the configuration is still the same.
    changed: Option<Vec<Kind>>,
}

impl Wish {
    fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Session => None,
            Self::Subscription(subscription) => Some(subscription),
        }
    }

    const fn era(&self) -> Era {
        match self {
            Self::Session => Era::Legacy,
            Self::Subscription(_) => Era::Modern,
        }
    }

    /// Whether it is told that this list has changed.
    fn has(&self, list: Kind) -> bool {
        self.subscription()
            .is_none_or(|it| it.lists.contains(&list))
    }
}

impl Exchange {
    /// Opens a stream of what servers say by themselves.
    pub(in crate::exchange) fn merge(
        &mut self,
        request: &Request,
        wish: Wish,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let Place::Virtual(client) = &request.place else {
            return Err(Refusal::NotFound);
        };
        let client = match wish.era() {
            Era::Modern => None,
            Era::Legacy => Some(client.as_ref().ok_or_else(|| no_session(request))?),
        };
        let policy = Arc::clone(&self.policy);
        let (mut terms, mut feeds) = (BTreeMap::new(), Vec::new());
        for server in policy.registry().servers() {
            let Some(callout) = self.feed(server, request, client, &wish, cx) else {
                continue;
            };
            feeds.push(callout);
            terms.insert(server.id.clone(), self.terms_of(server, request, &wish));
            if feeds.len() == MAX_FEEDS {
                break;
            }
        }
        self.allow();
        self.state = State::Merging(Box::new(Live {
            principal: request.principal.clone(),
            session: self.record.session_id.clone(),
            terms,
            decoder: Decoder::new(policy.bounds().max_response_bytes),
            begun: false,
            changed: None,
            wish,
        }));
        let headers = vec![
            HeaderEdit::Set("x-toolgate-cluster".into(), SOURCE.to_owned()),
            HeaderEdit::Set("content-length".into(), "0".to_owned()),
            // It never leaves this process, and need not come as far as there.
            HeaderEdit::Remove("authorization".to_owned()),
        ];
        Ok(Step::Forward(Edits {
            headers,
            body: Some(Vec::new()),
            feeds: Some(feeds),
            ..Edits::default()
        }))
    }

    /// The call that brings what a server says; `None`: it has nothing to say here.
    fn feed(
        &self,
        server: &Server,
        request: &Request,
        client: Option<&Client>,
        wish: &Wish,
        cx: &Cx<'_>,
    ) -> Option<Callout> {
        let mut callout = match wish {
            Wish::Session => {
                client?;
                let speaks = spoken(server, Era::Legacy) == Some(Era::Legacy);
                let backend = self.backend(request, &server.id, cx).filter(|_| speaks)?;
                // A server that keeps no session has nobody to speak to.
                backend.id.as_ref()?;
                self.callout(server, request, Some(&backend), "GET", Vec::new())
            }
            Wish::Subscription(wish) => {
                let uris = wish.resources.get(&server.id)?;
                let backend = Backend {
                    id: None,
                    version: wish.version.clone(),
                };
                let body = wish.request(uris).into_bytes();
                let mut callout = self.callout(server, request, Some(&backend), "POST", body);
                callout.headers.push(("mcp-method", LISTEN.to_owned()));
                callout
            }
        };
        let cluster = std::mem::replace(&mut callout.cluster, LOOP.to_owned());
        callout.headers.push(("x-toolgate-cluster", cluster));
        callout
            .headers
            .push(("x-toolgate-server", server.id.clone()));
        callout.timeout = LONGEST;
        Some(callout)
    }

    fn terms_of(&self, server: &Server, request: &Request, wish: &Wish) -> Terms {
        let redactions = self.policy.redactions_at(&server.id, &request.principal);
        Terms {
            principal: request.principal.clone(),
            server: server.id.clone(),
            spoken: Some(wish.era()),
            session: self.record.session_id.clone(),
            asker: Asker {
                id: None,
                era: Some(wish.era()),
                ..self.asker.clone()
            },
            redactions: Arc::new(redactions),
            ..Terms::default()
        }
    }

    /// Another policy is live by now: tells which lists it changes for this caller, with the next
    /// that goes through the stream, and ends it. What is opened in its place is under that policy.
    pub fn renew(&mut self, policy: &Policy, cx: &Cx<'_>) {
        if let State::Merging(live) = &mut self.state {
            let (who, session) = (&live.principal, live.session.as_deref());
            let before = view(&self.policy.sight(who, session, cx.now));
            let after = view(&policy.sight(who, session, cx.now));
            let lists = LISTS.into_iter().map(|(kind, ..)| kind);
            let changed = lists.filter(|kind| before.get(kind) != after.get(kind));
            live.changed = Some(changed.collect());
        }
    }

    /// More of a merged stream.
    pub(in crate::exchange) fn merged(
        &mut self,
        mut live: Box<Live>,
        bytes: &[u8],
        end: bool,
        cx: &Cx<'_>,
    ) -> Step {
        let (told, policy) = (&mut self.told, &*self.policy);
        let mut body = Vec::new();
        if !std::mem::replace(&mut live.begun, true) {
            let first = live.wish.subscription().map(Subscription::acknowledged);
            body.extend(
                first
                    .map(|it| sse::event(it.as_bytes()))
                    .unwrap_or_default(),
            );
        }
        let (terms, mut ended) = (&live.terms, false);
        body.extend(
            live.decoder
                .push(bytes, false, None, |data| match feed::said(&data) {
                    Some(Said::Message { server, text }) => match terms.get(server) {
                        Some(terms) => govern(terms, text, told, policy, cx),
                        None => Fate::Drop,
                    },
                    Some(Said::End { .. }) => {
                        ended = true;
                        Fate::Drop
                    }
                    None => Fate::Drop,
                }),
        );
        for kind in live
            .changed
            .iter()
            .flatten()
            .filter(|kind| live.wish.has(**kind))
        {
            body.extend(sse::event(live.notice(*kind).as_bytes()));
        }
        // Whoever wants more opens it again: under what is live then, and with whom is there then.
        let last = ended || live.changed.take().is_some() || live.decoder.too_long();
        if let (true, Some(subscription)) = (end, live.wish.subscription()) {
            body.extend(sse::event(subscription.result().as_bytes()));
        }
        self.state = match end {
            true => State::Passing,
            false => State::Merging(live),
        };
        Step::Forward(Edits {
            body: Some(body),
            last: last && !end,
            ..Edits::default()
        })
    }
}

impl Live {
    /// That a list has changed.
    fn notice(&self, list: Kind) -> String {
        let names = LISTS.into_iter().find(|(kind, ..)| *kind == list);
        let method = names.map_or("", |(_, method, _)| method);
        let params = self.wish.subscription().map(Subscription::mark);
        let params = params.map_or_else(String::new, |mark| format!(r#","params":{{{mark}}}"#));
        format!(r#"{{"jsonrpc":"2.0","method":"{method}"{params}}}"#)
    }
}

/// What becomes of what a server says by itself. Nobody has asked it here, so it does not answer; and
/// what there is, is not its to say.
fn govern(terms: &Terms, text: &[u8], told: &mut Told, policy: &Policy, cx: &Cx<'_>) -> Fate {
    let doc = Doc::parse(text.to_vec()).ok();
    let method = doc.as_ref().and_then(|doc| doc.root().get("method")?.str());
    match method.as_deref() {
        None => told.drop("stranger"),
        Some(ACKNOWLEDGED) => Fate::Drop,
        Some(method) if LISTS.into_iter().any(|(_, own, _)| own == method) => Fate::Drop,
        Some(_) => match terms.govern(text.to_vec(), told, policy, cx) {
            // The line before it goes.
            Fate::Keep => Fate::Data(text.to_vec()),
            other => other,
        },
    }
}

/// What a caller sees, by kind.
fn view<'a>(sight: &Sight<'a>) -> BTreeMap<Kind, Vec<&'a str>> {
    let mut view: BTreeMap<Kind, Vec<_>> = BTreeMap::new();
    let seen = sight.policy().registry().entries();
    for entry in seen.filter(|entry| sight.sees(entry)) {
        view.entry(entry.kind).or_default().push(entry.item());
    }
    view
}

/// The clusters of the internal listeners: where a merged stream comes from, and through which the
/// calls for its parts go.
const SOURCE: &str = "toolgate-source";
const LOOP: &str = "toolgate-loop";
/// Servers in one stream.
const MAX_FEEDS: usize = 32;
/// How long a server may speak: longer than any session lives.
const LONGEST: Duration = Duration::from_secs(48 * 60 * 60);
