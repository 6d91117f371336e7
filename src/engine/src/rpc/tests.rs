use std::{borrow::Cow, fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{http::Headers, json::Doc};

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers::new(
        pairs
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())),
    )
}

/// What becomes of a body: `era kind operation target` of the message, or `status code reason id`.
fn outcome(pairs: &[(&str, &str)], body: &str) -> String {
    let fault = |fault: &Fault, id: Option<&str>| {
        format!(
            "{} {} {} {}",
            fault.status(),
            fault.code(),
            fault.reason(),
            id.unwrap_or("-")
        )
    };
    let doc = match Doc::parse(body.as_bytes().to_vec()) {
        Ok(doc) => doc,
        Err((json, _)) => return fault(&json.into(), None),
    };
    match read(&doc, &headers(pairs)) {
        Ok(message) => match message.check_method() {
            Ok(()) => format!(
                "{:?} {:?} {:?} {:?}",
                message.era, message.kind, message.operation, message.target
            ),
            Err(unknown) => fault(&unknown, message.id),
        },
        Err((faulty, id)) => fault(&faulty, id.as_deref()),
    }
}

#[track_caller]
fn check(pairs: &[(&str, &str)], body: &str, expect: &str) {
    assert_eq!(outcome(pairs, body), expect, "{pairs:?} {body}");
}

/// A legacy message without any MCP header.
#[track_caller]
fn legacy(body: &str, expect: &str) {
    check(&[], body, expect);
}

/// A modern `tools/call` of `t` whose headers say the right thing, with this for its body.
#[track_caller]
fn modern(body: &str, expect: &str) {
    check(
        &[VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", "t")],
        body,
        expect,
    );
}

/// A modern request, with members of `params` before `_meta`.
fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}"_meta":{META}}}}}"#)
}

const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"b","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}}"#;
const CALLED: &str = r#"Legacy Request ToolsCall Tool("t")"#;

#[test]
fn envelopes() {
    legacy(CALL, CALLED);
    for (body, expect) in [
        // Not one object.
        ("[]", "400 -32600 batch -"),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            "400 -32600 batch -",
        ),
        ("null", "400 -32600 envelope -"),
        ("1", "400 -32600 envelope -"),
        (r#""tools/call""#, "400 -32600 envelope -"),
        ("true", "400 -32600 envelope -"),
        ("{}", "400 -32600 envelope -"),
        // jsonrpc
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            "Legacy Request Ping Plumbing",
        ),
        (
            r#"{"jsonrpc":"2\u002e0","id":1,"method":"ping"}"#,
            "Legacy Request Ping Plumbing",
        ),
        (
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0 ","id":1,"method":"ping"}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":null,"id":1,"method":"ping"}"#,
            "400 -32600 envelope 1",
        ),
        (r#"{"id":1,"method":"ping"}"#, "400 -32600 envelope 1"),
        // method
        (
            r#"{"jsonrpc":"2.0","id":1,"method":null}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#,
            "400 -32600 envelope 1",
        ),
        (r#"{"jsonrpc":"2.0","id":1}"#, "400 -32600 envelope 1"),
        (
            r#"{"jsonrpc":"2.0","id":1,"params":{}}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"Ping"}"#,
            "200 -32601 unknown_method 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping\u0000"}"#,
            "200 -32601 unknown_method 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"\u0070ing"}"#,
            "Legacy Request Ping Plumbing",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll","params":{"name":"\u0074"}}"#,
            CALLED,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n\u0061me":"t"}}"#,
            "400 -32600 escaped_key 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a\/\u003c\\\u0022\n\u00e9":1}}}"#,
            "Legacy Request Ping Plumbing",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"\\u0061":1}}}"#,
            "Legacy Request Ping Plumbing",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":[{"\\\u005f":1}]}}}"#,
            "400 -32600 escaped_key 1",
        ),
        // params
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}"#,
            "Legacy Request Ping Plumbing",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}}"#,
            "400 -32602 meta 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":null}}"#,
            "400 -32602 meta 1",
        ),
        // Mixed shapes.
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":null}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"ping","result":{}}"#,
            "400 -32600 envelope -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            "400 -32600 envelope 1",
        ),
        // Members that mean nothing are nobody's business.
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":{"a":[1]}}"#,
            "Legacy Request Ping Plumbing",
        ),
    ] {
        legacy(body, expect);
    }
}

#[test]
fn json_comes_first() {
    for (body, expect) in [
        ("", "400 -32700 syntax -"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
            "400 -32700 syntax -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#,
            "400 -32700 trailing_data -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}/**/"#,
            "400 -32700 trailing_data -",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0",
            "400 -32700 trailing_data -",
        ),
        (
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
            "400 -32700 not_utf8 -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":NaN,"method":"ping"}"#,
            "400 -32700 syntax -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1e400,"method":"ping"}"#,
            "400 -32700 number_out_of_range -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":"\ud800","method":"ping"}"#,
            "400 -32700 lone_surrogate -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            "400 -32600 duplicate_key -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
            "400 -32600 duplicate_key -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            "400 -32600 duplicate_key -",
        ),
    ] {
        legacy(body, expect);
    }
    let deep = "[".repeat(500) + &"]".repeat(500);
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{deep}}}}}"#);
    legacy(&deep, "400 -32600 too_deep -");
}

#[test]
fn ids() {
    for id in [
        "0",
        "1",
        "-1",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        r#""""#,
        r#""a""#,
        r#""\u0031""#,
        r#""日本""#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0", "id" : {id} ,"method":"ping"}}"#);
        let doc = Doc::parse(body.into_bytes()).unwrap();
        assert_eq!(read(&doc, &headers(&[])).unwrap().id, Some(id));
        legacy(
            &format!(r#"{{"jsonrpc":"1.0","id":{id},"method":"ping"}}"#),
            &format!("400 -32600 envelope {id}"),
        );
    }
    for id in [
        "null",
        "true",
        "{}",
        "[]",
        "[1]",
        "1.5",
        "1.0",
        "1e2",
        "1E0",
        "-0",
        "9223372036854775808",
        "-9223372036854775809",
        "100000000000000000000000000000",
    ] {
        legacy(
            &format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#),
            "400 -32600 envelope -",
        );
        modern(
            &CALL.replace("\"id\":1", &format!("\"id\":{id}")),
            "400 -32600 envelope -",
        );
    }
}

#[test]
fn near_misses() {
    for member in [
        r#""ID":2"#,
        r#""Id":2"#,
        r#""iD":null"#,
        r#""\u0131d":2"#,
        r#""id\u0000":2"#,
        r#""id\u0000x":2"#,
        r#""Method":"tools/call""#,
        r#""METHOD":"tools/call""#,
        r#""method\u0000":"tools/call""#,
        r#""Params":{}"#,
        r#""param\u017f":{}"#,
        r#""JSONRPC":"2.0""#,
        r#""j\u017fonrpc":"2.0""#,
        r#""Result":{}"#,
        r#""re\u017fult":{}"#,
        r#""ERROR":{}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping",{member}}}"#);
        legacy(&body, "400 -32600 envelope 1");
    }
    for member in [
        r#""Name":"u""#,
        r#""NAME":"u""#,
        r#""name\u0000":"u""#,
        r#""Arguments":{}"#,
        r#""argument\u017f":{}"#,
        r#""_Meta":{}"#,
        r#""_META":{}"#,
        r#""URI":"x""#,
        r#""tas\u212a":{}"#,
        r#""task\u0000":{}"#,
        r#""TaskId":"x""#,
        r#""requeststate":"x""#,
        r#""inputresponses":{}"#,
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t",{member}}}}}"#
        );
        legacy(&body, "400 -32600 envelope 1");
        modern(
            &request("tools/call", &format!(r#""name":"t",{member},"#)),
            "400 -32600 envelope 1",
        );
    }
    for meta in [
        r#"{"io.modelcontextprotocol/protocolversion":"2026-07-28"}"#,
        r#"{"IO.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
        r#"{"io.modelcontextprotocol/protocolVersion\u0000":"2026-07-28"}"#,
        r#"{"io.modelcontextprotocol/clientcapabilities":{}}"#,
    ] {
        legacy(
            &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"_meta":{meta}}}}}"#),
            "400 -32600 envelope 1",
        );
    }
    legacy(
        r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p","Name":"q"}}}"#,
        "400 -32600 envelope 1",
    );
    check(
        &[VERSION, ("mcp-method", "subscriptions/listen")],
        &request(
            "subscriptions/listen",
            r#""notifications":{"resourcesubscriptions":["x"]},"#,
        ),
        "400 -32600 envelope 1",
    );
    // Elsewhere names are the tool's own.
    legacy(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"Name":1,"ID":2,"name":3}}}"#,
        CALLED,
    );
    legacy(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","names":1,"name2":2}}"#,
        CALLED,
    );
}

#[test]
fn parameters() {
    for (method, params, expect) in [
        ("tools/call", r#"{"name":"t"}"#, CALLED),
        (
            "tools/call",
            r#"{"name":"","arguments":{}}"#,
            r#"Legacy Request ToolsCall Tool("")"#,
        ),
        ("tools/call", "{}", "200 -32602 params 1"),
        ("tools/call", r#"{"name":null}"#, "200 -32602 params 1"),
        ("tools/call", r#"{"name":7}"#, "200 -32602 params 1"),
        ("tools/call", r#"{"name":["t"]}"#, "200 -32602 params 1"),
        (
            "tools/call",
            r#"{"name":"t","arguments":null}"#,
            "200 -32602 params 1",
        ),
        (
            "tools/call",
            r#"{"name":"t","arguments":[]}"#,
            "200 -32602 params 1",
        ),
        (
            "tools/call",
            r#"{"name":"t","arguments":"{}"}"#,
            "200 -32602 params 1",
        ),
        (
            "prompts/get",
            r#"{"name":"p"}"#,
            r#"Legacy Request PromptsGet Prompt("p")"#,
        ),
        ("prompts/get", r#"{"uri":"p"}"#, "200 -32602 params 1"),
        (
            "prompts/get",
            r#"{"name":"p","arguments":[]}"#,
            "200 -32602 params 1",
        ),
        (
            "resources/read",
            r#"{"uri":"a:b"}"#,
            r#"Legacy Request ResourcesRead Resource("a:b")"#,
        ),
        ("resources/read", r#"{"name":"a:b"}"#, "200 -32602 params 1"),
        ("resources/read", r#"{"uri":{}}"#, "200 -32602 params 1"),
        (
            "resources/subscribe",
            r#"{"uri":"a:b"}"#,
            r#"Legacy Request ResourcesSubscribe Resource("a:b")"#,
        ),
        ("resources/subscribe", "{}", "200 -32602 params 1"),
        (
            "resources/unsubscribe",
            r#"{"uri":"a:b"}"#,
            r#"Legacy Request ResourcesUnsubscribe Resource("a:b")"#,
        ),
        (
            "resources/unsubscribe",
            r#"{"uri":1}"#,
            "200 -32602 params 1",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"}}"#,
            r#"Legacy Request Complete Prompt("p")"#,
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"a:{x}"}}"#,
            r#"Legacy Request Complete Resource("a:{x}")"#,
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","name":"p"}}"#,
            "200 -32602 params 1",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/tool","name":"p"}}"#,
            "200 -32602 params 1",
        ),
        (
            "completion/complete",
            r#"{"ref":{"name":"p"}}"#,
            "200 -32602 params 1",
        ),
        (
            "completion/complete",
            r#"{"ref":"p"}"#,
            "200 -32602 params 1",
        ),
        ("completion/complete", "{}", "200 -32602 params 1"),
        (
            "tasks/get",
            r#"{"taskId":"x"}"#,
            r#"Legacy Request TasksGet Task("x")"#,
        ),
        (
            "tasks/result",
            r#"{"taskId":"x"}"#,
            r#"Legacy Request TasksResult Task("x")"#,
        ),
        ("tasks/cancel", r#"{"taskId":1}"#, "200 -32602 params 1"),
        ("tools/list", "{}", "Legacy Request ToolsList List(Tools)"),
        (
            "tools/list",
            r#"{"cursor":""}"#,
            "Legacy Request ToolsList List(Tools)",
        ),
        (
            "resources/list",
            "{}",
            "Legacy Request ResourcesList List(Resources)",
        ),
        (
            "resources/templates/list",
            "{}",
            "Legacy Request TemplatesList List(Templates)",
        ),
        (
            "prompts/list",
            "{}",
            "Legacy Request PromptsList List(Prompts)",
        ),
        ("tasks/list", "{}", "Legacy Request TasksList Tasks"),
        (
            "logging/setLevel",
            r#"{"level":"info"}"#,
            "Legacy Request SetLevel Plumbing",
        ),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        legacy(&body, expect);
    }
    legacy(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
        "200 -32602 params 1",
    );
    let listen = |wanted: &str, expect: &str| {
        let body = request("subscriptions/listen", wanted);
        check(
            &[VERSION, ("mcp-method", "subscriptions/listen")],
            &body,
            expect,
        );
    };
    listen(
        r#""notifications":{},"#,
        "Modern Request Listen Watched { resources: [], tasks: [] }",
    );
    listen(
        r#""notifications":{"resourceSubscriptions":["a:b","c:d"],"toolsListChanged":true},"#,
        r#"Modern Request Listen Watched { resources: ["a:b", "c:d"], tasks: [] }"#,
    );
    listen(
        r#""notifications":{"taskIds":["t"]},"#,
        r#"Modern Request Listen Watched { resources: [], tasks: ["t"] }"#,
    );
    listen(
        r#""notifications":{"taskIds":[null]},"#,
        "200 -32602 params 1",
    );
    listen(
        r#""notifications":{"resourceSubscriptions":"a:b"},"#,
        "200 -32602 params 1",
    );
    listen(
        r#""notifications":{"resourceSubscriptions":["a:b",1]},"#,
        "200 -32602 params 1",
    );
    listen(r#""notifications":[],"#, "200 -32602 params 1");
    listen("", "200 -32602 params 1");
}

#[test]
fn notifications() {
    for (method, expect) in [
        (
            "notifications/initialized",
            "Legacy Notification Initialized Plumbing",
        ),
        (
            "notifications/cancelled",
            "Legacy Notification Cancelled Plumbing",
        ),
        (
            "notifications/progress",
            "Legacy Notification Progress Plumbing",
        ),
        (
            "notifications/roots/list_changed",
            "Legacy Notification RootsChanged Plumbing",
        ),
        (
            "notifications/tasks/status",
            "Legacy Notification TaskStatus Plumbing",
        ),
        ("notifications/other", "400 -32601 unknown_method -"),
        ("x", "400 -32601 unknown_method -"),
        // Some servers run a method whose answer nobody waits for.
        ("tools/call", "400 -32600 envelope -"),
        ("initialize", "400 -32600 envelope -"),
        ("resources/read", "400 -32600 envelope -"),
    ] {
        legacy(
            &format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{}}}}"#),
            expect,
        );
    }
    legacy(
        r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#,
        "400 -32600 envelope 1",
    );
}

#[test]
fn responses() {
    let header = ("mcp-protocol-version", "2025-11-25");
    for (body, expect) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            "Legacy Response Other Plumbing",
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":""}}"#,
            "Legacy Response Other Plumbing",
        ),
        (r#"{"jsonrpc":"2.0","result":{}}"#, "400 -32600 envelope -"),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#,
            "400 -32600 envelope -",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":[]}"#,
            "400 -32600 envelope 1",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#,
            "400 -32600 envelope 1",
        ),
    ] {
        check(&[], body, expect);
        check(&[header], body, expect);
        check(
            &[VERSION],
            body,
            if expect.starts_with("Legacy") {
                if body.contains("\"a\"") {
                    "400 -32600 envelope \"a\""
                } else {
                    "400 -32600 envelope 1"
                }
            } else {
                expect
            },
        );
    }
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    check(
        &[header, ("mcp-method", "ping")],
        response,
        "400 -32020 header_mismatch 1",
    );
    check(
        &[header, ("mcp-name", "t")],
        response,
        "400 -32020 header_mismatch 1",
    );
}

#[test]
fn eras() {
    let method = ("mcp-method", "tools/list");
    let list = request("tools/list", "");
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let listed = "Legacy Request ToolsList List(Tools)";
    // The body claims.
    check(
        &[VERSION, method],
        &list,
        "Modern Request ToolsList List(Tools)",
    );
    check(&[method], &list, "400 -32020 header_mismatch 1");
    check(
        &[("mcp-protocol-version", "2025-11-25"), method],
        &list,
        "400 -32020 header_mismatch 1",
    );
    check(
        &[("mcp-protocol-version", "2027-01-01"), method],
        &list,
        "400 -32020 header_mismatch 1",
    );
    // The body does not.
    check(&[], bare, listed);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        check(&[("mcp-protocol-version", version)], bare, listed);
    }
    check(&[("mcp-protocol-version", " 2025-11-25\t")], bare, listed);
    for version in [
        "2000-01-01",
        "2025-11-26",
        "invalid-protocol-version",
        "",
        "v999.0.0",
    ] {
        check(
            &[("mcp-protocol-version", version)],
            bare,
            "400 -32600 version 1",
        );
    }
    for version in ["2026-07-28", "2026-07-29", "2099-01-01"] {
        check(
            &[("mcp-protocol-version", version), method],
            bare,
            "400 -32602 meta 1",
        );
    }
    // A legacy message may carry any other `_meta`.
    legacy(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":1,"io.modelcontextprotocol/related-task":{}}}}"#,
        listed,
    );
    // The claim is a claim whatever it holds, and is refused where it holds nothing good.
    for (claim, expect) in [
        ("7", "400 -32602 meta 1"),
        ("null", "400 -32602 meta 1"),
        ("{}", "400 -32602 meta 1"),
        (r#""2025-11-25""#, "400 -32020 header_mismatch 1"),
    ] {
        let body = list.replace("\"2026-07-28\"", claim);
        check(&[VERSION, method], &body, expect);
        check(&[method], &body, expect);
    }
    for version in ["2025-11-25", "2027-01-01", "v999.0.0", ""] {
        let body = list.replace("2026-07-28", version);
        check(
            &[("mcp-protocol-version", version), method],
            &body,
            "400 -32022 version 1",
        );
    }
}

#[test]
fn handshakes() {
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
    let expect = "Legacy Request Initialize Plumbing";
    check(&[], bare, expect);
    check(&[("mcp-protocol-version", "2025-11-25")], bare, expect);
    check(&[VERSION], bare, "400 -32020 header_mismatch 1");
    check(
        &[("mcp-protocol-version", "2001-01-01")],
        bare,
        "400 -32600 version 1",
    );
    let claiming = request("initialize", "");
    check(
        &[VERSION, ("mcp-method", "initialize")],
        &claiming,
        "404 -32601 unknown_method 1",
    );
    check(
        &[("mcp-method", "initialize")],
        &claiming,
        "400 -32020 header_mismatch 1",
    );

    let doc = Doc::parse(bare.as_bytes().to_vec()).unwrap();
    let message = read(&doc, &headers(&[])).unwrap();
    assert_eq!(message.version.as_deref(), Some("2025-11-25"));
}

#[test]
fn modern_notifications() {
    let bare = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let claiming = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let modern = "Modern Notification Cancelled Plumbing";
    let method = ("mcp-method", "notifications/cancelled");
    check(&[], bare, "Legacy Notification Cancelled Plumbing");
    check(&[VERSION], bare, modern);
    check(&[VERSION, method], bare, modern);
    check(&[VERSION], claiming, modern);
    check(&[VERSION, method], claiming, modern);
    check(&[], claiming, "400 -32020 header_mismatch -");
    check(
        &[("mcp-protocol-version", "2025-11-25")],
        claiming,
        "400 -32020 header_mismatch -",
    );
    check(
        &[VERSION, ("mcp-method", "tools/call")],
        bare,
        "400 -32020 header_mismatch -",
    );
    check(
        &[("mcp-protocol-version", "2030-01-01")],
        bare,
        "400 -32022 version -",
    );
    check(
        &[VERSION],
        &claiming.replace("\"2026-07-28\"", "1"),
        "400 -32602 meta -",
    );
    check(
        &[VERSION],
        r#"{"jsonrpc":"2.0","method":"notifications/other"}"#,
        "404 -32601 unknown_method -",
    );
}

#[test]
fn metadata() {
    let list = request("tools/list", "");
    let with = |meta: &str, expect: &str| {
        check(
            &[VERSION, ("mcp-method", "tools/list")],
            &list.replace(META, meta),
            expect,
        );
    };
    let listed = "Modern Request ToolsList List(Tools)";
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
    with(&format!("{{{version},{capabilities}}}"), listed);
    with(
        &format!(r#"{{"vendor/key":1,{version},"progressToken":"p",{capabilities}}}"#),
        listed,
    );
    with("{}", "400 -32602 meta 1");
    with("[]", "400 -32602 meta 1");
    with("null", "400 -32602 meta 1");
    with(&format!("{{{version}}}"), "400 -32602 meta 1");
    with(&format!("{{{capabilities}}}"), "400 -32602 meta 1");
    with(
        &format!(r#"{{{version},"io.modelcontextprotocol/clientCapabilities":null}}"#),
        "400 -32602 meta 1",
    );
    with(
        &format!(r#"{{{version},"io.modelcontextprotocol/clientCapabilities":[]}}"#),
        "400 -32602 meta 1",
    );
    with(
        &format!(r#"{{{version},{capabilities},"io.modelcontextprotocol/clientInfo":"me"}}"#),
        "400 -32602 meta 1",
    );
}

#[test]
fn routing_headers() {
    let call = request("tools/call", r#""name":"foo","arguments":{},"#);
    let called = r#"Modern Request ToolsCall Tool("foo")"#;
    let refused = "400 -32020 header_mismatch 1";
    let method = ("mcp-method", "tools/call");
    for (pairs, expect) in [
        (vec![VERSION, method, ("mcp-name", "foo")], called),
        (
            vec![VERSION, ("MCP-METHOD", "tools/call"), ("MCP-Name", "foo")],
            called,
        ),
        (
            vec![
                VERSION,
                ("mcp-method", " tools/call "),
                ("mcp-name", "  foo\t"),
            ],
            called,
        ),
        (
            vec![VERSION, method, ("mcp-name", "=?base64?Zm9v?=")],
            called,
        ),
        (vec![VERSION, ("mcp-name", "foo")], refused),
        (vec![VERSION, method], refused),
        (
            vec![VERSION, ("mcp-method", "TOOLS/CALL"), ("mcp-name", "foo")],
            refused,
        ),
        (
            vec![VERSION, ("mcp-method", "tools/list"), ("mcp-name", "foo")],
            refused,
        ),
        (
            vec![
                VERSION,
                ("mcp-method", "=?base64?dG9vbHMvY2FsbA==?="),
                ("mcp-name", "foo"),
            ],
            refused,
        ),
        (
            vec![VERSION, ("mcp-method", ""), ("mcp-name", "foo")],
            refused,
        ),
        (vec![VERSION, method, ("mcp-name", "bar")], refused),
        (vec![VERSION, method, ("mcp-name", "Foo")], refused),
        (vec![VERSION, method, ("mcp-name", "")], refused),
        (vec![VERSION, method, ("mcp-name", "\"foo\"")], refused),
        (
            vec![VERSION, method, ("mcp-name", "=?BASE64?Zm9v?=")],
            refused,
        ),
        (
            vec![VERSION, method, ("mcp-name", "=?base64?Zm9?=")],
            refused,
        ),
        (
            vec![VERSION, method, ("mcp-name", "=?base64?Zm!v?=")],
            refused,
        ),
        (
            vec![VERSION, method, ("mcp-name", "=?base64?Zm9v")],
            refused,
        ),
        (
            vec![VERSION, method, ("mcp-name", "foo"), ("mcp-name", "foo")],
            "400 -32020 header_repeated 1",
        ),
        (
            vec![VERSION, method, method, ("mcp-name", "foo")],
            "400 -32020 header_repeated 1",
        ),
        (
            vec![VERSION, VERSION, method, ("mcp-name", "foo")],
            "400 -32020 header_repeated 1",
        ),
    ] {
        check(&pairs, &call, expect);
    }
    for (name, header, expect) in [
        ("my-tool_name.x", "my-tool_name.x", true),
        ("日本", "=?base64?5pel5pys?=", true),
        ("日本", "日本", false),
        ("=?base64?Zm9v?=", "=?base64?Zm9v?=", false),
        ("=?base64?Zm9v?=", "=?base64?PT9iYXNlNjQ/Wm05dj89?=", true),
        (" foo", "foo", false),
        (" foo", "=?base64?IGZvbw==?=", true),
        ("", "", true),
    ] {
        let body = request("tools/call", &format!(r#""name":"{name}","#));
        let called = format!("Modern Request ToolsCall Tool({name:?})");
        check(
            &[VERSION, method, ("mcp-name", header)],
            &body,
            if expect { &called } else { refused },
        );
    }
    for (name, params, header) in [
        ("prompts/get", r#""name":"x:y","#, "x:y"),
        ("resources/read", r#""uri":"x:y","#, "x:y"),
        ("tasks/get", r#""taskId":"x:y","#, "x:y"),
        ("tasks/update", r#""taskId":"x:y","#, "x:y"),
        ("tasks/cancel", r#""taskId":"x:y","#, "x:y"),
    ] {
        let body = request(name, params);
        let have = outcome(
            &[VERSION, ("mcp-method", name), ("mcp-name", header)],
            &body,
        );
        assert!(have.starts_with("Modern Request"), "{have}");
        check(&[VERSION, ("mcp-method", name)], &body, refused);
        check(
            &[VERSION, ("mcp-method", name), ("mcp-name", "z")],
            &body,
            refused,
        );
    }
    check(
        &[VERSION, ("mcp-method", "resources/subscribe")],
        &request("resources/subscribe", r#""uri":"x:y","#),
        "404 -32601 unknown_method 1",
    );
    // Nothing in the body that the name could repeat.
    let list = request("tools/list", "");
    check(
        &[VERSION, ("mcp-method", "tools/list"), ("mcp-name", "t")],
        &list,
        refused,
    );
    let nameless = request("tools/call", "");
    check(&[VERSION, method, ("mcp-name", "t")], &nameless, refused);
    check(&[VERSION, method], &nameless, "200 -32602 params 1");
    // Nobody is to route on a lie in the legacy era either; the truth is welcome.
    check(
        &[("mcp-method", "tools/call"), ("mcp-name", "t")],
        CALL,
        CALLED,
    );
    check(&[("mcp-name", "t")], CALL, CALLED);
    check(&[("mcp-method", "tools/list")], CALL, refused);
    check(&[("mcp-name", "u")], CALL, refused);
    // Headers are looked at before the version.
    let future = call.replace("2026-07-28", "2030-01-01");
    let version = ("mcp-protocol-version", "2030-01-01");
    check(&[version, method, ("mcp-name", "bar")], &future, refused);
    check(
        &[version, method, ("mcp-name", "foo")],
        &future,
        "400 -32022 version 1",
    );
}

#[test]
fn methods_by_era() {
    let both = [
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "tasks/get",
        "tasks/cancel",
    ];
    let only_legacy = [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/list",
        "tasks/result",
    ];
    let only_modern = ["server/discover", "subscriptions/listen", "tasks/update"];
    let neither = [
        "tools/Call",
        "tools/call ",
        "rpc.discover",
        "sampling/createMessage",
        "elicitation/create",
        "roots/list",
        "",
    ];
    let modern = |name: &str| {
        outcome(
            &[VERSION, ("mcp-method", name.trim())],
            &request(name.trim(), ""),
        )
    };
    let legacy = |name: &str| {
        outcome(
            &[],
            &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{name}"}}"#),
        )
    };
    for name in both.iter().chain(&only_legacy) {
        assert!(!legacy(name).contains("unknown"), "{name}");
    }
    for name in both.iter().chain(&only_modern) {
        assert!(!modern(name).contains("unknown"), "{name}");
    }
    for name in only_modern.iter().chain(&neither) {
        assert_eq!(legacy(name), "200 -32601 unknown_method 1", "{name}");
    }
    for name in only_legacy
        .iter()
        .chain(&neither)
        .filter(|name| !name.ends_with(' '))
    {
        assert_eq!(modern(name), "404 -32601 unknown_method 1", "{name}");
    }
}

/// Every method a client may send by the official schema is one that the era knows.
#[test]
fn methods_of_the_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mcp-schema");
    for (version, era) in [
        ("2025-06-18", Era::Legacy),
        ("2025-11-25", Era::Legacy),
        ("2026-07-28", Era::Modern),
    ] {
        let Ok(schema) = fs::File::open(root.join(version).join("schema.json")) else {
            println!("skipped: no schema of {version}");
            continue;
        };
        let schema: serde_json::Value = serde_json::from_reader(schema).unwrap();
        let definitions = schema
            .get("$defs")
            .or_else(|| schema.get("definitions"))
            .unwrap();
        let mut count = 0;
        for union in ["ClientRequest", "ClientNotification"] {
            let union = &definitions[union];
            let members = union["anyOf"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![union.clone()]);
            for member in members {
                let member = match member["$ref"].as_str() {
                    Some(path) => definitions[path.rsplit('/').next().unwrap()].clone(),
                    None => member,
                };
                let name = member["properties"]["method"]["const"].as_str().unwrap();
                assert!(Method::named(name).is_in(era), "{version} {name}");
                count += 1;
            }
        }
        assert!(count > 10, "{version}");
    }
}

#[test]
fn what_a_message_tells() {
    let body = request("tools/call", r#""name":"t","arguments":{"a":1},"#).replace(
        r#"clientCapabilities":{}"#,
        r#"clientCapabilities":{"elicitation":{"url":{}}}"#,
    );
    let doc = Doc::parse(body.into_bytes()).unwrap();
    let pairs = [VERSION, ("mcp-method", "tools/call"), ("mcp-name", "t")];
    let message = read(&doc, &headers(&pairs)).unwrap();
    assert_eq!(message.version.as_deref(), Some("2026-07-28"));
    assert_eq!(message.method, Some(Cow::Borrowed("tools/call")));
    assert_eq!(message.arguments().unwrap().raw(), r#"{"a":1}"#);
    assert_eq!(
        message
            .client_capability(&["elicitation", "url"])
            .unwrap()
            .raw(),
        "{}"
    );
    assert!(
        message
            .client_capability(&["elicitation", "form"])
            .is_none()
    );
    assert!(message.client_capability(&["sampling"]).is_none());

    let doc = Doc::parse(CALL.as_bytes().to_vec()).unwrap();
    let message = read(&doc, &headers(&[("mcp-protocol-version", "2025-06-18")])).unwrap();
    assert_eq!(message.version.as_deref(), Some("2025-06-18"));
    assert!(message.client_capability(&[]).is_none());
}

#[test]
fn answers() {
    let version = |requested: &str, era| Fault::Version {
        requested: requested.to_owned(),
        era,
    };
    for (fault, message, data) in [
        (
            version("2030-01-01", Era::Modern),
            "unsupported protocol version `2030-01-01`",
            Some(r#"{"supported":["2026-07-28"],"requested":"2030-01-01"}"#),
        ),
        (
            version("\"\n", Era::Legacy),
            "unsupported protocol version `\"\n`",
            Some(
                r#"{"supported":["2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"\"\n"}"#,
            ),
        ),
        (
            Fault::Capability(r#"{"elicitation":{"url":{}}}"#.to_owned()),
            "the client did not declare a capability that this call needs",
            Some(r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#),
        ),
        (
            Fault::Batch,
            "batches are not served: send one message per request",
            None,
        ),
        (
            Fault::Envelope(Shape::NearMiss("name")),
            "not a JSON-RPC message: a member resembles `name` without being it",
            None,
        ),
        (
            Fault::HeaderMismatch {
                header: "mcp-name".to_owned(),
                problem: Mismatch::Differs,
            },
            "header mismatch: `mcp-name` differs from the body",
            None,
        ),
        (Fault::TooLarge(4), "the body is longer than 4 bytes", None),
    ] {
        assert_eq!(fault.message(), message);
        assert_eq!(fault.data().as_deref(), data);
        if let Some(data) = fault.data() {
            assert!(Doc::parse(data.into_bytes()).is_ok());
        }
    }
    let capability = Fault::Capability("{}".to_owned());
    assert_eq!((capability.status(), capability.code()), (400, -32_021));
    // What a client wrote is echoed in part at most.
    let long = version(&"é".repeat(1000), Era::Modern);
    assert!(long.message().len() < 200);
    assert!(long.data().unwrap().len() < 300);
}

proptest! {
    #[test]
    fn never_panics(
        body in prop_oneof![
            "\\PC{0,60}",
            r#"\{("(jsonrpc|id|method|params|result|error|Id)":("2\.0"|1|-0|1\.5|"tools/call"|"ping"|\{("(name|_meta|uri|ref|arguments)":("t"|\{\}|null|7))?\}|null|\[\]),){0,5}"jsonrpc":"2\.0"\}"#,
        ],
        version in "2026-07-28|2025-11-25|2[0-9]{3}-[0-9]{2}-[0-9]{2}|\\PC{0,12}",
        name in "t|=\\?base64\\?[A-Za-z0-9+/=]{0,8}\\?=|\\PC{0,8}",
    ) {
        let pairs = [("mcp-protocol-version", version.as_str()), ("mcp-name", name.as_str())];
        let outcome = outcome(&pairs, &body);
        prop_assert!(!outcome.is_empty());
    }

    /// Whatever a message is, its id is what was written.
    #[test]
    fn ids_are_kept(id: i64, text: String) {
        for id in [id.to_string(), crate::json::quote(&text)] {
            let body = format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"ping"}}"#);
            let doc = Doc::parse(body.into_bytes()).unwrap();
            prop_assert_eq!(read(&doc, &headers(&[])).unwrap().id, Some(id.as_str()));
        }
    }
}
