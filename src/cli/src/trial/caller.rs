//! Facts about a caller as what Envoy would hand on: verified claims, a certificate, headers.

use std::collections::BTreeSet;

use engine::{
    call::Principal,
    config::{Identity, OneOrMany, Source},
    http::{Headers, Peer},
    identity,
    problem::Problem,
};
use serde_json::{Map, Value, json};

use super::{Caller, request::Header};

/// The part of a request that tells who calls: trusted headers, and what the connection says.
///
/// # Errors
/// Facts that the policy's `identity` takes from nowhere, or that cannot be told apart where it
/// takes them from; paths begin with `at`.
pub(super) fn introduce(
    caller: &Caller,
    identity: &Identity,
    at: &str,
) -> Result<(Vec<Header>, Peer), Vec<Problem>> {
    let mut sent = Sent::default();
    let mut problems = Vec::new();
    for fact in facts(caller, identity) {
        match fact.source {
            Some(source) => sent.add(&fact, source),
            None => problems.push(
                Problem::new(
                    format!("{at}.{}", fact.name),
                    format!("nothing supplies `{}`", fact.name),
                )
                .help("say in the policy's `identity` where it comes from"),
            ),
        }
    }
    let mut headers = sent.headers;
    let mut metadata = None;
    if let Some(issuer) = identity.issuers.first() {
        sent.claims.insert("iss".to_owned(), json!(issuer.issuer));
        sent.claims
            .insert("aud".to_owned(), json!(issuer.audiences));
        metadata = Some(identity::metadata(&sent.claims));
        headers.push(("authorization".to_owned(), b"Bearer verified".to_vec()));
    }
    let peer = Peer {
        metadata,
        uri_san: sent.uri_san,
        address: None,
    };
    let seen = identity::principal(identity, None, &owned(&headers), &peer).unwrap_or_default();
    for fact in facts(caller, identity) {
        if fact.source.is_some() && !fact.is_in(&seen) {
            let message = format!(
                "`{}` cannot be {}: it does not come through the source that `identity` names",
                fact.name, fact.value
            );
            problems.push(Problem::new(format!("{at}.{}", fact.name), message));
        }
    }
    if problems.is_empty() {
        Ok((headers, peer))
    } else {
        Err(problems)
    }
}

/// A fact that the caller has, and where the policy takes it from.
struct Fact<'a> {
    name: &'static str,
    /// A text or a list of texts.
    value: Value,
    source: Option<&'a Source>,
}

/// What tells the facts.
#[derive(Default)]
struct Sent {
    claims: Map<String, Value>,
    headers: Vec<Header>,
    uri_san: Option<String>,
}

impl Sent {
    fn add(&mut self, fact: &Fact<'_>, source: &Source) {
        match source {
            Source::Jwt(path) => {
                self.claims.insert(path.clone(), fact.value.clone());
            }
            Source::Mtls(_) => self.uri_san = Some(fact.text()),
            Source::Header(name) => {
                let header = (name.clone(), fact.text().into_bytes());
                // Two facts may come from one header, which is sent once.
                if !self.headers.contains(&header) {
                    self.headers.push(header);
                }
            }
        }
    }
}

impl Fact<'_> {
    /// In one text: roles are separated by commas, scopes by spaces.
    fn text(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            value => {
                let separator = if self.name == "roles" { "," } else { " " };
                texts(value).collect::<Vec<_>>().join(separator)
            }
        }
    }

    /// Whether it arrived.
    fn is_in(&self, seen: &Principal) -> bool {
        let text = |seen: &Option<String>| seen.as_deref() == self.value.as_str();
        let list = |seen: &BTreeSet<String>| texts(&self.value).eq(seen.iter().map(String::as_str));
        match self.name {
            "user" => text(&seen.user),
            "agent" => text(&seen.agent),
            "app" => text(&seen.app),
            "tenant" => text(&seen.tenant),
            "roles" => list(&seen.roles),
            _ => list(&seen.scopes),
        }
    }
}

/// The facts that are written.
fn facts<'a>(caller: &Caller, identity: &'a Identity) -> Vec<Fact<'a>> {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    let list = |list: &Option<OneOrMany<String>>| {
        // A set, as the engine makes of it.
        let set: BTreeSet<_> = list.as_ref()?.iter().collect();
        Some(json!(set))
    };
    [
        ("user", text(&caller.user), &identity.user),
        ("agent", text(&caller.agent), &identity.agent),
        ("app", text(&caller.app), &identity.app),
        ("tenant", text(&caller.tenant), &identity.tenant),
        ("roles", list(&caller.roles), &identity.roles),
        ("scopes", list(&caller.scopes), &identity.scopes),
    ]
    .into_iter()
    .filter_map(|(name, value, source)| {
        Some(Fact {
            name,
            value: value?,
            source: source.as_ref(),
        })
    })
    .collect()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn owned(headers: &[Header]) -> Headers {
    let pairs = headers.iter().cloned();
    Headers::new(pairs.map(|(name, value)| (name.into_bytes(), value)))
}
