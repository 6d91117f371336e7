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
    store::{self, Approval, Entry, State, Verdict},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Patience {
    /// Hold the answer for so long (`20s`, at most `1m`), unless it is decided before. Granted
    /// meanwhile, it is still `pending`: the same ask uses it up
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
    check(&ask)?;
    let mut waiting = service.wait(time);
    let now = now();
    let judge = || service.automatic.judge(&ask, now);
    let asked = service.store.ask(&ask, service.terms, judge, now);
    let approval = asked.await?;
    service.metrics.asked(approval.state);
    // Who waits may be gone when it is granted, and Envoy does not tell: it would be used up by
    // nobody. And what is found afterwards may be used up by somebody else. So only the first look
    // grants anything.
    let pending = async || {
        let found = service.store.find(&approval.id).await?;
        Ok::<_, Error>(found.is_some_and(|found| found.state == State::Pending))
    };
    if approval.state == State::Pending {
        while waiting.goes_on(&approval.id).await && pending().await? {}
    }
    Ok(Json(answer(&service, approval)))
}

/// What keeps an ask from ever being granted, or from being shown.
fn check(ask: &Ask) -> Result<(), Error> {
    if ask.needs.is_empty() || ask.needs.len() > MOST_NEEDS {
        return Err(Error::malformed(format!(
            "`needs` does not hold 1 to {MOST_NEEDS} needs"
        )));
    }
    for (at, need) in ask.needs.iter().enumerate() {
        if !(1..=MOST_APPROVALS).contains(&need.approvals) {
            return Err(Error::malformed(format!(
                "`approvals` is not within 1 and {MOST_APPROVALS}"
            )));
        }
        if need.approver == Approver::User && (ask.user.is_none() || need.approvals > 1) {
            return Err(Error::malformed(
                "a confirmation needs a `user`, and one approval",
            ));
        }
        let before = ask.needs.iter().take(at);
        if before
            .into_iter()
            .any(|other| other.approver == need.approver)
        {
            return Err(Error::malformed("`needs` names one approver twice"));
        }
    }
    if ask.expires_in == Some(0) {
        return Err(Error::malformed(
            "`expiresIn` is 0, so that nobody could decide",
        ));
    }
    if ask.masked().is_none() {
        return Err(Error::malformed(
            "`sensitive` leads to nothing in `arguments`",
        ));
    }
    Ok(())
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
        ..store::Filter::default()
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
    let approval = service.see(&person, &id).await?;
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
    let approval = service.see(&person, &id).await?;
    Ok(Json(service.store.trail(&approval.id).await?))
}

/// Show what is masked, to who may see it; each time is recorded
#[utoipa::path(
    post, path = "/v1/asks/{id}/unmask", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    responses((status = OK, body = body::Approval), (status = FORBIDDEN), (status = NOT_FOUND), (status = CONFLICT))
)]
pub(super) async fn unmask(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<body::Approval>, Error> {
    let approval = service.unmask(&person, &id).await?;
    Ok(Json(approval.into()))
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
    let reason = words.reason.as_deref();
    let approval = service.decide(person, &id, verdict, reason).await?;
    Ok(Json(approval.into()))
}

const MOST_NEEDS: usize = 16;
const MOST_APPROVALS: u32 = 10;
