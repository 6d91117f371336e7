//! What comes in and goes out: strict JSON, and how an approval is shown.

use std::borrow::Cow;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use engine::{
    approval::{Answer, Approver, Ask},
    cx::Timestamp,
    json::Doc,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, RefOr, Schema},
};

use crate::{
    error::Error,
    store::{self, State, Verdict},
};

/// A JSON body, read as strictly as the filter reads: no member twice, none that nobody knows. An
/// empty body is an empty object.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let Ok(bytes) = Bytes::from_request(request, state).await else {
            return Err(Error::too_large());
        };
        if bytes.is_empty() {
            return read(b"{}").map(Self);
        }
        // Pages of other sites cannot send this without being asked first.
        let kind = kind
            .as_ref()
            .and_then(|kind| kind.to_str().ok()?.split(';').next());
        if kind.is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Error::media_type());
        }
        Doc::parse(bytes.to_vec())
            .map_err(|(fault, _)| Error::malformed(format!("the body is not JSON: {fault}")))?;
        read(&bytes).map(Self)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::malformed(format!("the body: {error}")))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        // Strings, numbers and maps with text keys always serialize.
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], text).into_response()
    }
}

/// An ask and what became of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Approval {
    id: String,
    state: State,
    /// SHA-256 of what it is bound to
    fingerprint: String,
    /// Sensitive values are masked
    #[schema(value_type = AskSchema)]
    ask: Ask,
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it can be decided; once approved, until when it can be used
    #[schema(format = DateTime)]
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// Who may decide for which need
    deciders: Vec<Decider>,
    /// What each person said
    votes: Vec<Vote>,
}

/// Who may decide for a need: whom the policy names, or whom an escalation has added.
#[derive(Serialize, ToSchema)]
struct Decider {
    #[schema(schema_with = approver)]
    need: Approver,
    #[schema(schema_with = approver)]
    approver: Approver,
}

/// What one person decided.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Vote {
    verdict: Verdict,
    /// A person, or `automatic:` and the id of a rule of the configuration
    by: String,
    /// For which need
    #[schema(schema_with = approver)]
    need: Approver,
    /// By which role
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Who has lent them the role
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    #[schema(format = DateTime)]
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Some of what was found, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Page {
    items: Vec<Approval>,
    /// More comes with `before` set to this
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<store::Approval> for Approval {
    fn from(approval: store::Approval) -> Self {
        Self {
            id: approval.id,
            state: approval.state,
            fingerprint: approval.fingerprint,
            ask: approval.ask,
            created_at: approval.created_at.rfc3339(),
            expires_at: approval.expires_at.rfc3339(),
            decided_at: approval.decided_at.map(Timestamp::rfc3339),
            used_at: approval.used_at.map(Timestamp::rfc3339),
            deciders: approval.deciders.into_iter().map(Decider::from).collect(),
            votes: approval.votes.into_iter().map(Vote::from).collect(),
        }
    }
}

impl From<store::Decider> for Decider {
    fn from(store::Decider { need, approver }: store::Decider) -> Self {
        Self { need, approver }
    }
}

impl From<store::Vote> for Vote {
    fn from(vote: store::Vote) -> Self {
        Self {
            verdict: vote.verdict,
            by: vote.person,
            need: vote.right.need,
            role: vote.right.role,
            on_behalf_of: vote.right.on_behalf_of,
            at: vote.at.rfc3339(),
            reason: vote.reason,
        }
    }
}

impl From<store::Page> for Page {
    fn from(page: store::Page) -> Self {
        Self {
            items: page.items.into_iter().map(Approval::from).collect(),
            next: page.next,
        }
    }
}

/// An [`Ask`], as the document describes it.
pub(super) struct AskSchema;

/// An [`Answer`], as the document describes it.
pub(super) struct AnswerSchema;

impl PartialSchema for AskSchema {
    fn schema() -> RefOr<Schema> {
        schema::<Ask>()
    }
}

impl ToSchema for AskSchema {
    fn name() -> Cow<'static, str> {
        "Ask".into()
    }
}

impl PartialSchema for AnswerSchema {
    fn schema() -> RefOr<Schema> {
        schema::<Answer>()
    }
}

impl ToSchema for AnswerSchema {
    fn name() -> Cow<'static, str> {
        "Answer".into()
    }
}

/// An [`Approver`], as the document describes it.
pub(crate) fn approver() -> RefOr<Schema> {
    schema::<Approver>()
}

/// The schema of a type of the engine, which knows nothing of OpenAPI.
fn schema<T: JsonSchema>() -> RefOr<Schema> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::from_value(schema.to_value()).unwrap_or_else(|_| Object::new().into())
}
