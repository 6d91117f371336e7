use super::*;
use crate::{
    config::Config,
    cx::{Memory, Timestamp},
    json::Doc,
    refusal::Asker,
};
use serde_json::json;

/// Under which a server may ask for some things.
fn policy() -> Policy {
    let server = json!({ "url": "http://a/mcp", "requests": ["elicitation/create", "roots/list"] });
    let registry = json!({ "servers": { "s": server } });
    Policy::compile(Config::join(vec![registry], vec![json!({})])).unwrap()
}

fn doc(message: &str) -> Doc {
    Doc::parse(message.into()).unwrap()
}

/// What a message is to the one who called a tool with id 1.
fn seen(era: Era, declared: Declared, message: &str) -> Result<Sort, &'static str> {
    let policy = policy();
    let terms = Terms {
        server: "s".to_owned(),
        asker: Asker {
            id: Some("1".to_owned()),
            era: Some(era),
            ..Asker::default()
        },
        operation: Some(Method::ToolsCall),
        declared,
        ..Terms::default()
    };
    let doc = doc(message);
    let memory = Memory::default();
    let cx = memory.at(Timestamp(0));
    sort(doc.root(), &terms, &Told::default(), &policy, &cx).map_err(|refusal| refusal.reason())
}

#[test]
fn a_message_is_an_answer_or_something_beside_it() {
    let legacy = |message: &str| seen(Era::Legacy, Declared::default(), message);
    for (message, sort) in [
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Ok(Sort::Answer)),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"a"}}"#,
            Ok(Sort::Answer),
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"a"}}"#,
            Ok(Sort::Unaddressed),
        ),
        (
            r#"{"jsonrpc":"2.0","error":{"code":1,"message":"a"}}"#,
            Ok(Sort::Unaddressed),
        ),
        (
            r#"{"jsonrpc":"2.0","id":2,"result":{}}"#,
            Ok(Sort::Stray("stranger")),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"1","result":{}}"#,
            Ok(Sort::Stray("stranger")),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/message"}"#,
            Ok(Sort::Aside),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"tools/call"}"#,
            Ok(Sort::Stray("unknown_notification")),
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#,
            Ok(Sort::Aside),
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#,
            Ok(Sort::Aside),
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create"}"#,
            Ok(Sort::Aside),
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage"}"#,
            Err("upstream_request"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#,
            Err("upstream_request"),
        ),
        (r#"{"id":1,"result":{}}"#, Err("upstream_unreadable")),
        (r#"{"jsonrpc":"2.0","id":1}"#, Err("upstream_unreadable")),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            Err("upstream_unreadable"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":[]}"#,
            Err("upstream_unreadable"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"Result":{}}"#,
            Err("upstream_unreadable"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"message":"a"}}"#,
            Err("upstream_unreadable"),
        ),
        (
            r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#,
            Err("upstream_unreadable"),
        ),
    ] {
        assert_eq!(legacy(message), sort, "{message}");
    }
}

#[test]
fn what_the_client_did_not_declare_is_no_answer() {
    let none = Declared::default();
    let page = Declared { page: true, ..none };
    let form = Declared { form: true, ..none };
    let task = Declared { task: true, ..none };
    let sampling = Declared {
        sampling: true,
        ..none
    };
    let ask = |method: &str, params: &str| {
        format!(
            r#"{{"resultType":"input_required","inputRequests":{{"a":{{"method":"{method}","params":{params}}}}}}}"#
        )
    };
    let visit = ask("elicitation/create", r#"{"mode":"url"}"#);
    let fill = ask("elicitation/create", "{}");
    let sample = ask("sampling/createMessage", "{}");
    let (modern, legacy) = (Era::Modern, Era::Legacy);
    for (era, declared, result, expected) in [
        (modern, none, r#"{"resultType":"complete"}"#, Ok(())),
        (
            modern,
            none,
            r#"{"resultType":"task","taskId":"t"}"#,
            Err("upstream_undeclared"),
        ),
        (
            modern,
            task,
            r#"{"resultType":"task","taskId":"t"}"#,
            Ok(()),
        ),
        (
            modern,
            none,
            r#"{"resultType":"new"}"#,
            Err("upstream_undeclared"),
        ),
        (
            modern,
            none,
            r#"{"resultType":"input_required","requestState":"s"}"#,
            Ok(()),
        ),
        (modern, none, &visit, Err("upstream_undeclared")),
        (modern, form, &visit, Err("upstream_undeclared")),
        (modern, page, &visit, Ok(())),
        (modern, form, &fill, Ok(())),
        (modern, page, &fill, Err("upstream_undeclared")),
        // The client would, and the registry has it that this server may not.
        (modern, sampling, &sample, Err("upstream_request")),
        (
            modern,
            sampling,
            &ask("tools/call", "{}"),
            Err("upstream_undeclared"),
        ),
        (legacy, page, &visit, Err("upstream_undeclared")),
        (
            legacy,
            none,
            r#"{"task":{"taskId":"t"}}"#,
            Err("upstream_undeclared"),
        ),
        (legacy, task, r#"{"task":{"taskId":"t"}}"#, Ok(())),
    ] {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        let expected = expected.map(|()| Sort::Answer);
        assert_eq!(seen(era, declared, &message), expected, "{era:?} {result}");
    }
    let url = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32042,"message":"a"}}"#;
    assert_eq!(seen(modern, page, url), Err("upstream_undeclared"));
    assert_eq!(seen(legacy, page, url), Ok(Sort::Answer));
    let request = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    assert_eq!(seen(modern, none, request), Err("upstream_request"));
}
