use serde_json::{Value, json};

use super::super::{Told, result::Draft};
use crate::{
    config::Config,
    json::{Doc, Node},
    refusal::{Refusal, ResultFault},
    registry::{Entry, Registry, build::Build},
};

/// A registry with the tool `t`, and a prompt `p` and resources `doc://*` with the same bounds.
pub(in crate::response) fn registry(more: &Value) -> Registry {
    let mut tool = json!({ "name": "t", "mcpServer": "s", "inputSchema": { "type": "object" } });
    for (key, value) in more.as_object().unwrap() {
        tool[key] = value.clone();
    }
    let mut prompt = json!({ "name": "p", "mcpServer": "s" });
    let mut resource = json!({ "uri": "doc://*", "mcpServer": "s" });
    if let Some(bounds) = more.get("result") {
        prompt["result"] = bounds.clone();
        resource["result"] = bounds.clone();
    }
    let config = json!({
        "servers": { "s": {} }, "tools": [tool], "prompts": [prompt], "resources": [resource],
    });
    let build = Build::new(Config::join(vec![config], vec![]).registry);
    assert_eq!(build.problems, []);
    build.registry
}

/// Checks what becomes of a result, text that says the same included; `pointer: message` of what
/// breaks the contract.
#[track_caller]
fn check(tool: &Value, result: &str, expect: Result<&str, &[&str]>) {
    let shaped = shaped(&registry(tool), result).map_err(|refusal| violations(&refusal));
    let words = |all: &[&str]| {
        all.iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(shaped, expect.map(str::to_owned).map_err(words));
}

fn shaped(registry: &Registry, result: &str) -> Result<String, Refusal> {
    let mut draft = draft(result);
    super::shape(&mut draft, tool(registry), &mut Told::default())?;
    draft.mirror()?;
    Ok(draft.result().map_or("", Node::raw).to_owned())
}

fn draft(result: &str) -> Draft {
    let message = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    Draft::new(Doc::parse(message.into_bytes()).unwrap())
}

fn tool(registry: &Registry) -> &Entry {
    registry.tool("t").unwrap()
}

fn violations(refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::Result(ResultFault::Broken(violations)) => {
            violations.iter().map(ToString::to_string).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn order() -> Value {
    json!({ "outputSchema": {
        "type": "object",
        "required": ["id"],
        "additionalProperties": false,
        "properties": { "id": { "type": "integer" }, "note": { "type": "string", "maxLength": 5 } },
    } })
}

#[test]
fn what_keeps_the_contract_stays_as_it_is() {
    for result in [
        r#"{"content":[],"structuredContent":{ "id": 1.0 }}"#,
        r#"{ "structuredContent":{"note":"a\u0062c","id":1},"content":[{"type":"text","text":"x"}] }"#,
    ] {
        check(&order(), result, Ok(result));
    }
}

#[test]
fn unknown_members_go() {
    check(
        &order(),
        r#"{"content":[{"type":"text","text":"one order"}],"structuredContent":{"internal":{"x":1}, "id":1 ,"y":2}}"#,
        Ok(r#"{"content":[{"type":"text","text":"one order"}],"structuredContent":{"id":1}}"#),
    );
    // And from a text that says the same.
    check(
        &order(),
        r#"{"content":[{"type":"text","text":"{\n \"y\": 2, \"id\": 1.0\n}"},{"type":"text","text":"{\"id\":2}"}],"structuredContent":{"id":1,"y":2}}"#,
        Ok(
            r#"{"content":[{"type":"text","text":"{\"id\":1}"},{"type":"text","text":"{\"id\":2}"}],"structuredContent":{"id":1}}"#,
        ),
    );
}

#[test]
fn text_is_lifted() {
    check(
        &order(),
        r#"{"content":[{"type":"text","text":" { \"id\" : 7 }\n"}]}"#,
        Ok(
            r#"{"content":[{"type":"text","text":" { \"id\" : 7 }\n"}],"structuredContent":{ "id" : 7 }}"#,
        ),
    );
    check(
        &order(),
        r#"{"content":[{"type":"text","text":"{\"id\":7,\"z\":8}"}],"structuredContent":null}"#,
        Ok(r#"{"content":[{"type":"text","text":"{\"id\":7}"}],"structuredContent":{"id":7}}"#),
    );
    let missing: &[&str] = &["missing `structuredContent`"];
    for content in [
        r#"[{"type":"text","text":"no JSON"}]"#,
        r#"[{"type":"text","text":"[1]"}]"#,
        r#"[{"type":"text","text":"{\"id\":1,\"id\":2}"}]"#,
        r#"[{"type":"text","text":"{\"id\":1}"},{"type":"text","text":"more"}]"#,
        r#"[{"type":"image","data":"","mimeType":"image/png"}]"#,
        "[]",
    ] {
        check(
            &order(),
            &format!(r#"{{"content":{content}}}"#),
            Err(missing),
        );
    }
    check(&order(), "{}", Err(missing));
    // Nobody asked for structure.
    let result = r#"{"content":[{"type":"text","text":"{\"id\":7}"}]}"#;
    check(&json!({}), result, Ok(result));
}

#[test]
fn what_breaks_the_contract_is_told() {
    check(
        &order(),
        r#"{"content":[],"structuredContent":{"id":"SECRET","note":"SECRET","SECRET":1}}"#,
        Err(&[
            "unexpected member",
            "/id: must be of type integer",
            "/note: must have at most 5 characters",
        ]),
    );
    check(
        &order(),
        r#"{"content":[{"type":"text","text":"{\"note\":\"x\"}"}]}"#,
        Err(&["missing member `id`"]),
    );
    let many =
        json!({ "outputSchema": { "type": "object", "additionalProperties": { "type": "null" } } });
    let members: Vec<_> = (0..30).map(|n| format!(r#""m{n}":{n}"#)).collect();
    let result = format!(
        r#"{{"content":[],"structuredContent":{{{}}}}}"#,
        members.join(",")
    );
    check(&many, &result, Err(&["/*: must be of type null"]));
}

#[test]
fn a_failure_has_no_contract() {
    for result in [
        r#"{"isError":true,"content":[{"type":"text","text":"{\"id\":\"x\"}"}]}"#,
        r#"{"isError":true,"content":[],"structuredContent":{"code":5}}"#,
    ] {
        check(&order(), result, Ok(result));
    }
    let failed = r#"{"isError":false,"content":[]}"#;
    check(&order(), failed, Err(&["missing `structuredContent`"]));
}

#[test]
fn normalized_first() {
    let tool = json!({
        "normalize": { "rename": { "/nr": "/id" }, "drop": ["/secret"] },
        "outputSchema": order()["outputSchema"],
    });
    check(
        &tool,
        r#"{"content":[{"type":"text","text":"{\"nr\":1,\"secret\":2}"}],"structuredContent":{"nr":1,"secret":2}}"#,
        Ok(r#"{"content":[{"type":"text","text":"{\"id\":1}"}],"structuredContent":{"id":1}}"#),
    );
    check(
        &tool,
        r#"{"content":[{"type":"text","text":"{\"nr\":1,\"secret\":2}"}]}"#,
        Ok(r#"{"content":[{"type":"text","text":"{\"id\":1}"}],"structuredContent":{"id":1}}"#),
    );
    check(
        &tool,
        r#"{"isError":true,"content":[],"structuredContent":{"secret":2,"why":3}}"#,
        Ok(r#"{"isError":true,"content":[],"structuredContent":{"why":3}}"#),
    );
    // Without a schema only what is there is changed.
    let free = json!({ "normalize": { "pick": ["/*/a"] } });
    check(
        &free,
        r#"{"content":[{"type":"text","text":"[{\"a\":1,\"b\":2}]"}]}"#,
        Ok(r#"{"content":[{"type":"text","text":"[{\"a\":1}]"}]}"#),
    );
    for same in [
        r#"{"content":[{"type":"text","text":"words"}]}"#,
        r#"{"isError":true,"content":[{"type":"text","text":"[{\"b\":2}]"}]}"#,
        r#"{"content":[{"type":"text","text":"{}"},{"type":"text","text":"{}"}]}"#,
    ] {
        check(&free, same, Ok(same));
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i8>().prop_map(Value::from),
            "[a-c\"\\\\é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let members = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::from),
                members.prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    fn schema() -> impl Strategy<Value = Value> {
        let closed = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { "a": { "type": ["integer", "null"] }, "b": { "$ref": "#" }, "c": {} },
        });
        let merged = json!({
            "type": "object",
            "allOf": [{ "properties": { "a": {} } }],
            "properties": { "b": { "items": { "additionalProperties": false } } },
            "unevaluatedProperties": false,
        });
        let choice = json!({ "type": "object", "oneOf": [
            { "additionalProperties": false, "properties": { "a": {}, "b": {} }, "required": ["a"] },
            { "additionalProperties": false, "properties": { "c": { "type": "string" } }, "required": ["c"] },
        ] });
        prop_oneof![Just(closed), Just(merged), Just(choice)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What comes out keeps the contract by another judge's word, and had nothing added; and
        /// what kept it before stays byte for byte.
        #[test]
        fn what_comes_out_keeps_the_contract(schema in schema(), value in value(), lifted: bool) {
            let oracle = jsonschema::draft202012::new(&schema).unwrap();
            let registry = registry(&json!({ "outputSchema": schema }));
            let text = json!([{ "type": "text", "text": value.to_string() }]);
            let result = if lifted {
                json!({ "content": text })
            } else {
                json!({ "content": text, "structuredContent": value })
            };
            let result = result.to_string();
            match shaped(&registry, &result) {
                Ok(shaped) => {
                    let out: Value = serde_json::from_str(&shaped).unwrap();
                    let structured = &out["structuredContent"];
                    prop_assert!(oracle.is_valid(structured), "{shaped}");
                    prop_assert!(is_part(structured, &value), "{shaped}");
                    let said: Value = serde_json::from_str(out["content"][0]["text"].as_str().unwrap()).unwrap();
                    prop_assert_eq!(&said, structured);
                    if oracle.is_valid(&value) && !lifted {
                        prop_assert_eq!(shaped, result);
                    }
                }
                Err(refusal) => {
                    let violations = violations(&refusal);
                    prop_assert!(!violations.is_empty() && violations.len() <= 20);
                    prop_assert!(!oracle.is_valid(&value));
                }
            }
        }
    }

    /// Whether `part` is `whole` without some members.
    fn is_part(part: &Value, whole: &Value) -> bool {
        match (part, whole) {
            (Value::Object(part), Value::Object(whole)) => part
                .iter()
                .all(|(name, value)| whole.get(name).is_some_and(|of| is_part(value, of))),
            (Value::Array(part), Value::Array(whole)) => {
                part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_part(a, b))
            }
            (part, whole) => part == whole,
        }
    }
}
