//! Asking, reading and deciding.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Extract};
use engine::approval::{Answer, Approver, Ask, Decision};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{self, Json};
use crate::{
    Service,
    auth::{Filter, Person},
    config::parse_duration,
    error::Error,
    service::now,
    store::{self, Approval, Entry, Refused, Ruling, State, Verdict},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Patience {
    /// Hold the answer for so long (`20s`, at most `1m`), unless it is decided before
    wait: Option<String>,
}

/// May this call be made?
///
/// The first ask opens an approval, the same ask while that is pending finds it again, and one ask
/// after it was granted uses it up: `approved` is told once. A refusal is repeated for the time that
/// is configured as `denial`; then, as after an expiry or a use, the same ask opens a new approval.
#[utoipa::path(
    post, path = "/v1/asks", tag = "filter", params(Patience), security(("filter" = [])),
    request_body = body::AskSchema,
    responses((status = OK, body = body::AnswerSchema))
)]
pub(super) async fn ask(
    _: Filter,
    Extract(service): Extract<Arc<Service>>,
    Query(patience): Query<Patience>,
    Json(ask): Json<Ask>,
) -> Result<Json<Answer>, Error> {
    let time = match patience.wait.as_deref() {
        None => std::time::Duration::ZERO,
        Some(text) => parse_duration(text).ok_or_else(|| {
            Error::malformed(format!("`wait` is not a time like `20s`: `{text}`"))
        })?,
    };
    let [need] = ask.needs.as_slice() else {
        return Err(Error::malformed("`needs` holds one need"));
    };
    if !(1..=MOST_APPROVALS).contains(&need.approvals) {
        return Err(Error::malformed(format!(
            "`approvals` is not within 1 and {MOST_APPROVALS}"
        )));
    }
    if ask.expires_in == Some(0) {
        return Err(Error::malformed(
            "`expiresIn` is 0, so that nobody could decide",
        ));
    }
    if need.approver == Approver::User && (ask.user.is_none() || need.approvals > 1) {
        return Err(Error::malformed(
            "a confirmation needs a `user`, and one approval",
        ));
    }
    let mut waiting = service.wait(time);
    loop {
        let approval = service.store.ask(&ask, service.terms, now()).await?;
        if approval.state == State::Pending && waiting.goes_on(&approval.id).await {
            continue;
        }
        service.metrics.asked(approval.state);
        return Ok(Json(answer(&service, approval)));
    }
}

fn answer(service: &Service, approval: Approval) -> Answer {
    let vote = approval.votes.into_iter().next_back();
    match (approval.state, vote) {
        (State::Used, Some(vote)) => Answer::Approved(decision(approval.id, vote)),
        (State::Denied | State::Revoked, Some(vote)) => Answer::Denied(decision(approval.id, vote)),
        (State::Used | State::Denied | State::Revoked, None)
        | (State::Pending | State::Approved | State::Expired, _) => Answer::Pending {
            url: format!("{}/asks/{}", service.url, approval.id),
            id: approval.id,
        },
    }
}

fn decision(id: String, vote: store::Vote) -> Decision {
    Decision {
        id,
        approver: vote.person,
        at: vote.at.rfc3339(),
        reason: vote.reason,
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// What became of it
    state: Option<State>,
    tool: Option<String>,
    /// Who asked
    user: Option<String>,
    tenant: Option<String>,
    /// Who decides
    role: Option<String>,
    /// Something that was asked or said
    text: Option<String>,
    /// Only what is older than this approval: `next` of the page before
    before: Option<String>,
    /// How many at once: 1 to 100, 50 if absent
    limit: Option<usize>,
}

/// What you may decide about, and what you asked for
#[utoipa::path(
    get, path = "/v1/asks", tag = "people", params(Search), security(("person" = [])),
    responses((status = OK, body = body::Page))
)]
pub(super) async fn list(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Query(search): Query<Search>,
) -> Result<Json<body::Page>, Error> {
    let filter = store::Filter {
        state: search.state,
        tool: search.tool,
        user: search.user,
        tenant: search.tenant,
        role: search.role,
        text: search.text,
        before: search.before,
        limit: search.limit.unwrap_or(50).clamp(1, 100),
    };
    let page = service.store.list(person.sight(), &filter).await?;
    Ok(Json(page.into()))
}

/// One approval in full
#[utoipa::path(
    get, path = "/v1/asks/{id}", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    responses((status = OK, body = body::Approval), (status = NOT_FOUND))
)]
pub(super) async fn find(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<body::Approval>, Error> {
    let approval = seen(&service, &person, &id).await?;
    Ok(Json(approval.into()))
}

/// What happened to it, each entry chained to the one before it in the whole trail
#[utoipa::path(
    get, path = "/v1/asks/{id}/trail", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    responses((status = OK, body = Vec<Entry>), (status = NOT_FOUND))
)]
pub(super) async fn trail(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Entry>>, Error> {
    let approval = seen(&service, &person, &id).await?;
    Ok(Json(service.store.trail(&approval.id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// Why; a refusal needs it, and the agent is told
    reason: Option<String>,
}

/// Let it happen, once
#[utoipa::path(
    post, path = "/v1/asks/{id}/approve", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    request_body = Words,
    responses((status = OK, body = body::Approval), (status = FORBIDDEN), (status = NOT_FOUND), (status = CONFLICT))
)]
pub(super) async fn approve(
    person: Person,
    service: Extract<Arc<Service>>,
    id: Path<String>,
    words: Json<Words>,
) -> Result<Json<body::Approval>, Error> {
    decide(Verdict::Approve, &person, service, id, words).await
}

/// Refuse it, with a reason
#[utoipa::path(
    post, path = "/v1/asks/{id}/deny", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    request_body = Words,
    responses((status = OK, body = body::Approval), (status = FORBIDDEN), (status = NOT_FOUND), (status = CONFLICT))
)]
pub(super) async fn deny(
    person: Person,
    service: Extract<Arc<Service>>,
    id: Path<String>,
    words: Json<Words>,
) -> Result<Json<body::Approval>, Error> {
    decide(Verdict::Deny, &person, service, id, words).await
}

/// Take an approval back before it is used, with a reason
#[utoipa::path(
    post, path = "/v1/asks/{id}/revoke", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    request_body = Words,
    responses((status = OK, body = body::Approval), (status = FORBIDDEN), (status = NOT_FOUND), (status = CONFLICT))
)]
pub(super) async fn revoke(
    person: Person,
    service: Extract<Arc<Service>>,
    id: Path<String>,
    words: Json<Words>,
) -> Result<Json<body::Approval>, Error> {
    decide(Verdict::Revoke, &person, service, id, words).await
}

async fn decide(
    verdict: Verdict,
    person: &Person,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
    Json(words): Json<Words>,
) -> Result<Json<body::Approval>, Error> {
    let approval = seen(&service, person, &id).await?;
    may_decide(person, &approval.ask)?;
    let reason = words
        .reason
        .as_deref()
        .map(str::trim)
        .filter(|reason| !reason.is_empty());
    if reason.is_none() && verdict != Verdict::Approve {
        return Err(Error::malformed("say why, in `reason`: the agent is told"));
    }
    if reason.is_some_and(|reason| reason.len() > LONGEST_REASON) {
        return Err(Error::malformed(format!(
            "`reason` is longer than {LONGEST_REASON} bytes"
        )));
    }
    let ruling = Ruling {
        verdict,
        person: &person.id,
        reason,
    };
    let approval = service.store.decide(&approval.id, ruling, now()).await?;
    let approval = approval.map_err(|refused| match refused {
        Refused::Unknown => Error::unknown(),
        Refused::State(State::Pending) => Error::conflict("nobody has approved it yet: deny it"),
        Refused::State(State::Approved) => Error::conflict("it is approved already: revoke it"),
        Refused::State(state) => Error::conflict(format!("it is {} already", state.name())),
        Refused::Again => Error::conflict("you have approved it already: somebody else has to"),
    })?;
    service.metrics.decided(verdict);
    service.announce(&approval.id);
    Ok(Json(approval.into()))
}

async fn seen(service: &Service, person: &Person, id: &str) -> Result<Approval, Error> {
    let approval = service.store.find(id).await?;
    approval
        .filter(|approval| person.sight().reaches(approval))
        .ok_or_else(Error::unknown)
}

fn may_decide(person: &Person, ask: &Ask) -> Result<(), Error> {
    let own = ask.user.as_deref() == Some(person.id.as_str());
    match ask.needs.first().map(|need| &need.approver) {
        Some(Approver::User) if own => Ok(()),
        Some(Approver::User) | None => {
            Err(Error::forbidden("only the user of the call can confirm it"))
        }
        Some(Approver::Role(_)) if own => {
            Err(Error::forbidden("nobody decides about what they asked for"))
        }
        Some(Approver::Role(role)) if person.roles.contains(role) => Ok(()),
        Some(Approver::Role(role)) => {
            Err(Error::forbidden(format!("this needs the role `{role}`")))
        }
    }
}

const LONGEST_REASON: usize = 2_000;
const MOST_APPROVALS: u32 = 10;
