//! Keywords that nothing enforces: JSON Schema passes over what it does not know.

use engine::problem::{Problem, closest};
use serde_json::{Map, Value};

use super::{Site, types};
use crate::{
    lint::{Lint, Review},
    report::Level,
};

pub(super) const LINTS: &[&Lint] = &[
    &UNKNOWN_KEYWORD,
    &UNKNOWN_FORMAT,
    &IDLE_KEYWORD,
    &IMPOSSIBLE,
];

const UNKNOWN_KEYWORD: Lint = Lint {
    code: "unknown-keyword",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/unknown-keyword.md"),
};

const UNKNOWN_FORMAT: Lint = Lint {
    code: "unknown-format",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/unknown-format.md"),
};

const IDLE_KEYWORD: Lint = Lint {
    code: "idle-keyword",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/idle-keyword.md"),
};

const IMPOSSIBLE: Lint = Lint {
    code: "impossible-schema",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/impossible-schema.md"),
};

pub(super) fn review(review: &mut Review<'_>, site: &Site<'_>) {
    let (schema, path) = (site.schema, &site.path);
    for keyword in schema.keys() {
        if !KEYWORDS.contains(&keyword.as_str()) && !keyword.starts_with("x-") {
            let message = format!("`{keyword}` is no keyword of JSON Schema: it has no effect");
            let help = closest(keyword, KEYWORDS).map(|near| format!("did you mean `{near}`?"));
            let problem = Problem::new(format!("{path}/{keyword}"), message);
            review.tell(&UNKNOWN_KEYWORD, Problem { help, ..problem });
        }
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && !FORMATS.contains(&format)
    {
        let message = format!("the format `{format}` is not known: it has no effect");
        let help = closest(format, FORMATS).map(|near| format!("did you mean `{near}`?"));
        let problem = Problem::new(format!("{path}/format"), message);
        review.tell(&UNKNOWN_FORMAT, Problem { help, ..problem });
    }
    idle(review, site);
    impossible(review, schema, path);
}

/// Keywords about values of a type that the schema excludes.
fn idle(review: &mut Review<'_>, site: &Site<'_>) {
    let types = types(site.schema);
    if types.is_empty() {
        return;
    }
    for (of, keywords) in OF_TYPE {
        let fits = types.contains(of) || (*of == "number" && types.contains(&"integer"));
        for keyword in keywords.iter().filter(|_| !fits) {
            if site.schema.contains_key(*keyword) {
                let article = if *of == "array" || *of == "object" {
                    "an"
                } else {
                    "a"
                };
                let is = types.join("` or `");
                let message = format!("`{keyword}` is about {article} {of}, and this is `{is}`");
                let path = format!("{}/{keyword}", site.path);
                review.tell(&IDLE_KEYWORD, Problem::new(path, message));
            }
        }
    }
}

/// What no value fulfils.
fn impossible(review: &mut Review<'_>, schema: &Map<String, Value>, path: &str) {
    let number = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    for (least, most) in BOUNDS {
        if let (Some(low), Some(high)) = (number(least), number(most))
            && low > high
        {
            let message = format!("`{least}` is above `{most}`: nothing is between them");
            review.tell(
                &IMPOSSIBLE,
                Problem::new(format!("{path}/{least}"), message),
            );
        }
    }
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let required = schema.get("required").and_then(Value::as_array);
    if !closed || schema.contains_key("patternProperties") {
        return;
    }
    let known = schema.get("properties").and_then(Value::as_object);
    for (place, name) in required.into_iter().flatten().enumerate() {
        let Some(name) = name.as_str() else {
            continue;
        };
        if known.is_some_and(|known| known.contains_key(name)) {
            continue;
        }
        let message = format!("`{name}` is required, and not among the properties");
        let names = known.into_iter().flat_map(|known| known.keys());
        let near = closest(name, names.map(String::as_str));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let problem = Problem::new(format!("{path}/required/{place}"), message);
        review.tell(&IMPOSSIBLE, Problem { help, ..problem });
    }
}

/// Of the dialects from draft 4 to 2020-12.
const KEYWORDS: [&str; 65] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "else",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "id",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
    "externalDocs",
];

/// Of section 7.3 of the validation specification.
const FORMATS: [&str; 19] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

const OF_TYPE: &[(&str, &[&str])] = &[
    ("string", &["maxLength", "minLength", "pattern"]),
    (
        "number",
        &[
            "exclusiveMaximum",
            "exclusiveMinimum",
            "maximum",
            "minimum",
            "multipleOf",
        ],
    ),
    (
        "array",
        &[
            "items",
            "maxItems",
            "minItems",
            "prefixItems",
            "uniqueItems",
        ],
    ),
    (
        "object",
        &[
            "additionalProperties",
            "maxProperties",
            "minProperties",
            "patternProperties",
            "properties",
            "required",
        ],
    ),
];

const BOUNDS: [(&str, &str); 5] = [
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
];
