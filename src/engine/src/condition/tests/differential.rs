//! The `cel` crate as the oracle: what both make of the same expression and arguments.

use std::{
    collections::BTreeMap,
    panic::catch_unwind,
    sync::{Arc, OnceLock},
};

use cel::{Context, Env, extensions};

use super::{ARGS, Outcome, ours};
use crate::json::{Doc, Kind, Node};

/// What the oracle makes of it.
pub(super) fn theirs(source: &str, args: &str) -> Outcome {
    let doc = Doc::parse(args.as_bytes().to_vec()).unwrap();
    let outcome = catch_unwind(|| {
        let Ok(program) = env().compile(source) else {
            return Outcome::Refused;
        };
        let mut context = Context::with_env(Arc::clone(env()));
        context.add_variable_from_value("args", convert(doc.root()));
        match program.execute(&context) {
            Ok(value) => Outcome::Value(render(&value)),
            Err(_) => Outcome::Fault,
        }
    });
    outcome.unwrap_or(Outcome::Fault)
}

fn env() -> &'static Arc<Env> {
    static ENV: OnceLock<Arc<Env>> = OnceLock::new();
    ENV.get_or_init(|| {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings).unwrap();
        env.add_extension(extensions::math).unwrap();
        Arc::new(env)
    })
}

#[expect(clippy::disallowed_types, reason = "the oracle takes its maps as such")]
fn convert(node: Node<'_>) -> cel::Value {
    match node.kind() {
        Kind::Null => cel::Value::Null,
        Kind::Bool => node.bool().unwrap().into(),
        Kind::Number => match node.i64() {
            Some(number) => number.into(),
            None => node.f64().unwrap().into(),
        },
        Kind::String => node.str().unwrap().into_owned().into(),
        Kind::Array => node.items().map(convert).collect::<Vec<_>>().into(),
        Kind::Object => node
            .members()
            .map(|m| (m.key().into_owned(), convert(m.value())))
            .collect::<std::collections::HashMap<String, cel::Value>>()
            .into(),
    }
}

fn render(value: &cel::Value) -> String {
    match value {
        cel::Value::Null => "null".to_owned(),
        cel::Value::Bool(truth) => truth.to_string(),
        cel::Value::Int(number) => number.to_string(),
        cel::Value::UInt(number) => format!("{number}u"),
        cel::Value::Float(number) => format!("{number:?}"),
        cel::Value::String(text) => format!("{text:?}"),
        cel::Value::Duration(length) => {
            format!("duration({})", length.num_nanoseconds().unwrap_or_default())
        }
        cel::Value::Timestamp(moment) => {
            format!(
                "timestamp({}.{:09})",
                moment.timestamp(),
                moment.timestamp_subsec_nanos()
            )
        }
        cel::Value::List(items) => {
            format!(
                "[{}]",
                items.iter().map(render).collect::<Vec<_>>().join(", ")
            )
        }
        cel::Value::Map(map) => {
            let entries: BTreeMap<String, String> = map
                .map
                .iter()
                .map(|(key, value)| (render(&cel::Value::from(key)), render(value)))
                .collect();
            format!("{entries:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Why the two may differ; each is a decision, and `policies/conditions.md` lists it.
fn difference(source: &str, ours: &Outcome, theirs: &Outcome) -> Option<&'static str> {
    if let Some((_, reason)) = KNOWN.iter().find(|(known, _)| *known == source) {
        return Some(reason);
    }
    match (ours, theirs) {
        // A policy author learns it when the policy is loaded, not when a call comes.
        (Outcome::Refused, Outcome::Fault) => Some("refused at load, not at run"),
        (Outcome::Fault, Outcome::Refused) => Some("refused at run, not at load"),
        (Outcome::Value(value), Outcome::Fault) if is_double(value) && has_arithmetic(source) => {
            Some(MIXED)
        }
        (Outcome::Value(_), Outcome::Fault) if source.contains("1 / (x - 2)") => Some(MIXED),
        (Outcome::Fault, Outcome::Value(_)) if source.contains("!!") => Some(NOT_NOT),
        (Outcome::Fault, Outcome::Value(list))
            if source.contains(" + ") && list.starts_with('[') =>
        {
            Some("a map is not added to a list")
        }
        (Outcome::Refused, Outcome::Value(_)) if source.contains(".getHours('')") => {
            Some("an empty text is no time zone")
        }
        (Outcome::Value(ours), Outcome::Value(theirs)) if sorted(ours) == sorted(theirs) => {
            Some("keys come in the order in which they are written")
        }
        _ => None,
    }
}

fn sorted(list: &str) -> Vec<&str> {
    let mut items: Vec<&str> = list.trim_matches(['[', ']']).split(", ").collect();
    items.sort_unstable();
    items
}

fn is_double(value: &str) -> bool {
    value.parse::<f64>().is_ok() && (value.contains('.') || value.ends_with(['f', 'N']))
}

fn has_arithmetic(source: &str) -> bool {
    [" + ", " - ", " * ", " / "]
        .iter()
        .any(|operator| source.contains(operator))
}

/// JSON has one kind of number: `2` and `2.0` are what a client happens to write.
const MIXED: &str = "int and double mix in arithmetic";
/// Both nots are evaluated; the oracle drops them and with them the check of the type.
const NOT_NOT: &str = "`!!` asks for a bool";
/// The oracle converts the int to a double and loses digits.
const EXACT: &str = "int and double compare exactly";

const KNOWN: [(&str, &str); 17] = [
    ("b'abc'", "no bytes"),
    ("[,]", "no comma without items"),
    // The specification's answer; the oracle has none.
    ("0.0 / 0.0 < 1.0", "comparisons with NaN are false"),
    ("9007199254740993 == 9007199254740992.0", EXACT),
    ("9223372036854775807 == 9223372036854775808.0", EXACT),
    ("9223372036854775807 < 9223372036854775808.0", EXACT),
    ("18446744073709551615u == 18446744073709551616.0", EXACT),
    ("1 + 1.0 == 2.0", MIXED),
    ("'abc'.matches(args.s)", "patterns are literals"),
    (
        "timestamp('2026-04-30 14:18:03Z') == timestamp(0)",
        "RFC 3339 separates by `T`",
    ),
    (
        "duration('1\u{b5}s')",
        "microseconds are also written with a micro sign",
    ),
    ("duration('1h-30m')", "one sign, at the start of a duration"),
    (
        "timestamp('2026-02-28T23:59:59.987Z').getHours('Europe/Berlin')",
        "no names of time zones",
    ),
    (
        "timestamp('2026-02-28T23:59:59.987Z').getHours('+2:00')",
        "two digits in an offset",
    ),
    ("args.`i`", "names in backticks"),
    ("args.`no-such`", "names in backticks"),
    (".args", "no leading dot"),
];

#[track_caller]
fn agree(sources: impl IntoIterator<Item = String>, at_least: usize) {
    let mut count = 0;
    let mut wrong = Vec::new();
    let mut classes: BTreeMap<&'static str, usize> = BTreeMap::new();
    for source in sources {
        count += 1;
        let (ours, theirs) = (ours(&source, ARGS), theirs(&source, ARGS));
        if ours == theirs {
            continue;
        }
        match difference(&source, &ours, &theirs) {
            Some(class) => *classes.entry(class).or_default() += 1,
            None => wrong.push(format!(
                "{source}\n    ours   {ours:?}\n    theirs {theirs:?}"
            )),
        }
    }
    println!("{count} expressions; known differences: {classes:#?}");
    assert!(count >= at_least, "only {count} expressions");
    let shown: Vec<&str> = wrong.iter().take(80).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        shown.join("\n")
    );
}

#[test]
fn operators_agree_with_the_oracle() {
    let mut sources = Vec::new();
    for a in OPERANDS {
        for b in OPERANDS {
            for op in [
                "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%", "&&", "||",
            ] {
                sources.push(format!("{a} {op} {b}"));
            }
            sources.push(format!("{a}[{b}]"));
            sources.push(format!("args.b ? {a} : {b}"));
        }
        for form in [
            "!{}",
            "-{}",
            "!!{}",
            "{}.k",
            "has({}.k)",
            "[{}]",
            "{'k': {}}.k",
            "type({}) == type(1)",
        ] {
            sources.push(form.replacen("{}", a, 1));
        }
    }
    agree(sources.into_iter().step_by(5), 3_000);
}

#[test]
fn functions_agree_with_the_oracle() {
    let mut sources = Vec::new();
    for a in OPERANDS {
        for name in [
            "size",
            "int",
            "uint",
            "double",
            "string",
            "bool",
            "timestamp",
            "duration",
            "dyn",
        ] {
            sources.push(format!("{name}({a})"));
        }
        for name in [
            "size",
            "lowerAscii",
            "upperAscii",
            "trim",
            "join",
            "getFullYear",
            "getMonth",
            "getDate",
            "getDayOfMonth",
            "getDayOfWeek",
            "getDayOfYear",
            "getHours",
            "getMinutes",
            "getSeconds",
            "getMilliseconds",
        ] {
            sources.push(format!("{a}.{name}()"));
        }
        for b in OPERANDS {
            for name in [
                "contains",
                "startsWith",
                "endsWith",
                "split",
                "charAt",
                "indexOf",
                "lastIndexOf",
                "substring",
                "join",
                "getHours",
            ] {
                sources.push(format!("{a}.{name}({b})"));
            }
            for name in ["math.greatest", "math.least"] {
                sources.push(format!("{name}({a}, {b})"));
            }
        }
        for body in [
            "x == 1",
            "x > 1",
            "x",
            "x + x",
            "has(x.k)",
            "x == 'a'",
            "1 / (x - 2) > 0",
        ] {
            for name in ["all", "exists", "exists_one", "filter", "map"] {
                sources.push(format!("{a}.{name}(x, {body})"));
            }
            sources.push(format!("{a}.map(x, x != 2, {body})"));
        }
    }
    agree(sources.into_iter().step_by(5), 3_000);
}

#[test]
fn written_expressions_agree_with_the_oracle() {
    let sources = WRITTEN
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    agree(sources.map(str::to_owned), 500);
}

const OPERANDS: [&str; 34] = [
    "1",
    "0",
    "-7",
    "2u",
    "0u",
    "1.5",
    "-0.0",
    "2.0",
    "'abc'",
    "''",
    "'b'",
    "true",
    "false",
    "null",
    "[]",
    "[1, 2.0, 'a']",
    "{}",
    "{'k': 1, 'b': 2}",
    "args.i",
    "args.d",
    "args.s",
    "args.u",
    "args.l",
    "args.m",
    "args.x",
    "args.o",
    "args.nil",
    "args.nope",
    "args.big",
    "args",
    "timestamp('2026-04-30T14:18:03.25Z')",
    "duration('90m')",
    "9223372036854775807",
    "18446744073709551615u",
];

const WRITTEN: &str = include_str!("written.txt");
