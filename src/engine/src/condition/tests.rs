use super::{eval::Evaluation, value::*, *};
use crate::json::Doc;

mod checks;
mod differential;
mod formula;
mod limits;
mod watch;

/// What an expression came to.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Value(String),
    Fault,
    Refused,
}

/// What we make of it, types unchecked, as the oracle does not check them either.
fn ours(source: &str, args: &str) -> Outcome {
    let doc = Doc::parse(args.as_bytes().to_vec()).unwrap();
    let principal = Principal::default();
    let facts = facts(Partial::Known(Some(doc.root())), &principal);
    let Ok(condition) = Condition::parse(source) else {
        return Outcome::Refused;
    };
    let mut fuel = Fuel::default();
    match Evaluation::new(source, &facts, &mut fuel, ()).eval(&condition.expr) {
        Ok(value) => Outcome::Value(render(&value)),
        Err(_) => Outcome::Fault,
    }
}

fn render(value: &Value<'_>) -> String {
    let mut fuel = Fuel::default();
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => format!("{number}u"),
        Value::Double(number) => format!("{number:?}"),
        Value::Str(text) => format!("{:?}", &**text),
        Value::Duration(nanos) => format!("duration({nanos})"),
        Value::Timestamp(moment) => {
            format!(
                "timestamp({}.{:09})",
                moment.timestamp(),
                moment.timestamp_subsec_nanos()
            )
        }
        Value::Type(name) => format!("type({name})"),
        Value::List(list) => {
            let mut items = list.items();
            let mut texts = Vec::new();
            while let Some(item) = items.next(&mut fuel).unwrap() {
                texts.push(render(&item));
            }
            format!("[{}]", texts.join(", "))
        }
        Value::Map(map) => {
            let mut keys = map.keys();
            let mut entries = std::collections::BTreeMap::new();
            while let Some(key) = keys.next(&mut fuel).unwrap() {
                let value = map.get(&key, &mut fuel).unwrap().unwrap();
                entries.insert(render(&key), render(&value));
            }
            format!("{entries:?}")
        }
        Value::Unknown => "unknown".to_owned(),
    }
}

fn facts<'a>(args: Partial<Option<Node<'a>>>, principal: &'a Principal) -> Facts<'a> {
    Facts {
        args,
        meta: Partial::Known(None),
        principal,
        tool: TOOL,
        env: Some("prod"),
        session: None,
        now: Timestamp(1_777_558_683_000_000_000),
    }
}

/// `true`, `false`, `unknown`, or why it has no value; types unchecked.
fn truth(source: &str, args: &str) -> String {
    let doc = Doc::parse(args.as_bytes().to_vec()).unwrap();
    let principal = Principal::default();
    let facts = facts(Partial::Known(Some(doc.root())), &principal);
    let condition = match Condition::parse(source) {
        Ok(condition) => condition,
        Err(problem) => return problem.to_string(),
    };
    match condition.eval(&facts, &mut Fuel::default()) {
        Ok(Truth::True) => "true".to_owned(),
        Ok(Truth::False) => "false".to_owned(),
        Ok(Truth::Unknown) => "unknown".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

const TOOL: Tool<'_> = Tool {
    name: "refund_customer",
    server: "payments",
    kind: "tool",
    risk_tier: "high",
    access: "write",
    data_classification: None,
};

const ARGS: &str = r#"{"i": 3, "d": 2.5, "w": 4.0, "s": "abc", "u": "Z\u00fcrich €", "b": true,
    "nil": null, "l": [1, 2, 3], "m": ["a", "b"], "x": [1, 2.0, "a", null],
    "o": {"k": 1, "s": "v", "o": {"p": [true]}}, "big": 9007199254740993, "for": 1}"#;

#[track_caller]
fn check(source: &str, args: &str, expected: &str) {
    assert_eq!(truth(source, args), expected, "{source} with {args}");
}

#[test]
fn compares_arguments() {
    let args = r#"{"amount": 250.00, "count": 3, "currency": "EUR", "tags": ["a", "b"], "x": {"y": null}}"#;
    check("args.amount > 100", args, "true");
    check("args.amount <= 100", args, "false");
    check("args.currency in ['EUR', 'USD']", args, "true");
    check("'b' in args.tags && args.tags.size() == 2", args, "true");
    check(
        "args.count + 1 == 4 && args.amount * 2 == 500",
        args,
        "true",
    );
    check("args.nope > 1", args, "there is no `args.nope`");
    check("has(args.nope) || args.x.y == null", args, "true");
    check(
        "args.currency > 100",
        args,
        "there is no `>` for string and int",
    );
    check("args.tags.all(t, t.matches('^[a-z]$'))", args, "true");
    check(
        "tool.riskTier == 'high' && tool.dataClassification == null && env == 'prod'",
        args,
        "true",
    );
    check(
        "now.getFullYear() == 2026 && now.getHours('+02:00') == 16",
        args,
        "true",
    );
    check(
        "args.amount >",
        args,
        "1:14: it ends where a value should stand",
    );
    check(
        "agrs.amount > 1",
        args,
        "1:1: `agrs` is not a variable (did you mean `args`?)",
    );
}
