use super::*;
use crate::json::Doc;

/// What `source` comes to for these arguments: `true`, `false`, `unknown`, or the fault.
fn outcome(source: &str, args: &str) -> String {
    let doc = Doc::parse(args.as_bytes().to_vec()).unwrap();
    let principal = Principal::default();
    let facts = Facts {
        args: Partial::Known(Some(doc.root())),
        meta: Partial::Known(None),
        principal: &principal,
        tool: TOOL,
        env: Some("prod"),
        session: None,
        now: Timestamp(1_777_558_683_000_000_000),
    };
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

#[track_caller]
fn check(source: &str, args: &str, expected: &str) {
    assert_eq!(outcome(source, args), expected, "{source} with {args}");
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
        "1:14: the condition ends where a value should stand",
    );
    check(
        "agrs.amount > 1",
        args,
        "1:1: `agrs` is not a variable (did you mean `args`?)",
    );
}
