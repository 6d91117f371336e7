use proptest::prelude::*;

use super::*;

/// The head of a plain request, with headers replaced by name (an empty value removes), then more
/// appended.
fn head(method: &str, replaced: &[(&str, &[u8])], more: &[(&str, &[u8])]) -> Headers {
    let plain: &[(&str, &[u8])] = &[
        (":method", method.as_bytes()),
        (":path", b"/mcp"),
        (":authority", b"gateway.example"),
        ("content-type", b"application/json"),
        ("accept", b"application/json, text/event-stream"),
    ];
    let mut pairs = Vec::new();
    for (name, value) in plain {
        match replaced.iter().find(|(n, _)| n == name) {
            Some((_, b"")) => {}
            Some((_, value)) => pairs.push((name.as_bytes().to_vec(), value.to_vec())),
            None => pairs.push((name.as_bytes().to_vec(), value.to_vec())),
        }
    }
    pairs.extend(
        more.iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.to_vec())),
    );
    Headers::new(pairs)
}

/// `Ok`: the route; `Err`: status, JSON-RPC code and reason.
#[track_caller]
fn check(headers: &Headers, expect: Result<Route, &str>) {
    let have = check_head(headers, 1000, &["x-user"]);
    let have =
        have.map_err(|fault| format!("{} {} {}", fault.status(), fault.code(), fault.reason()));
    assert_eq!(have, expect.map_err(str::to_owned), "{headers:?}");
}

#[test]
fn methods() {
    check(&head("POST", &[], &[]), Ok(Route::Post));
    check(&head("GET", &[], &[]), Ok(Route::Listen));
    check(&head("DELETE", &[], &[]), Ok(Route::Delete));
    for method in ["PUT", "PATCH", "HEAD", "OPTIONS", "post", ""] {
        check(&head(method, &[], &[]), Err("405 -32600 http_method"));
    }
    let fault = check_head(&head("PUT", &[], &[]), 1000, &[]).unwrap_err();
    assert_eq!(fault.allow(), Some("GET, POST, DELETE"));
}

#[test]
fn streams_and_sessions_are_legacy() {
    for method in ["GET", "DELETE"] {
        let with =
            |version: &str| head(method, &[], &[("mcp-protocol-version", version.as_bytes())]);
        for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
            assert!(
                check_head(&with(version), 0, &[]).is_ok(),
                "{method} {version}"
            );
        }
        for version in ["2026-07-28", "2031-01-01"] {
            check(&with(version), Err("405 -32600 http_method"));
            assert_eq!(
                check_head(&with(version), 0, &[]).unwrap_err().allow(),
                Some("POST")
            );
        }
        for version in ["2025-01-01", "draft", ""] {
            check(&with(version), Err("400 -32600 version"));
        }
    }
}

#[test]
fn content_types() {
    for (content_type, good) in [
        ("application/json", true),
        ("Application/JSON", true),
        (" application/json ", true),
        ("application/json;charset=utf-8", true),
        ("application/json; charset=UTF-8", true),
        ("application/json; Charset=\"Utf-8\"", true),
        ("application/json;", true),
        ("application/json; charset=iso-8859-1", false),
        ("application/json; charset=utf-7", false),
        ("application/json; charset=utf-16", false),
        ("application/json; charset=utf-8; charset=utf-16", false),
        ("application/json; charset=\"utf-8", false),
        ("application/json; charset", false),
        ("application/json; charset*=utf-8", false),
        ("application/json; profile=x", false),
        ("application/json, application/json", false),
        ("application/json-rpc", false),
        ("application/vnd.api+json", false),
        ("text/json", false),
        ("text/plain", false),
        ("*/*", false),
    ] {
        let headers = head("POST", &[("content-type", content_type.as_bytes())], &[]);
        check(
            &headers,
            if good {
                Ok(Route::Post)
            } else {
                Err("415 -32600 content_type")
            },
        );
    }
    check(
        &head("POST", &[("content-type", b"")], &[]),
        Err("415 -32600 content_type"),
    );
    check(
        &head("DELETE", &[("content-type", b"")], &[]),
        Ok(Route::Delete),
    );
}

#[test]
fn content_encodings() {
    for (encoding, good) in [
        ("identity", true),
        ("Identity", true),
        ("gzip", false),
        ("deflate", false),
        ("br", false),
        ("identity, gzip", false),
        ("", false),
    ] {
        let headers = head("POST", &[], &[("content-encoding", encoding.as_bytes())]);
        check(
            &headers,
            if good {
                Ok(Route::Post)
            } else {
                Err("415 -32600 content_encoding")
            },
        );
    }
}

#[test]
fn accept() {
    for (accept, post, get) in [
        ("application/json, text/event-stream", true, true),
        ("text/event-stream,application/json", true, true),
        (
            "Application/JSON;q=0.5 , TEXT/event-stream ; q=1",
            true,
            true,
        ),
        ("*/*", true, true),
        ("application/*, text/*", true, true),
        ("application/json, text/*", true, true),
        ("application/json", false, false),
        ("text/event-stream", false, true),
        ("text/html", false, false),
        ("*/*, text/event-stream;q=0", false, false),
        ("*/*;q=0", false, false),
        ("application/json;q=0, */*", false, true),
        ("application/json;q=0.0, text/event-stream", false, true),
        ("application/json-seq, text/event-stream", false, true),
        ("application/json text/event-stream", false, false),
        (",", false, false),
    ] {
        let refused = Err("406 -32600 not_acceptable");
        let with = |method| head(method, &[("accept", accept.as_bytes())], &[]);
        check(&with("POST"), if post { Ok(Route::Post) } else { refused });
        check(&with("GET"), if get { Ok(Route::Listen) } else { refused });
        check(&with("DELETE"), Ok(Route::Delete));
    }
    check(
        &head("POST", &[("accept", b"")], &[]),
        Err("406 -32600 not_acceptable"),
    );
    check(
        &head("GET", &[("accept", b"")], &[]),
        Err("406 -32600 not_acceptable"),
    );
    // A list may be spread over lines.
    check(
        &head(
            "POST",
            &[("accept", b"application/json")],
            &[("accept", b"text/event-stream")],
        ),
        Ok(Route::Post),
    );
    check(
        &head("POST", &[("accept", b"\xff")], &[]),
        Err("400 -32600 header_not_text"),
    );
}

#[test]
fn lengths() {
    for (length, expect) in [
        ("0", Ok(Route::Post)),
        ("1000", Ok(Route::Post)),
        ("1001", Err("413 -32600 too_large")),
        ("99999999999999999999999999", Err("413 -32600 too_large")),
        ("", Err("400 -32600 content_length")),
        ("-1", Err("400 -32600 content_length")),
        ("+1", Err("400 -32600 content_length")),
        ("1e3", Err("400 -32600 content_length")),
        ("10, 10", Err("400 -32600 content_length")),
    ] {
        check(
            &head("POST", &[], &[("content-length", length.as_bytes())]),
            expect,
        );
    }
}

#[test]
fn once_and_as_text() {
    for (name, code) in [
        ("mcp-protocol-version", -32_020),
        ("mcp-method", -32_020),
        ("mcp-name", -32_020),
        ("mcp-param-region", -32_020),
        ("mcp-session-id", -32_020),
        ("mcp-anything-new", -32_020),
        ("authorization", -32_600),
        ("origin", -32_600),
        ("host", -32_600),
        ("content-length", -32_600),
        ("content-encoding", -32_600),
        ("last-event-id", -32_600),
        ("x-user", -32_600),
    ] {
        let repeated = format!("400 {code} header_repeated");
        let not_text = format!("400 {code} header_not_text");
        check(
            &head("POST", &[], &[(name, b"1"), (name, b"1")]),
            Err(&repeated),
        );
        check(
            &head("POST", &[], &[(name, b"1"), (&name.to_uppercase(), b"2")]),
            Err(&repeated),
        );
        check(&head("POST", &[], &[(name, b"1\xff")]), Err(&not_text));
    }
    for name in [":authority", ":method", ":path", "content-type"] {
        check(
            &head("POST", &[], &[(name, b"1")]),
            Err("400 -32600 header_repeated"),
        );
        check(
            &head("POST", &[(name, b"\xff")], &[]),
            Err("400 -32600 header_not_text"),
        );
    }
    // What nobody here reads may be anything.
    check(
        &head("POST", &[], &[("x-other", b"\xff"), ("x-other", b"2")]),
        Ok(Route::Post),
    );
}

#[test]
fn sizes_of_the_head() {
    let named: Vec<String> = (0..=MAX_PARAMS)
        .map(|i| format!("mcp-param-p{i}"))
        .collect();
    let params: Vec<(&str, &[u8])> = named
        .iter()
        .map(|n| (n.as_str(), b"1".as_slice()))
        .collect();
    check(&head("POST", &[], &params[..MAX_PARAMS]), Ok(Route::Post));
    check(
        &head("POST", &[], &params),
        Err("431 -32600 head_too_large"),
    );

    let value = vec![b'a'; MAX_VALUE + 1];
    check(
        &head("POST", &[], &[("mcp-name", &value[..MAX_VALUE])]),
        Ok(Route::Post),
    );
    check(
        &head("POST", &[], &[("mcp-name", &value)]),
        Err("431 -32600 head_too_large"),
    );

    let name = format!("mcp-{}", "a".repeat(MAX_NAME));
    check(
        &head("POST", &[], &[(name.split_at(MAX_NAME).0, b"1")]),
        Ok(Route::Post),
    );
    check(
        &head("POST", &[], &[(&name, b"1")]),
        Err("431 -32600 head_too_large"),
    );
}

proptest! {
    #[test]
    fn never_panics(pairs: Vec<(String, Vec<u8>)>, method in "POST|GET|DELETE|.", accept in "[a-z/*;=q0.,\\\\ ]{0,40}", kind in "[a-z/;= \"]{0,30}|application/json.{0,20}") {
        let more: Vec<(&str, &[u8])> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let headers = head(&method, &[("accept", accept.as_bytes()), ("content-type", kind.as_bytes())], &more);
        if let Err(fault) = check_head(&headers, 1000, &[]) {
            prop_assert!(fault.status() >= 400);
            prop_assert!(!fault.message().is_empty());
        }
    }
}
