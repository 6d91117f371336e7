//! Contracts that let too much through, or say less than their authors believe.

use engine::{problem::Problem, registry::Kind};
use serde_json::{Map, Value};

use super::{Lint, Review};
use crate::report::Level;

mod arguments;
mod keywords;
mod walk;

use walk::{Site, walk};

const OWN: &[&Lint] = &[&OPEN, &UNTYPED, &STRING, &ARRAY, &NUMBER];

const OPEN: Lint = Lint {
    code: "open-schema",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/open-schema.md"),
};

const UNTYPED: Lint = Lint {
    code: "untyped-argument",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/untyped-argument.md"),
};

const STRING: Lint = Lint {
    code: "unbounded-string",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unbounded-string.md"),
};

const ARRAY: Lint = Lint {
    code: "unbounded-array",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unbounded-array.md"),
};

const NUMBER: Lint = Lint {
    code: "unbounded-number",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unbounded-number.md"),
};

pub(super) const LINTS: [&[&Lint]; 3] = [OWN, arguments::LINTS, keywords::LINTS];

pub(super) fn review(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    for entry in policy.registry().entries() {
        // The contract of a prompt is made from its arguments.
        if entry.kind != Kind::Tool {
            continue;
        }
        let at = policy.place_of(entry);
        for site in walk(entry.input.source(), &format!("{at}.inputSchema")) {
            keywords::review(review, &site);
            if site.is_whole {
                bounds(review, &site);
                arguments::review(review, entry, &site);
            }
        }
        if let Some(output) = &entry.output {
            for site in walk(output.source(), &format!("{at}.outputSchema")) {
                keywords::review(review, &site);
            }
        }
    }
}

/// What a value may be without end.
fn bounds(review: &mut Review<'_>, site: &Site<'_>) {
    let schema = site.schema;
    let has = |keyword: &str| schema.contains_key(keyword);
    if ["enum", "const"].into_iter().any(has) {
        return;
    }
    let mut tell = |lint: &Lint, message: &str, help: &str| {
        let problem = Problem::new(&site.path, message).help(help);
        review.tell(lint, problem);
    };
    let elsewhere = [
        "$ref",
        "$dynamicRef",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
    ];
    let types = types(schema);
    if types.is_empty() && !elsewhere.into_iter().any(has) && !has("properties") {
        tell(&UNTYPED, "anything is accepted here", "say its `type`");
        return;
    }
    if is_object(schema) && !is_closed(schema) {
        let help = "`additionalProperties: false`; beside `allOf`: `unevaluatedProperties: false`";
        tell(
            &OPEN,
            "members that nobody declared are accepted here",
            help,
        );
    }
    if types.contains(&"array") {
        if !has("maxItems") && schema.get("items") != Some(&Value::Bool(false)) {
            tell(
                &ARRAY,
                "a list of any length is accepted",
                "bound it: `maxItems`",
            );
        }
        if !has("items") && !has("prefixItems") {
            tell(
                &UNTYPED,
                "the items may be anything",
                "say what they are: `items`",
            );
        }
    }
    if types.contains(&"string") && !is_bounded(schema) {
        let help = "bound it: `maxLength`, an `enum`, or a `pattern` from `^` to `$`";
        tell(&STRING, "a text of any length is accepted", help);
    }
    if types.contains(&"number") || types.contains(&"integer") {
        let least = has("minimum") || has("exclusiveMinimum");
        let most = has("maximum") || has("exclusiveMaximum");
        let (message, help) = match (least, most) {
            (true, true) => return,
            (true, false) => ("a number of any size is accepted", "bound it: `maximum`"),
            (false, true) => ("any negative number is accepted", "bound it: `minimum`"),
            (false, false) => ("any number is accepted", "bound it: `minimum`, `maximum`"),
        };
        tell(&NUMBER, message, help);
    }
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_object(schema: &Map<String, Value>) -> bool {
    types(schema).contains(&"object") || schema.contains_key("properties")
}

/// Whether an object may have only members that the schema says something of.
fn is_closed(schema: &Map<String, Value>) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .into_iter()
        .filter_map(|keyword| schema.get(keyword))
        .any(|rest| match rest {
            Value::Bool(open) => !open,
            Value::Object(members) => !members.is_empty(),
            _ => false,
        })
}

/// Whether a text cannot be of any length.
fn is_bounded(schema: &Map<String, Value>) -> bool {
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    schema.contains_key("maxLength")
        || text("format").is_some_and(|format| SHORT.contains(&format))
        || text("pattern").is_some_and(is_finite)
}

/// Whether a pattern holds from the beginning to the end, and matches no text of any length.
fn is_finite(pattern: &str) -> bool {
    use regex_syntax::hir::Look;
    regex_syntax::parse(pattern).is_ok_and(|hir| {
        let properties = hir.properties();
        properties.maximum_len().is_some()
            && properties.look_set_prefix().contains(Look::Start)
            && properties.look_set_suffix().contains(Look::End)
    })
}

/// Formats whose texts are short.
const SHORT: [&str; 6] = ["date", "date-time", "ipv4", "ipv6", "time", "uuid"];
