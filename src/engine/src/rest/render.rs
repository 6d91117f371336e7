//! One call's arguments in their places.

use std::borrow::Cow;

use super::{
    Body, Json, RestRequest, Template,
    encode::{fits_header, fits_path, percent},
    text::{Piece, Text},
};
use crate::{
    contract::Violation,
    json::{Decimal, Kind, Node, Pointer, quote},
};

pub(super) fn render(
    template: &Template,
    arguments: Option<Node<'_>>,
) -> Result<RestRequest, Vec<Violation>> {
    let mut render = Render {
        arguments,
        violations: Vec::new(),
    };
    let mut path = render.path(&template.path);
    let query = render.pairs(&template.query);
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    let mut headers = Vec::with_capacity(template.headers.len() + 1);
    for (name, text) in &template.headers {
        let value = render.fill(text, &fits_header, &mut |out, value| out.push_str(value));
        headers.extend(value.map(|value| (name.clone(), value)));
    }
    let body = render.body(&template.body);
    let long = headers.iter().any(|(_, value)| value.len() > MAX_LENGTH);
    if long || path.len() > MAX_LENGTH {
        let message = format!("make an address or a header of more than {MAX_LENGTH} bytes");
        render.wrong(None, &message);
    }
    if !render.violations.is_empty() {
        return Err(render.violations);
    }
    let media = body.as_ref().map(|_| match &template.body {
        Body::Form(_) => "application/x-www-form-urlencoded",
        Body::None | Body::Rest(_) | Body::Json(_) => "application/json",
    });
    headers.extend(media.map(|media| ("content-type".to_owned(), media.to_owned())));
    Ok(RestRequest {
        method: template.method.as_str(),
        path,
        headers,
        body: body.map(String::into_bytes),
    })
}

struct Render<'a> {
    arguments: Option<Node<'a>>,
    violations: Vec<Violation>,
}

impl<'a> Render<'a> {
    fn wrong(&mut self, at: Option<&Pointer>, message: &str) {
        self.violations.push(Violation {
            pointer: at.map(Pointer::to_string).unwrap_or_default(),
            keyword: "http".to_owned(),
            message: message.to_owned(),
        });
    }

    /// The value in a slot.
    fn value(&self, slot: &Pointer) -> Option<Node<'a>> {
        slot.find(self.arguments?).into_iter().next()
    }

    fn path(&mut self, parts: &[Text]) -> String {
        let mut path = String::new();
        for part in parts {
            let filled = self.fill(part, &fits_path, &mut percent);
            let slot = part.slots().next();
            match filled.as_deref() {
                None => self.wrong(slot, "is missing: it is part of a path"),
                Some("" | "." | "..") if slot.is_some() => {
                    self.wrong(
                        slot,
                        "may be neither empty nor `.` nor `..`: it is part of a path",
                    );
                }
                Some(_) => {}
            }
            path.push('/');
            path.push_str(&filled.unwrap_or_default());
        }
        path
    }

    /// Parameters of a query, or fields of a form.
    fn pairs(&mut self, pairs: &[(String, Text)]) -> String {
        let mut out = String::new();
        let mut add = |name: &str, value: &str| {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        };
        for (name, text) in pairs {
            let list = text
                .only_slot()
                .and_then(|slot| Some((slot, self.value(slot)?)));
            if let Some((slot, list)) = list.filter(|(_, list)| list.kind() == Kind::Array) {
                for item in list.items() {
                    let mut value = String::new();
                    match scalar(item) {
                        Some(item) => percent(&mut value, &item),
                        None => self.wrong(Some(slot), "may hold single values only"),
                    }
                    add(name, &value);
                }
            } else if let Some(value) = self.fill(text, &|_| Ok(()), &mut percent) {
                add(name, &value);
            }
        }
        out
    }

    fn body(&mut self, body: &Body) -> Option<String> {
        match body {
            Body::None => None,
            Body::Rest(used) => {
                let members = self.arguments.into_iter().flat_map(Node::members);
                let left = members.filter(|member| !used.contains(&*member.key()));
                let left = left.map(|it| format!("{}:{}", it.name().raw(), it.value().raw()));
                Some(format!("{{{}}}", left.collect::<Vec<_>>().join(",")))
            }
            Body::Json(json) => self.json(json),
            Body::Form(fields) => Some(self.pairs(fields)),
        }
    }

    /// A JSON value; `None` where its argument is absent.
    fn json(&mut self, json: &Json) -> Option<String> {
        match json {
            Json::Plain(text) => Some(text.clone()),
            Json::Slot(slot) => self.value(slot).map(|value| value.raw().to_owned()),
            Json::Text(text) => {
                let text = self.fill(text, &|_| Ok(()), &mut |out, value| out.push_str(value));
                text.map(|text| quote(&text))
            }
            Json::List(items) => {
                let items: Vec<_> = items.iter().filter_map(|item| self.json(item)).collect();
                Some(format!("[{}]", items.join(",")))
            }
            Json::Object(members) => {
                let members = members.iter();
                let member = |(name, value): &(String, Json)| {
                    self.json(value).map(|value| format!("{name}:{value}"))
                };
                let members: Vec<_> = members.filter_map(member).collect();
                Some(format!("{{{}}}", members.join(",")))
            }
        }
    }

    /// A text with each value where its slot is; `None` where one is absent.
    fn fill(
        &mut self,
        text: &Text,
        fits: &dyn Fn(&str) -> Result<(), &'static str>,
        put: &mut dyn FnMut(&mut String, &str),
    ) -> Option<String> {
        let mut out = String::new();
        for piece in &text.0 {
            let slot = match piece {
                Piece::Plain(plain) => {
                    out.push_str(plain);
                    continue;
                }
                Piece::Slot(slot) => slot,
            };
            let value = self.value(slot).filter(|value| !value.is_null())?;
            match scalar(value) {
                Some(value) => {
                    if let Err(message) = fits(&value) {
                        self.wrong(Some(slot), message);
                    }
                    put(&mut out, &value);
                }
                None => self.wrong(Some(slot), "has to be a single value"),
            }
        }
        Some(out)
    }
}

/// A single value as text. A whole number is written in digits alone: `1e2` is `100`, as judged.
fn scalar(value: Node<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.str(),
        Kind::Bool => Some(value.raw().into()),
        Kind::Number => {
            let raw = value.raw();
            let digits = Decimal::new(raw).integer(MAX_DIGITS);
            let minus = if raw.starts_with('-') { "-" } else { "" };
            Some(match digits.as_deref() {
                None => raw.into(),
                Some("" | "0") => "0".into(),
                Some(digits) => format!("{minus}{digits}").into(),
            })
        }
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// Of a path with its query, and of a header; servers commonly take twice as much.
const MAX_LENGTH: usize = 4_096;

/// Of a whole number that is written out.
const MAX_DIGITS: usize = 40;
