//! What rules take out.

use super::*;
use crate::redact::Redaction;

const REGISTRY: &str = r#"
servers: { s: {} }
tools:
- name: find
  mcpServer: s
  inputSchema: { type: object, properties: { n: { type: integer }, pin: { x-toolgate-sensitive: true } } }
  outputSchema: { type: object, properties: { ssn: { x-toolgate-sensitive: drop }, name: {} } }
- { name: other, mcpServer: s, inputSchema: { type: object } }
"#;

const POLICY: &str = r#"
detectors: { order_id: 'ORD-[0-9]{8}' }
identity: { user: { header: x-user, trusted: true } }
rules:
- id: all
  tools: "*"
  decision: allow
  redact:
  - payment_card
  - { find: [iban, order_id], by: hash, in: [results, arguments] }
- id: few
  tools: find
  when: args.n > 1
  decision: allow
  redact: [{ find: iban, at: [/name, '/list/*/x'], by: block, in: upstream }, { find: iban, by: drop }]
  audit: { level: full }
- id: never
  tools: find
  when: args.n > 2
  decision: deny
  redact: [{ find: email, in: arguments }]
- { id: tried, tools: "*", mode: shadow, decision: allow, redact: [{ find: ssn, by: block }] }
"#;

/// `kind by` for each item.
fn told(redaction: &Redaction) -> String {
    let items = redaction.items();
    let items: Vec<_> = items
        .map(|(item, by)| format!("{item} {}", by.as_str()))
        .collect();
    items.join(", ")
}

/// Checks what is taken out of a call's results, its arguments, and what the server gets.
#[track_caller]
fn check_redactions(tool: &str, args: Partial<Option<Value>>, expected: [&str; 3], values: bool) {
    let policy = compile(REGISTRY, &[POLICY]).expect("a policy");
    let entry = policy.registry().tool(tool).expect("a tool");
    let known = match &args {
        Partial::Known(args) => args.clone().unwrap_or_default(),
        Partial::Unknown => Value::Null,
    };
    let doc = Doc::parse(known.to_string().into_bytes()).expect("JSON");
    let call = Call {
        principal: &Principal::default(),
        entry,
        args: match args {
            Partial::Known(_) => Partial::Known(Some(doc.root())),
            Partial::Unknown => Partial::Unknown,
        },
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    };
    let found = match call.args {
        Partial::Known(_) => (*policy.decide(&call).decision().redactions).clone(),
        Partial::Unknown => (**policy.aftermath(&call).redactions()).clone(),
    };
    let all = [&found.results, &found.arguments, &found.upstream];
    assert_eq!(all.map(told), expected);
    assert_eq!(found.values, values);
}

#[test]
fn what_rules_take_out_adds_up() {
    let known = |value| Partial::Known(Some(value));
    let all = "iban hash, order_id hash, payment_card mask";
    check_redactions(
        "other",
        known(json!({})),
        [all, "iban hash, order_id hash", ""],
        false,
    );
    check_redactions(
        "find",
        known(json!({ "n": 1 })),
        [&format!("{all}, /ssn drop"), "iban hash, order_id hash", ""],
        false,
    );
    let upstream = "iban block, /list/*/x block, /name block";
    let results = "iban drop, order_id hash, payment_card mask, /ssn drop";
    check_redactions(
        "find",
        known(json!({ "n": 2 })),
        [
            results,
            "iban block, order_id hash, /list/*/x block, /name block",
            upstream,
        ],
        true,
    );
    // Also what denies.
    let arguments = "email mask, iban block, order_id hash, /list/*/x block, /name block";
    check_redactions(
        "find",
        known(json!({ "n": 3 })),
        [results, arguments, upstream],
        true,
    );
    // And all that may match, where the arguments are not known.
    check_redactions(
        "find",
        Partial::Unknown,
        [results, arguments, upstream],
        true,
    );
}

#[test]
fn the_record_shows_less_than_anybody_sees() {
    let policy = compile(REGISTRY, &[POLICY]).expect("a policy");
    let entry = policy.registry().tool("find").expect("a tool");
    let rule = policy.rules().iter().find(|rule| rule.id == "few");
    let audit = rule.expect("a rule").redactions.audit(entry);
    assert_eq!(
        told(&audit),
        "iban mask, /list/*/x mask, /name mask, /pin mask"
    );
}

/// Checks what is wrong with what a rule takes out.
#[track_caller]
fn check_wrong(policy: &str, expected: &[&str]) {
    assert_eq!(
        compile(REGISTRY, &[policy]).expect_err("problems"),
        expected
    );
}

#[test]
fn every_problem_with_what_is_taken_out_is_told() {
    check_wrong(
        r#"
detectors: { iban: a, field: a, Order: a, open: 'a+', bad: '(' , fine: a }
rules:
- id: a
  tools: "*"
  decision: allow
  redact: [payment_crad, { find: [fine, secret], at: [x, /a], in: [] }, { by: drop }, { find: [] }]
- { id: b, tools: "*", decision: deny, redact: [iban, { find: iban, in: [arguments, upstream] }] }
"#,
        &[
            "policy[0]:detectors.Order: `Order` is no name of a kind of values: lower-case letters, digits, `_`",
            "policy[0]:detectors.bad: `(` is not a regular expression that can be matched",
            "policy[0]:detectors.field: `field` is what values in known places are called",
            "policy[0]:detectors.iban: `iban` is built in: give yours another name",
            "policy[0]:detectors.open: `a+` matches without a bound, or more than 8192 bytes",
            "policy[0]:rules[0].redact[0]: `payment_crad` is no kind of sensitive values (did you mean `payment_card`?)",
            "policy[0]:rules[0].redact[1].in: an empty list takes nothing out",
            "policy[0]:rules[0].redact[1].find: `secret` is no kind of sensitive values (define it under `detectors`)",
            "policy[0]:rules[0].redact[1].at: `x` is no JSON Pointer (as `/customer/ssn` or `/items/*/card`)",
            "policy[0]:rules[0].redact[2]: it does not say what is taken out (name kinds of values with `find`, or places with `at`)",
            "policy[0]:rules[0].redact[3].find: an empty list takes nothing out",
            "policy[0]:rules[1].redact[0]: the rule denies: nothing goes to a server, and nothing comes back (`in: arguments` is what the audit record shows)",
            "policy[0]:rules[1].redact[1].in: the rule denies: nothing goes to a server, and nothing comes back (`in: arguments` is what the audit record shows)",
        ],
    );
}

#[test]
fn detectors_are_those_of_all_files() {
    let one = "{ detectors: { a: x }, rules: [{ tools: '*', decision: allow, redact: [a, b] }] }";
    compile(REGISTRY, &[one, "detectors: { b: yy }"]).expect("a policy");
    let twice = compile(REGISTRY, &[one, "detectors: { a: x, b: yy }"]);
    assert_eq!(
        twice.expect_err("a problem"),
        ["policy[1]:detectors.a: another policy file has a detector `a` already"]
    );
    let tried = |own: &str| {
        let shadow = format!(
            "{{ mode: shadow, detectors: {own}, rules: [{{ tools: '*', decision: allow, redact: [a] }}] }}"
        );
        compile(REGISTRY, &["{ detectors: { a: x }, rules: [] }", &shadow])
    };
    assert!(tried("{ a: x }").is_ok());
    assert_eq!(
        tried("{ a: z }").expect_err("a problem"),
        ["policy[1]:detectors.a: the detectors of a shadow policy are those of the live one"]
    );
}
