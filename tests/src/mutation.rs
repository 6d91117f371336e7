//! Registries and policies with one mistake in them, as people make it: a rule lost, a threshold
//! moved, a role too many, a contract left open.

use serde_json::{Map, Value, json};

/// A registry or policy file with one change.
pub struct Mutant {
    /// What was changed: `rule small-refunds: amount <= 101`.
    pub what: String,
    /// The whole file.
    pub document: Value,
}

/// A value with one change, and what that is; `None`: it is gone.
type Change = (String, Option<Value>);

/// Every mutant of a file: of a policy's rules, or of a registry's entries.
pub fn mutants(document: &Value) -> Vec<Mutant> {
    let mut found = Vec::new();
    let lists = ["rules", "denied_tools", "tools", "resources", "prompts"];
    for list in lists {
        let items = document.get(list).and_then(Value::as_array);
        for (place, item) in items.into_iter().flatten().enumerate() {
            let changes = match (list, item) {
                ("rules", _) => rule(item),
                (_, Value::String(_)) => vec![("gone".to_owned(), None)],
                _ => entry(item),
            };
            let name = ["id", "name", "uri"]
                .iter()
                .find_map(|key| item.get(key)?.as_str());
            let name = name.or(item.as_str()).unwrap_or_default();
            found.extend(changes.into_iter().map(|(what, change)| Mutant {
                what: format!("{list} {name}: {what}"),
                document: with_item(document, list, place, change),
            }));
        }
    }
    found
}

fn with_item(document: &Value, list: &str, place: usize, item: Option<Value>) -> Value {
    let mut document = document.clone();
    if let Some(items) = document[list].as_array_mut() {
        match item {
            Some(item) => items[place] = item,
            None => {
                items.remove(place);
            }
        }
    }
    document
}

fn with(of: &Value, key: &str, value: Option<Value>) -> Value {
    let mut changed = of.clone();
    let members = changed.as_object_mut().expect("an object");
    match value {
        Some(value) => members.insert(key.to_owned(), value),
        None => members.remove(key),
    };
    changed
}

/// The same change of a member, seen from the object that has it.
fn within(of: &Value, key: &str, changes: Vec<Change>) -> Vec<Change> {
    let change = |(what, value)| (format!("{key} {what}"), Some(with(of, key, value)));
    changes.into_iter().map(change).collect()
}

fn rule(rule: &Value) -> Vec<Change> {
    let mut found = vec![("gone".to_owned(), None)];
    for key in ["decision", "action"] {
        let decisions = match rule.get(key).and_then(Value::as_str) {
            Some("allow") => ["deny"].as_slice(),
            Some("approval_required") => &["allow", "deny"],
            Some("deny") => &["allow"],
            _ => &[],
        };
        let changes = decisions
            .iter()
            .map(|to| (format!("-> {to}"), Some(json!(to))));
        found.extend(within(rule, key, changes.collect()));
    }
    if rule.get("requires_user_confirmation").is_some() {
        let plain = with(rule, "requires_user_confirmation", None);
        let plain = with(&plain, "decision", Some(json!("allow")));
        found.push(("confirmation gone".to_owned(), Some(plain)));
    }
    for (key, value) in rule.as_object().into_iter().flatten() {
        let changes = match (key.as_str(), value) {
            ("approver_role", _) => vec![("changed".to_owned(), Some(json!("anybody")))],
            ("when", Value::String(text)) => condition(text),
            ("when", _) => short(value),
            ("require", _) => requirement(value),
            ("tenants" | "environments" | "allowed_roles", _) => names(value),
            ("limits", Value::Array(items)) => limits(items),
            ("tools" | "resources" | "prompts", Value::Object(_)) => attributes(value),
            ("tools" | "resources" | "prompts", Value::Array(items)) => {
                let mut changes = fewer(items);
                changes.push(("-> *".to_owned(), Some(json!("*"))));
                changes
            }
            ("tools" | "tool" | "resources" | "prompts", Value::String(name)) if name != "*" => {
                vec![("-> *".to_owned(), Some(json!("*")))]
            }
            _ => Vec::new(),
        };
        found.extend(within(rule, key, changes));
    }
    found
}

/// A list or a name: one less, one more, none.
fn names(value: &Value) -> Vec<Change> {
    let items = match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let mut found = vec![("gone".to_owned(), None)];
    found.extend(fewer(&items));
    let more = [items.as_slice(), &[json!("one-more")]].concat();
    found.push(("one more".to_owned(), Some(Value::Array(more))));
    found
}

fn fewer(items: &[Value]) -> Vec<Change> {
    if items.len() < 2 {
        return Vec::new();
    }
    let without = |place: usize| {
        let kept = items.iter().enumerate().filter(|(at, _)| *at != place);
        let kept = kept.map(|(_, item)| item.clone()).collect();
        (
            format!("without {}", items[place]),
            Some(Value::Array(kept)),
        )
    };
    (0..items.len()).map(without).collect()
}

fn requirement(require: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    for (key, value) in require.as_object().into_iter().flatten() {
        let changes = match value {
            Value::Bool(_) => vec![("gone".to_owned(), None)],
            _ => names(value),
        };
        found.extend(within(require, key, changes));
    }
    found
}

fn attributes(selector: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    for (key, value) in selector.as_object().into_iter().flatten() {
        let mut changes = vec![("gone".to_owned(), None)];
        changes.extend(
            value
                .as_array()
                .map(|items| fewer(items))
                .unwrap_or_default(),
        );
        found.extend(within(selector, key, changes));
    }
    found
}

/// A condition in CEL with one operator, constant or term changed.
fn condition(text: &str) -> Vec<Change> {
    let mut found = vec![("gone".to_owned(), None)];
    let mut replace = |at: usize, old: &str, new: &str| {
        let changed = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
        found.push((format!("`{old}` -> `{new}` at {at}"), Some(json!(changed))));
    };
    let swaps = [
        (" <= ", &[" < ", " > "][..]),
        (" >= ", &[" > ", " < "]),
        (" < ", &[" <= ", " > "]),
        (" > ", &[" >= ", " < "]),
        (" == ", &[" != "]),
        (" != ", &[" == "]),
        ("&&", &["||"]),
        ("||", &["&&"]),
        ("startsWith", &["endsWith"]),
        ("!has", &["has"]),
        ("!args", &["args"]),
        ("!(", &["("]),
    ];
    for (old, news) in swaps {
        for (at, _) in text.match_indices(old) {
            news.iter().for_each(|new| replace(at, old, new));
        }
    }
    for (at, number) in numbers(text) {
        let moved: Vec<String> = match number.parse::<i64>() {
            Ok(whole) => vec![(whole + 1).to_string(), (whole - 1).to_string()],
            Err(_) => number.parse::<f64>().map_or_else(
                |_| Vec::new(),
                |n| vec![format!("{:?}", n * 2.0), format!("{:?}", n / 2.0)],
            ),
        };
        moved.iter().for_each(|new| replace(at, &number, new));
    }
    found
}

/// Numbers outside of names, and of texts unless those are moments.
fn numbers(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        inside ^= c == '"';
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let apart = !before.is_alphanumeric() && before != '_' && before != '.';
        if c.is_ascii_digit() && apart && !inside {
            let rest = &text[at..];
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            found.push((at, rest[..end].trim_end_matches('.').to_owned()));
            at += end;
            continue;
        }
        // A year of a moment.
        if inside && before == '"' && text[at..].starts_with("20") {
            found.push((at, text[at..at + 4].to_owned()));
        }
        at += c.len_utf8();
    }
    found
}

fn short(when: &Value) -> Vec<Change> {
    let mut found = vec![("gone".to_owned(), None)];
    for (key, value) in when.as_object().into_iter().flatten() {
        let changes = match value {
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                vec![("doubled".to_owned(), Some(json!(number * 2.0)))]
            }
            Value::String(_) => vec![("changed".to_owned(), Some(json!("another")))],
            Value::Array(items) => fewer(items),
            _ => Vec::new(),
        };
        found.extend(within(when, key, changes));
    }
    found
}

fn entry(entry: &Value) -> Vec<Change> {
    let mut found = vec![("gone".to_owned(), None)];
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let mut set = |key: &str, what: &str, value: Option<Value>| {
        found.push((format!("{key} {what}"), Some(with(entry, key, value))));
    };
    match text("riskTier") {
        Some("low") => {}
        Some("medium") => set("riskTier", "lowered", Some(json!("low"))),
        _ => set("riskTier", "lowered", Some(json!("medium"))),
    }
    if text("access") == Some("write") {
        set("access", "-> read", Some(json!("read")));
    }
    if let Some(scopes) = text("authScope") {
        set("authScope", "gone", None);
        if let Some((first, _)) = scopes.split_once(' ') {
            set("authScope", "shortened", Some(json!(first)));
        }
    }
    if entry.get("approvalRequired") == Some(&json!(true)) {
        set("approvalRequired", "gone", None);
    }
    if text("approverRole").is_some() {
        set("approverRole", "changed", Some(json!("anybody")));
    }
    if text("mcpTool").is_some() {
        set("mcpTool", "changed", Some(json!("another_tool")));
    }
    for key in ["tenants", "environments"] {
        if let Some(value) = entry.get(key) {
            found.extend(within(entry, key, names(value)));
        }
    }
    if let Some(Value::Array(items)) = entry.get("limits") {
        found.extend(within(entry, "limits", limits(items)));
    }
    for key in ["cost", "breaker"] {
        if entry.get(key).is_some() {
            found.push((format!("{key} gone"), Some(with(entry, key, None))));
        }
    }
    if let Some(value) = entry.get("inputSchema") {
        found.extend(within(entry, "inputSchema", schema(value)));
    }
    found
}

/// A limit lost, doubled, or counted otherwise.
fn limits(items: &[Value]) -> Vec<Change> {
    let mut found = vec![("gone".to_owned(), None)];
    found.extend(fewer(items));
    for (place, limit) in items.iter().enumerate() {
        for (key, value) in limit.as_object().into_iter().flatten() {
            let mut changes = Vec::new();
            match (key.as_str(), value) {
                ("per", Value::Array(facts)) => changes.extend(fewer(facts)),
                ("per", _) => changes.push(("gone".to_owned(), None)),
                ("scope", _) => changes.push(("-> local".to_owned(), Some(json!("local")))),
                (_, Value::Number(number)) => {
                    let number = number.as_u64().unwrap_or_default();
                    changes.push(("doubled".to_owned(), Some(json!(number * 2))));
                    changes.push(("+ 1".to_owned(), Some(json!(number + 1))));
                }
                _ => {}
            }
            found.extend(
                within(limit, key, changes)
                    .into_iter()
                    .map(|(what, changed)| {
                        let mut items = items.to_vec();
                        items[place] = changed.unwrap_or_default();
                        (what, Some(Value::Array(items)))
                    }),
            );
        }
    }
    found
}

/// A schema that takes more.
fn schema(of: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    for (key, value) in of.as_object().into_iter().flatten() {
        let changes = match (key.as_str(), value) {
            ("additionalProperties", Value::Bool(false)) => {
                vec![("-> true".to_owned(), Some(json!(true)))]
            }
            ("required", Value::Array(items)) => fewer(items),
            ("enum", Value::Array(items)) => {
                let more = [items.as_slice(), &[json!("one-more")]].concat();
                vec![("one more".to_owned(), Some(Value::Array(more)))]
            }
            ("pattern" | "format" | "multipleOf", _) => vec![("gone".to_owned(), None)],
            (bound, Value::Number(_)) if bound.to_ascii_lowercase().contains("m") => {
                let mut changes = vec![("gone".to_owned(), None)];
                let wider = |number: i64| {
                    if bound.contains("ax") {
                        number * 10
                    } else {
                        number / 2
                    }
                };
                if let Some(number) = value.as_i64().filter(|number| wider(*number) != *number) {
                    let wider = wider(number);
                    changes.push((format!("-> {wider}"), Some(json!(wider))));
                }
                changes
            }
            ("properties", Value::Object(properties)) => in_each(properties),
            ("items", Value::Object(_)) => schema(value),
            _ => Vec::new(),
        };
        found.extend(within(of, key, changes));
    }
    found
}

fn in_each(properties: &Map<String, Value>) -> Vec<Change> {
    let of = Value::Object(properties.clone());
    let changes = |(name, property): (&String, &Value)| within(&of, name, schema(property));
    properties.iter().flat_map(changes).collect()
}
