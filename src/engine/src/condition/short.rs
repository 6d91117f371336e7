//! The short form of a condition, `{ amount_gt: 100, currency_in: [EUR, USD] }`, as CEL.

use serde_json::{Map, Value as Json};

use crate::problem::Problem;

/// The condition that a short form stands for; its members are joined by `&&`.
///
/// # Errors
/// Every member that cannot be read, with its name as the path.
pub fn from_short_form(map: &Map<String, Json>) -> Result<String, Vec<Problem>> {
    if map.is_empty() {
        return Err(vec![
            Problem::new("", "the condition is empty")
                .help("name what it asks for, or leave `when` out"),
        ]);
    }
    let mut terms = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in map {
        match term(name, value) {
            Ok(term) => terms.push(term),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(terms.join(" && "))
    } else {
        Err(problems)
    }
}

/// What a suffix asks of the argument before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    Operator(&'static str),
    In,
    NotIn,
    Method(&'static str),
}

fn term(name: &str, value: &Json) -> Result<String, Problem> {
    let found = SUFFIXES.iter().find_map(|(suffix, test)| {
        name.strip_suffix(suffix)
            .filter(|path| !path.is_empty())
            .map(|path| (*suffix, path, *test))
    });
    let (suffix, path, test) = found.unwrap_or(("", name, Test::Operator("==")));
    let path = argument(path).ok_or_else(|| {
        Problem::new(name, format!("`{name}` is not the name of an argument"))
            .help("nested arguments are written with dots: `customer.country_in`")
    })?;
    let wrong = |takes: &str| {
        let problem = Problem::new(name, format!("`{suffix}` takes {takes}"));
        problem.help(format!(
            "for an argument that is called `{name}` write `{name}_eq`"
        ))
    };
    let scalar = || literal(value).filter(|_| !value.is_array());
    let term = match test {
        Test::In | Test::NotIn => {
            let list = literal(value)
                .filter(|_| value.is_array())
                .ok_or_else(|| wrong("a list"))?;
            let term = format!("{path} in {list}");
            if test == Test::NotIn {
                format!("!({term})")
            } else {
                term
            }
        }
        Test::Method(method) => {
            let text = value.as_str().ok_or_else(|| wrong("a text"))?;
            format!("{path}.{method}({})", quote(text))
        }
        Test::Operator(operator @ ("==" | "!=")) => {
            let list = "a text, a number, true, false or null";
            let value = scalar().ok_or_else(|| {
                Problem::new(name, format!("`{name}` takes {list}"))
                    .help(format!("to ask for one of several write `{name}_in`"))
            })?;
            format!("{path} {operator} {value}")
        }
        Test::Operator(operator) => {
            let ordered = value.is_number() || value.is_string();
            let value = scalar()
                .filter(|_| ordered)
                .ok_or_else(|| wrong("a number or a text"))?;
            format!("{path} {operator} {value}")
        }
    };
    Ok(term)
}

/// `a.b-c` as `args.a["b-c"]`.
fn argument(path: &str) -> Option<String> {
    let mut cel = "args".to_owned();
    for part in path.split('.') {
        let mut chars = part.chars();
        let first = chars.next()?;
        let plain = (first.is_ascii_alphabetic() || first == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !matches!(part, "true" | "false" | "null" | "in");
        if plain {
            cel.push('.');
            cel.push_str(part);
        } else {
            cel.push('[');
            cel.push_str(&quote(part));
            cel.push(']');
        }
    }
    Some(cel)
}

/// A scalar or a list of scalars as a CEL literal.
fn literal(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some("null".to_owned()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::String(text) => Some(quote(text)),
        Json::Number(number) => Some(match (number.is_i64(), number.is_u64()) {
            (true, _) => number.to_string(),
            (false, true) => format!("{number}u"),
            // The debug form always shows that it is a double: `1.0`, `1e300`.
            (false, false) => format!("{:?}", number.as_f64()?),
        }),
        Json::Array(items) => {
            let scalar = |item: &Json| literal(item).filter(|_| !item.is_array());
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            items.map(|items| format!("[{}]", items.join(", ")))
        }
        Json::Object(_) => None,
    }
}

/// `text` as a CEL literal.
fn quote(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Longer suffixes before those they end in.
const SUFFIXES: [(&str, Test); 14] = [
    ("_not_in", Test::NotIn),
    ("_in", Test::In),
    ("_gte", Test::Operator(">=")),
    ("_ge", Test::Operator(">=")),
    ("_gt", Test::Operator(">")),
    ("_lte", Test::Operator("<=")),
    ("_le", Test::Operator("<=")),
    ("_lt", Test::Operator("<")),
    ("_eq", Test::Operator("==")),
    ("_ne", Test::Operator("!=")),
    ("_starts_with", Test::Method("startsWith")),
    ("_ends_with", Test::Method("endsWith")),
    ("_contains", Test::Method("contains")),
    ("_matches", Test::Method("matches")),
];
