//! What the validating library says, in words that let a caller mend the call.
//!
//! Names and limits come from the schema; of the arguments only member names that the schema does
//! not know are told, never a value.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::Violation;

/// Adds the violations behind one error.
pub(super) fn explain(error: &ValidationError<'_>, out: &mut Vec<Violation>) {
    let mut push = |message: String| {
        out.push(Violation {
            pointer: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            message,
        });
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected.iter().take(MANY) {
                push(format!("unexpected member `{}`", cut(name)));
            }
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            if let Some(types) = types(error, context) {
                push(format!("must be of type {types}"));
                return;
            }
            let meant = meant(error, context);
            if meant.len() != 1 {
                push(format!(
                    "matches none of the {} allowed forms",
                    context.len()
                ));
            }
            for error in closest(&meant) {
                explain(error, out);
            }
        }
        kind => push(message(error, kind)),
    }
}

fn message(error: &ValidationError<'_>, kind: &Kind) -> String {
    match kind {
        Kind::Constant { expected_value } => format!("must be {}", shown(expected_value)),
        Kind::Contains => "must contain an item of the required form".to_owned(),
        Kind::Enum { options } => format!("must be one of: {}", options_of(options)),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        Kind::FalseSchema => "no value is allowed here".to_owned(),
        Kind::Format { format } => format!("must have the format `{format}`"),
        Kind::MaxItems { limit } => format!("must have at most {}", count(*limit, "item")),
        Kind::MinItems { limit } => format!("must have at least {}", count(*limit, "item")),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::MaxLength { limit } => format!("must have at most {}", count(*limit, "character")),
        Kind::MinLength { limit } => format!("must have at least {}", count(*limit, "character")),
        Kind::MaxProperties { limit } => format!("must have at most {}", count(*limit, "member")),
        Kind::MinProperties { limit } => format!("must have at least {}", count(*limit, "member")),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::Not { .. } => "has a form that is ruled out".to_owned(),
        Kind::OneOfMultipleValid { .. } => {
            "matches more than one form where exactly one is allowed".to_owned()
        }
        Kind::Pattern { pattern } => format!("must match the pattern `{}`", cut(pattern)),
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            format!(
                "member name `{}`: {}",
                cut(name),
                message(error, error.kind())
            )
        }
        Kind::Required { property } => {
            format!("missing member `{}`", property.as_str().unwrap_or_default())
        }
        Kind::Type { kind } => format!("must be of type {}", type_names(kind).join(" or ")),
        Kind::UnevaluatedItems { .. } | Kind::AdditionalItems { .. } => {
            "has more items than allowed".to_owned()
        }
        Kind::UniqueItems => "must not have equal items".to_owned(),
        Kind::BacktrackLimitExceeded { .. }
        | Kind::RegexEngineFailure { .. }
        | Kind::ContentEncoding { .. }
        | Kind::ContentMediaType { .. }
        | Kind::Custom { .. }
        | Kind::FromUtf8 { .. }
        | Kind::AnyOf { .. }
        | Kind::OneOfNotValid { .. }
        | Kind::AdditionalProperties { .. }
        | Kind::UnevaluatedProperties { .. }
        | Kind::Referencing(_) => lower(&error.masked().to_string()),
    }
}

/// A sentence of the library as a message of ours: lower case, no full stop.
pub(super) fn lower(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// The types to choose from, where the alternatives differ in nothing else.
fn types(error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>]) -> Option<String> {
    let mut names = Vec::new();
    for form in forms {
        let [only] = form.as_slice() else { return None };
        let Kind::Type { kind } = only.kind() else {
            return None;
        };
        if only.instance_path() != error.instance_path() {
            return None;
        }
        names.extend(type_names(kind));
    }
    Some(names.join(" or "))
}

/// The errors of the alternatives that allow a value of this type.
fn meant<'a>(
    error: &ValidationError<'_>,
    forms: &'a [Vec<ValidationError<'static>>],
) -> Vec<&'a [ValidationError<'static>]> {
    let other_type = |e: &ValidationError<'_>| {
        matches!(e.kind(), Kind::Type { .. }) && e.instance_path() == error.instance_path()
    };
    let forms = forms.iter().map(Vec::as_slice);
    forms.filter(|form| !form.iter().any(other_type)).collect()
}

/// The alternative that was most likely meant: the one chosen by its constants, then the least
/// wrong.
fn closest<'a>(forms: &[&'a [ValidationError<'static>]]) -> &'a [ValidationError<'static>] {
    let choice =
        |e: &&ValidationError<'_>| matches!(e.kind(), Kind::Constant { .. } | Kind::Enum { .. });
    let wrong = |form: &&&[ValidationError<'_>]| (form.iter().filter(choice).count(), form.len());
    forms.iter().min_by_key(wrong).copied().unwrap_or_default()
}

fn type_names(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(name) => vec![name.as_str()],
        TypeKind::Multiple(names) => names.iter().map(jsonschema::JsonType::as_str).collect(),
    }
}

fn options_of(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text: Vec<_> = options.iter().take(MANY).map(shown).collect();
    if options.len() > MANY {
        text.push(format!("and {} more", options.len() - MANY));
    }
    text.join(", ")
}

/// A value of the schema.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            cut(&value.to_string())
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn count(limit: u64, noun: &str) -> String {
    if limit == 1 {
        format!("1 {noun}")
    } else {
        format!("{limit} {noun}s")
    }
}

/// Names in one message.
const MANY: usize = 20;

/// Characters of one name.
const LONG: usize = 120;
