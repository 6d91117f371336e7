//! Templates as they are written, checked and held against the schema of the arguments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Body, Json, Template,
    encode::percent,
    shape::Shape,
    text::{Piece, Text},
};
use crate::{
    config::{Http, HttpMethod},
    json::{Pointer, quote},
    problem::{Problem, closest},
};

pub(super) fn compile(config: &Http, schema: &Value) -> Result<Template, Vec<Problem>> {
    let mut compile = Compile {
        shape: Shape(schema),
        used: BTreeSet::new(),
        problems: Vec::new(),
    };
    let path = compile.path(&config.path);
    let query = compile.pairs("query", &config.query);
    let headers = compile.headers(&config.headers);
    let body = compile.body(config);
    let result = config.result.as_ref();
    let pointer = result.and_then(|it| it.pointer.as_deref());
    let place = pointer.and_then(Pointer::parse);
    if pointer.is_some()
        && place
            .as_ref()
            .is_none_or(|it| it.parts().iter().any(|it| it == "*"))
    {
        let message = format!(
            "`{}` is no JSON Pointer to one value",
            pointer.unwrap_or_default()
        );
        compile.wrong("result.pointer", message);
    }
    match compile.problems.is_empty() {
        true => Ok(Template {
            method: config.method,
            path,
            query,
            headers,
            body,
            pointer: place,
            key: result.and_then(|it| it.key.clone()),
        }),
        false => Err(compile.problems),
    }
}

/// Where a slot is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// In a path: there has to be a value.
    Path,
    /// In another text.
    Text,
    /// Alone in a parameter or field: a list repeats it.
    Pair,
    /// Alone in JSON: whatever it is.
    Json,
}

struct Compile<'a> {
    shape: Shape<'a>,
    /// Arguments that are used as a whole.
    used: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Compile<'_> {
    fn wrong(&mut self, at: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
    }

    fn path(&mut self, written: &str) -> Vec<Text> {
        let Some(path) = written.strip_prefix('/') else {
            self.wrong("path", "expected a path that begins with `/`");
            return Vec::new();
        };
        let count = path.split('/').count();
        let mut parts = Vec::with_capacity(count);
        // A pointer in a slot has slashes of its own.
        for part in split(path) {
            let text = self.text("path", part, |_| At::Path);
            if let Some(fault) = text.plain().find_map(misfit) {
                self.wrong("path", fault);
            }
            parts.push(text);
        }
        let last = parts.len().saturating_sub(1);
        let empty = |(i, text): (usize, &Text)| i < last && text.0.is_empty();
        if parts.iter().enumerate().any(empty) {
            self.wrong("path", "an empty part, `//`, is not the same everywhere");
        }
        let dots = |text: &Text| matches!(text.plain().collect::<String>().as_str(), "." | "..");
        if parts
            .iter()
            .any(|part| part.slots().next().is_none() && dots(part))
        {
            self.wrong("path", "`.` and `..` lead out of the path");
        }
        parts
    }

    fn pairs(&mut self, field: &str, written: &BTreeMap<String, String>) -> Vec<(String, Text)> {
        let mut pairs = Vec::with_capacity(written.len());
        for (name, text) in written {
            let mut encoded = String::new();
            percent(&mut encoded, name);
            let mut text = self.text(&format!("{field}.{name}"), text, |text| {
                match text.only_slot() {
                    Some(_) => At::Pair,
                    None => At::Text,
                }
            });
            for piece in &mut text.0 {
                if let Piece::Plain(plain) = piece {
                    let written = std::mem::take(plain);
                    percent(plain, &written);
                }
            }
            pairs.push((encoded, text));
        }
        pairs
    }

    fn headers(&mut self, written: &BTreeMap<String, String>) -> Vec<(String, Text)> {
        let mut headers: Vec<(String, Text)> = Vec::with_capacity(written.len());
        for (name, text) in written {
            let at = format!("headers.{name}");
            let lower = name.to_ascii_lowercase();
            if lower.is_empty() || !lower.bytes().all(is_token) {
                self.wrong(&at, format!("`{name}` is not a header name"));
            } else if RESERVED.contains(&lower.as_str())
                || RESERVED_PREFIXES
                    .iter()
                    .any(|prefix| lower.starts_with(prefix))
            {
                self.wrong(&at, format!("`{name}` is not for tools to set"));
            } else if headers.iter().any(|(other, _)| *other == lower) {
                self.wrong(&at, format!("`{name}` is written twice"));
            }
            let text = self.text(&at, text, |_| At::Text);
            let visible = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            if !text.plain().all(visible) {
                self.wrong(&at, "a header holds visible ASCII and spaces only");
            }
            headers.push((lower, text));
        }
        headers
    }

    fn body(&mut self, config: &Http) -> Body {
        let get = config.method == HttpMethod::Get;
        if get && (config.body.is_some() || config.form.is_some()) {
            let field = if config.body.is_some() {
                "body"
            } else {
                "form"
            };
            self.wrong(field, "a `GET` has no body");
        }
        match (&config.body, &config.form) {
            (Some(_), Some(_)) => {
                self.wrong("form", "a request has one body: `body` or `form`");
                Body::None
            }
            (Some(body), None) => Body::Json(self.json("body", body)),
            (None, Some(form)) => Body::Form(self.pairs("form", form)),
            (None, None) => {
                let names = self.shape.names();
                let left = names.iter().any(|name| !self.used.contains(*name));
                match config.method.has_body() && (left || self.shape.is_open()) {
                    true => Body::Rest(std::mem::take(&mut self.used)),
                    false => Body::None,
                }
            }
        }
    }

    fn json(&mut self, at: &str, written: &Value) -> Json {
        match written {
            Value::Null | Value::Bool(_) | Value::Number(_) => Json::Plain(written.to_string()),
            Value::String(text) => {
                let alone = |text: &Text| match text.only_slot() {
                    Some(_) => At::Json,
                    None => At::Text,
                };
                let text = self.text(at, text, alone);
                match text.only_slot() {
                    Some(slot) => Json::Slot(slot.clone()),
                    None => Json::Text(text),
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(i, item)| self.json(&format!("{at}[{i}]"), item));
                Json::List(items.collect())
            }
            Value::Object(members) => {
                let members = members.iter();
                let members = members
                    .map(|(name, value)| (quote(name), self.json(&format!("{at}.{name}"), value)));
                Json::Object(members.collect())
            }
        }
    }

    /// Reads a text, and holds its slots against the schema.
    fn text(&mut self, at: &str, written: &str, place: impl Fn(&Text) -> At) -> Text {
        let text = match Text::parse(written) {
            Ok(text) => text,
            Err(message) => {
                self.wrong(at, message);
                return Text(Vec::new());
            }
        };
        let place = place(&text);
        for slot in text.slots() {
            self.slot(at, slot, place);
        }
        text
    }

    fn slot(&mut self, at: &str, slot: &Pointer, place: At) {
        let (name, whole) = match slot.parts() {
            [name] => (name.clone(), true),
            _ => (slot.to_string(), false),
        };
        let Some(found) = self.shape.find(slot) else {
            let problem = Problem::new(at, format!("`{name}` is not in the `inputSchema`"));
            let near = closest(&name, self.shape.names());
            self.problems.push(match near {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            });
            return;
        };
        if place == At::Path && !found.required {
            let message = format!("`{name}` may be absent, and a path has no place for nothing");
            let problem = Problem::new(at, message).help("make it `required`");
            self.problems.push(problem);
        }
        let fits = match place {
            At::Path | At::Text => found.scalar,
            At::Pair => found.scalar || found.list,
            At::Json => true,
        };
        if !fits {
            self.wrong(
                at,
                format!("`{name}` is never a single value, as it has to be here"),
            );
        }
        if whole {
            self.used.insert(name);
        }
    }
}

/// The parts of a path, cut at slashes outside of slots.
fn split(path: &str) -> Vec<&str> {
    let mut inside = false;
    path.split(move |c| {
        inside = match c {
            '{' => true,
            '}' => false,
            _ => inside,
        };
        c == '/' && !inside
    })
    .collect()
}

/// What is wrong with what is written in a path (RFC 3986, section 3.3).
fn misfit(text: &str) -> Option<String> {
    if let Some(c) = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !PATH.contains(*c))
    {
        return Some(format!("`{c}` cannot stand in a path: percent-encode it"));
    }
    let hidden = |escape: &str| {
        let value = escape
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        value.is_none_or(|value| matches!(value, b'.' | b'/' | b'\\') || value.is_ascii_control())
    };
    let escape = text.split('%').skip(1).find(|escape| hidden(escape))?;
    let shown: String = escape.chars().take(2).collect();
    Some(format!("`%{shown}` is not the same everywhere in a path"))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a part of a path beside letters and digits.
const PATH: &str = "-._~!$&'()*+,;=:@%";

/// What the gateway says, or others about the gateway: framing, credentials, routes.
const RESERVED: [&str; 17] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

const RESERVED_PREFIXES: [&str; 5] = ["mcp-", "proxy-", "x-envoy-", "x-forwarded-", "x-toolgate-"];
