#![expect(
    clippy::unwrap_in_result,
    reason = "what is not tested here is right, or the test ends"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{RestRequest, Template};
use crate::{config::Http, json::Doc};

/// Arguments of all kinds.
fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "n": {"type": "number"},
            "on": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "order": {"$ref": "#/$defs/order"},
            "either": {"anyOf": [{"type": "string"}, {"type": "array"}]},
            "any": {},
            "note": {"type": ["string", "null"]},
        },
        "required": ["id", "n", "order", "either", "any", "note"],
        "additionalProperties": false,
        "$defs": {"order": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "lines": {"type": "array"}},
            "allOf": [{"required": ["id"]}],
        }},
    })
}

fn template(http: &Value) -> Result<Template, Vec<String>> {
    let http: Http = serde_json::from_value(http.clone()).unwrap();
    let said = |problems: Vec<crate::Problem>| problems.iter().map(ToString::to_string).collect();
    Template::compile(&http, &schema()).map_err(said)
}

fn render(http: &Value, arguments: &str) -> Result<RestRequest, Vec<String>> {
    let doc = Doc::parse(arguments.into()).unwrap();
    let template = template(http).unwrap();
    let said = |it: Vec<crate::contract::Violation>| it.iter().map(ToString::to_string).collect();
    template.render(Some(doc.root())).map_err(said)
}

/// What is wrong with a template.
#[track_caller]
fn wrong(http: Value, expect: &[&str]) {
    assert_eq!(template(&http).err().unwrap_or_default(), expect);
}

/// The request that a call becomes, as it is sent.
#[track_caller]
fn sent(http: Value, arguments: &str, expect: &str) {
    let request = render(&http, arguments).unwrap();
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("\n{name}: {value}"));
    let body = request
        .body
        .map(|body| format!("\n\n{}", String::from_utf8(body).unwrap()));
    let (head, body) = (headers.collect::<String>(), body.unwrap_or_default());
    let text = format!("{} {}{head}{body}", request.method, request.path);
    assert_eq!(text, expect);
}

/// What is wrong with a call.
#[track_caller]
fn refused(http: Value, arguments: &str, expect: &[&str]) {
    assert_eq!(render(&http, arguments).unwrap_err(), expect);
}

#[test]
fn paths() {
    let get = |path: &str| json!({"method": "GET", "path": path});
    sent(get("/"), "{}", "GET /");
    sent(get("/v1/"), "{}", "GET /v1/");
    sent(
        get("/a%20b/{id}.json"),
        r#"{"id": "x"}"#,
        "GET /a%20b/x.json",
    );
    sent(
        get("/{id}:{n}"),
        r#"{"id": "a:b", "n": 1.5}"#,
        "GET /a%3Ab:1.5",
    );
    sent(
        get("/{/order/id}/x"),
        r#"{"order": {"id": "ä?#%"}}"#,
        "GET /%C3%A4%3F%23%25/x",
    );
    for (written, as_sent) in [
        ("1e2", "100"),
        ("-3.0", "-3"),
        ("-0", "0"),
        ("0.10", "0.10"),
        ("1e99", "1e99"),
        ("2E+1", "20"),
        ("123456789012345678901", "123456789012345678901"),
        ("1.5e+50", "1.5e%2B50"),
    ] {
        let arguments = format!(r#"{{"n": {written}}}"#);
        sent(get("/{n}"), &arguments, &format!("GET /{as_sent}"));
    }
    wrong(get("v1"), &["path: expected a path that begins with `/`"]);
    wrong(
        get("/a//b"),
        &["path: an empty part, `//`, is not the same everywhere"],
    );
    wrong(get("/a/../b"), &["path: `.` and `..` lead out of the path"]);
    wrong(
        get("/a?b"),
        &["path: `?` cannot stand in a path: percent-encode it"],
    );
    wrong(
        get("/a b"),
        &["path: ` ` cannot stand in a path: percent-encode it"],
    );
    wrong(
        get("/%2e{id}"),
        &["path: `%2e` is not the same everywhere in a path"],
    );
    wrong(
        get("/a%2Fb"),
        &["path: `%2F` is not the same everywhere in a path"],
    );
    wrong(
        get("/%zz"),
        &["path: `%zz` is not the same everywhere in a path"],
    );
    wrong(
        get("/{id"),
        &["path: `{` is not closed: write `{{` for a brace"],
    );
    wrong(
        get("/id}"),
        &["path: `}` closes nothing: write `}}` for a brace"],
    );
    wrong(
        get("/{{"),
        &["path: `{` cannot stand in a path: percent-encode it"],
    );
    wrong(
        get("/{notes}"),
        &["path: `notes` is not in the `inputSchema` (did you mean `note`?)"],
    );
    wrong(
        get("/{/order/no}"),
        &["path: `/order/no` is not in the `inputSchema`"],
    );
    for name in ["{}", "{/order/*}", "{/~2}"] {
        let message = "is neither the name of an argument nor a JSON Pointer to one value";
        wrong(
            get(&format!("/{name}")),
            &[&format!("path: `{name}` {message}")],
        );
    }
    wrong(
        get("/{on}/{order}"),
        &[
            "path: `on` may be absent, and a path has no place for nothing (make it `required`)",
            "path: `order` is never a single value, as it has to be here",
        ],
    );
    let part = "may be neither empty nor `.` nor `..`: it is part of a path";
    for value in ["", ".", ".."] {
        let arguments = json!({"id": value}).to_string();
        refused(get("/x/{id}/y"), &arguments, &[&format!("/id: {part}")]);
    }
    refused(
        get("/x/.{id}"),
        r#"{"id": "."}"#,
        &[&format!("/id: {part}")],
    );
    sent(get("/x/v{id}"), r#"{"id": ""}"#, "GET /x/v");
    refused(
        get("/{id}/{note}/{any}"),
        r#"{"id": "a/b", "note": null, "any": {}}"#,
        &[
            "/id: may not hold `/` or `\\`: it is one part of a path",
            "/note: is missing: it is part of a path",
            "/any: has to be a single value",
            &format!("/any: {part}"),
        ],
    );
    refused(
        get("/{id}"),
        r#"{"id": "a\nb"}"#,
        &["/id: may not hold control characters"],
    );
    let long = format!(r#"{{"id": "{}"}}"#, "ä".repeat(700));
    refused(
        get("/{id}"),
        &long,
        &["make an address or a header of more than 4096 bytes"],
    );
}

#[test]
fn queries() {
    let http = json!({"method": "GET", "path": "/", "query": {
        "a b": "{id}", "tag": "{tags}", "either": "{either}", "range": "{n}..{on}", "v": "{{2}}",
    }});
    sent(http.clone(), "{}", "GET /?v=%7B2%7D");
    sent(
        http.clone(),
        r#"{"id": "x&y=z", "tags": ["a", "b+c"], "either": "q", "n": 1, "on": true, "note": null}"#,
        "GET /?a%20b=x%26y%3Dz&either=q&range=1..true&tag=a&tag=b%2Bc&v=%7B2%7D",
    );
    sent(
        http.clone(),
        r#"{"tags": [], "n": 1, "id": null}"#,
        "GET /?v=%7B2%7D",
    );
    refused(
        http,
        r#"{"tags": [["a"], null], "either": {}}"#,
        &[
            "/either: has to be a single value",
            "/tags: may hold single values only",
            "/tags: may hold single values only",
        ],
    );
    wrong(
        json!({"method": "GET", "path": "/", "query": {"a": "{order}", "b": "x{tags}", "c": "{no}"}}),
        &[
            "query.a: `order` is never a single value, as it has to be here",
            "query.b: `tags` is never a single value, as it has to be here",
            "query.c: `no` is not in the `inputSchema`",
        ],
    );
}

#[test]
fn headers() {
    let http =
        json!({"method": "GET", "path": "/", "headers": {"X-Id": "id {id}", "x-on": "{on}"}});
    sent(http.clone(), r#"{"id": "a b"}"#, "GET /\nx-id: id a b");
    sent(http.clone(), r#"{"on": false}"#, "GET /\nx-on: false");
    for value in ["a\r\nx-admin: 1", "a\0", "ä", "\u{7f}", "a\tb"] {
        let message = "may hold visible ASCII and spaces only: it is sent in a header";
        let arguments = json!({"id": value}).to_string();
        refused(http.clone(), &arguments, &[&format!("/id: {message}")]);
    }
    for value in ["a, b", "a;b", "\"a\""] {
        let message = "may not hold `,`, `;` or `\"`: it is one value of a header";
        let arguments = json!({"id": value}).to_string();
        refused(http.clone(), &arguments, &[&format!("/id: {message}")]);
    }
    let padded = "/id: may not begin or end with a space: it is sent in a header";
    refused(http, r#"{"id": " a"}"#, &[padded]);
    wrong(
        json!({"method": "GET", "path": "/", "headers": {
            "Host": "x", "a b": "x", "mcp-name": "x", "x-a": "é", "X-B": "x", "x-b": "{tags}",
        }}),
        &[
            "headers.Host: `Host` is not for tools to set",
            "headers.a b: `a b` is not a header name",
            "headers.mcp-name: `mcp-name` is not for tools to set",
            "headers.x-a: a header holds visible ASCII and spaces only",
            "headers.x-b: `x-b` is written twice",
            "headers.x-b: `tags` is never a single value, as it has to be here",
        ],
    );
}

#[test]
fn bodies() {
    let json = "content-type: application/json\n\n";
    let post = |more: Value| {
        let mut http = json!({"method": "POST", "path": "/{id}"});
        http.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        http
    };
    sent(
        post(json!({"query": {"n": "{n}"}})),
        r#"{"id": "x", "n": 1, "order": {"id":  "o"}, "any": 1.0}"#,
        &format!(
            r#"POST /x?n=1{}{json}{{"order":{{"id":  "o"}},"any":1.0}}"#,
            '\n'
        ),
    );
    sent(
        post(json!({})),
        r#"{"id": "x"}"#,
        &format!("POST /x\n{json}{{}}"),
    );
    sent(
        json!({"method": "DELETE", "path": "/{id}"}),
        r#"{"id": "x", "n": 1}"#,
        "DELETE /x",
    );
    let body = json!({
        "kind": "refund", "amount": "{n}", "of": "{/order/lines}", "say": "no. {id}: {on}",
        "deep": [{"note": "{note}"}, "{on}", 1, true], "{id}": "{{}}",
    });
    sent(
        post(json!({"body": body})),
        r#"{"id": "a\"b", "n": 1e2, "note": null, "order": {"id": "o", "lines": [1]}}"#,
        &format!(
            "POST /a%22b\n{json}{}",
            r#"{"amount":1e2,"deep":[{"note":null},1,true],"kind":"refund","of":[1],"{id}":"{}"}"#,
        ),
    );
    sent(post(json!({"body": "{any}"})), r#"{"id": "x"}"#, "POST /x");
    let form = post(json!({"form": {"a": "{n}", "t": "{tags}", "i": "{id}&"}}));
    sent(
        form,
        r#"{"id": "x=", "tags": ["1", "2 3"]}"#,
        "POST /x%3D\ncontent-type: application/x-www-form-urlencoded\n\ni=x%3D%26&t=1&t=2%203",
    );
    wrong(
        post(json!({"form": {}, "body": 1})),
        &["form: a request has one body: `body` or `form`"],
    );
    wrong(
        json!({"method": "GET", "path": "/", "body": 1}),
        &["body: a `GET` has no body"],
    );
    wrong(
        post(json!({"body": {"a": ["x {tags}", "{"]}, "result": {"pointer": "a"}})),
        &[
            "body.a[0]: `tags` is never a single value, as it has to be here",
            "body.a[1]: `{` is not closed: write `{{` for a brace",
            "result.pointer: `a` is no JSON Pointer to one value",
        ],
    );
}

/// A template with a value in every kind of place.
fn everywhere() -> Value {
    json!({
        "method": "POST",
        "path": "/v1/orders/{id}/lines/n{id}.json",
        "query": {"q": "{id}", "r": "a{id}b", "s&=": "{tags}"},
        "headers": {"x-region": "{note}", "x-more": "v {note}"},
        "form": {"f": "{id}", "g": "{tags}"},
    })
}

/// Whatever the value, the request has what the template has; or there is none.
fn hold(value: &str) -> bool {
    let arguments = json!({"id": value, "tags": [value, "x"], "note": "n"}).to_string();
    let Ok(request) = render(&everywhere(), &arguments) else {
        return false;
    };
    let url = Url::parse(&format!("http://orders.example{}", request.path)).unwrap();
    assert_eq!(url.host_str(), Some("orders.example"));
    assert_eq!(
        (url.port(), url.fragment(), url.username()),
        (None, None, "")
    );
    // What is normalized away would be missing here.
    let parts: Vec<_> = url.path_segments().unwrap().map(decoded).collect();
    let named = format!("n{value}.json");
    assert_eq!(parts, ["v1", "orders", value, "lines", &named]);
    let pairs = |query: &str| {
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    };
    let query: Vec<(String, String)> = pairs(url.query().unwrap());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mixed = format!("a{value}b");
    let mut expect = vec![pair("q", value), pair("r", &mixed)];
    expect.extend([pair("s&=", value), pair("s&=", "x")]);
    assert_eq!(query, expect);
    let form: Vec<(String, String)> = pairs(std::str::from_utf8(&request.body.unwrap()).unwrap());
    assert_eq!(form, [pair("f", value), pair("g", value), pair("g", "x")]);
    true
}

fn decoded(part: &str) -> String {
    let pairs = form_urlencoded::parse(part.as_bytes());
    pairs.map(|(name, _)| name.into_owned()).collect()
}

/// As [`hold`], of a header.
fn hold_in_header(value: &str) -> bool {
    let arguments = json!({"id": "x", "note": value}).to_string();
    let Ok(request) = render(&everywhere(), &arguments) else {
        return false;
    };
    let media = "application/x-www-form-urlencoded".to_owned();
    let expect = [
        ("x-more".to_owned(), format!("v {value}")),
        ("x-region".to_owned(), value.to_owned()),
        ("content-type".to_owned(), media),
    ];
    assert_eq!(request.headers, expect);
    assert!(
        value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{value:?}"
    );
    true
}

#[test]
fn nothing_escapes_its_slot() {
    // In a path, and in a header.
    for (value, path, header) in [
        ("x", true, true),
        ("..", false, true),
        ("../admin", false, true),
        ("..%2fadmin", true, true),
        ("%2e%2e", true, true),
        ("%252e%252e%252f", true, true),
        ("..\\admin", false, true),
        ("x/../../etc/passwd", false, true),
        ("//evil.example", false, true),
        ("http://evil.example/", false, true),
        ("@evil.example", true, true),
        (":443", true, true),
        ("x?admin=1", true, true),
        ("x#fragment", true, true),
        ("x&admin=1", true, true),
        ("x=1&x=2", true, true),
        ("x;admin=1", true, false),
        ("x,y", true, false),
        ("x+y", true, true),
        ("x y", true, true),
        (" x", true, false),
        ("x%00", true, true),
        ("x\0", false, false),
        ("x%0d%0aX-Admin: 1", true, true),
        ("x\r\nX-Admin: 1", false, false),
        ("x\nX-Admin: 1", false, false),
        ("x\r", false, false),
        ("x HTTP/1.1\r\nHost: evil\r\n\r\n", false, false),
        ("\u{2028}", true, false),
        ("\u{ff0e}\u{ff0e}\u{ff0f}", true, false),
        ("\u{10d}\u{10a}", true, false),
        ("é", true, false),
        ("\u{85}", false, false),
        ("\u{7f}", false, false),
        ("{n}", true, true),
        ("{{", true, true),
        ("${jndi:ldap:x}", true, true),
        ("'; drop table orders --", true, false),
        ("\"", true, false),
        ("", false, true),
    ] {
        // Empty is only refused where it is a whole part of a path.
        assert_eq!(
            (hold(value), hold_in_header(value)),
            (path, header),
            "{value:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_escapes_its_slot(value in any::<String>(), short in "[./\\\\%2eEfF5cC;,?#&=@: \r\n\t\0+]{0,8}") {
        hold(&value);
        hold(&short);
        hold_in_header(&value);
        hold_in_header(&short);
    }

    #[test]
    fn no_value_escapes_a_json_body(text in any::<String>()) {
        let http = json!({"method": "POST", "path": "/", "body": {"a": "{id}", "b": "x{id}", "c": "{any}"}});
        let any = json!({"deep": [text, {&text: 1}]});
        let arguments = json!({"id": text, "any": any}).to_string();
        let request = render(&http, &arguments).unwrap();
        let body: Value = serde_json::from_slice(&request.body.unwrap()).unwrap();
        prop_assert_eq!(body, json!({"a": text, "b": format!("x{text}"), "c": any}));
    }
}
