use super::*;

fn json(text: &str) -> Doc {
    Doc::parse(text.into()).unwrap()
}

fn member(key: &'static str, value: &str) -> Member {
    Member {
        key,
        value: json(value),
        comment: None,
    }
}

/// What edits make of `text`.
#[track_caller]
fn check(file: &str, text: &str, edits: impl Fn(&mut Edit<'_>), expected: &str) {
    let (source, malformed) = Source::new(file.to_owned(), text.to_owned());
    assert_eq!(malformed, None);
    let mut edit = Edit::new(&source);
    edits(&mut edit);
    assert_eq!(edit.finish().as_deref(), Some(expected));
}

const TEXT: &str = "\
# What exists.
servers:
  crm: { url: \"http://crm/mcp\" }   # ours

  # comments of what follows
  pay:
    url: 'http://pay/mcp'

tools:

  # The first.
  - name: a   # by hand
    pin:  \"sha256:1\"  # last week
    description: >
      Folded,
      twice.
    # about the schema
    inputSchema: {type: object}

  - {name: b, inputSchema: {}, mcpServer: pay }
  - name: c
    inputSchema:
      type: object
      # deep
      properties: {}

# the end
prompts: []
";

#[test]
fn entries_are_added_and_the_rest_stays() {
    let tail = "\n# the end\nprompts: []\n";
    let head = TEXT.strip_suffix(tail).unwrap();
    let more = [
        vec![
            member("name", r#""d""#),
            member("inputSchema", r#"{"type":"object"}"#),
        ],
        vec![member("name", r#""no""#)],
    ];
    check(
        "r.yaml",
        TEXT,
        |edit| edit.append("tools", &more),
        &format!(
            "{head}\n  - name: d\n    inputSchema:\n      type: object\n\n  - name: \"no\"\n{tail}"
        ),
    );
    check(
        "r.yaml",
        TEXT,
        |edit| {
            edit.append("prompts", &more[1..]);
            edit.append("resources", &[vec![member("uri", r#""a://b?c""#)]]);
        },
        &format!("{head}\n# the end\nprompts:\n- name: \"no\"\n\nresources:\n- uri: a://b?c\n"),
    );
    check(
        "r.yaml",
        TEXT,
        |edit| edit.insert("servers", "new", &[member("url", r#""http://new""#)]),
        &TEXT.replace("pay/mcp'\n", "pay/mcp'\n  new:\n    url: http://new\n"),
    );
}

#[test]
fn a_comment_is_beside_a_value_and_not_in_it() {
    for (value, expected) in [
        (r#""one""#, "about: one  # new\n"),
        (r#""two\nlines""#, "about: |-  # new\n    two\n    lines\n"),
        (r#"[{"a":1}]"#, "about:  # new\n  - a: 1\n"),
    ] {
        let about = || Member {
            comment: Some("new"),
            ..member("about", value)
        };
        check(
            "r.yaml",
            "tools:\n",
            |edit| edit.append("tools", &[vec![about()]]),
            &format!("tools:\n- {expected}"),
        );
    }
}

#[test]
fn files_may_be_empty_or_hardly_begun() {
    let one = [vec![member("name", r#""a""#)]];
    let tools = |edit: &mut Edit<'_>| edit.append("tools", &one);
    let server = |edit: &mut Edit<'_>| {
        edit.insert("servers", "s", &[member("url", r#""http://s""#)]);
    };
    check("r.yaml", "", tools, "tools:\n- name: a\n");
    check(
        "r.yaml",
        "# only words",
        tools,
        "# only words\ntools:\n- name: a\n",
    );
    check("r.yaml", "tools:", tools, "tools:\n- name: a");
    check(
        "r.yaml",
        "tools: # none\nx: 1\n",
        tools,
        "tools:\n- name: a # none\nx: 1\n",
    );
    check(
        "r.yaml",
        "a: 1\n",
        server,
        "a: 1\n\nservers:\n  s:\n    url: http://s\n",
    );
    check(
        "r.yaml",
        "servers: {}\n",
        server,
        "servers:\n  s:\n    url: http://s\n",
    );
    check(
        "r.yaml",
        "tools:\n- name: b",
        tools,
        "tools:\n- name: b\n\n- name: a\n",
    );
}

#[test]
fn brackets_stay_brackets() {
    let one = [vec![member("name", r#""a""#)]];
    let both = |edit: &mut Edit<'_>| {
        edit.append("tools", &one);
        edit.insert("servers", "s", &[]);
        edit.set("tools", Entry::Item(0), "pin", Some(json(r#""2""#)));
    };
    check(
        "r.json",
        r#"{ "tools": [ {"name": "b", "x": [1] } ] }"#,
        both,
        r#"{ "tools": [ {"name": "b", "pin": "2", "x": [1] } , {"name":"a"}] , "servers": {"s": {}}}"#,
    );
    check(
        "r.yaml",
        "servers: { r: {} }\ntools: [{ name: b, pin: 1 }, # b\n]\n",
        |edit| edit.set("tools", Entry::Item(0), "pin", Some(json(r#""2""#))),
        "servers: { r: {} }\ntools: [{ name: b, pin: \"2\" }, # b\n]\n",
    );
}

#[test]
fn members_are_replaced_added_and_removed() {
    check(
        "r.yaml",
        TEXT,
        |edit| {
            edit.set("tools", Entry::Item(0), "pin", Some(json(r#""sha256:2""#)));
            edit.set("tools", Entry::Item(0), "description", Some(json(r#""one\ntwo""#)));
            edit.set("tools", Entry::Item(0), "inputSchema", Some(json(r#"{"type":"object","required":["x"]}"#)));
            edit.set("tools", Entry::Item(1), "inputSchema", Some(json(r#"{"a":[1]}"#)));
            edit.set("tools", Entry::Item(1), "pin", Some(json("1")));
            edit.set("tools", Entry::Item(2), "pin", Some(json("1")));
            edit.set("tools", Entry::Item(2), "inputSchema", None);
        },
        &TEXT
            .replace("\"sha256:1\"", "sha256:2")
            .replace(": >\n      Folded,\n      twice.\n", ": |-\n      one\n      two\n")
            .replace(
                "inputSchema: {type: object}\n",
                "inputSchema:\n      type: object\n      required: [x]\n",
            )
            .replace("{name: b, inputSchema: {}", "{name: b, \"pin\": 1, inputSchema: {\"a\":[1]}")
            .replace("- name: c\n    inputSchema:\n      type: object\n      # deep\n      properties: {}\n", "- name: c\n    pin: 1\n"),
    );
}

/// What cannot be edited is left alone.
#[test]
fn what_would_come_out_wrong_does_not_come_out() {
    for text in [
        "tools: &a\n- name: b\nmore: *a\n",
        "- a\n",
        "tools: {}\n",
        "tools:\n- &x\n  name: b\n",
    ] {
        let (source, _) = Source::new("r.yaml".to_owned(), text.to_owned());
        let mut edit = Edit::new(&source);
        edit.append("tools", &[vec![member("name", r#""a""#)]]);
        edit.set("tools", Entry::Item(0), "name", Some(json(r#""z""#)));
        assert_eq!(edit.finish(), None, "{text}");
    }
}

/// Any text comes back, and nothing in it is hidden from who reads the file.
#[test]
fn values_come_back() {
    for text in [
        r#"{"a":{"b":[1,[2,{"c":null}],{"d":{"e":[]}},"x y"],"no":true},"x: y":1.5e3,"":-0.25}"#,
        r#""true""#,
        r#""1.5""#,
        r#""- x""#,
        r#""a: b""#,
        r#""a #b""#,
        r#""two\nlines""#,
        r#""two\nlines\n""#,
        r#""two\n\n  lines\n\n""#,
        r#"" two\nlines""#,
        r#""Find.\n\n    Args:\n        x: a text  \n    ""#,
        r#""a\n   \nb\n""#,
        r#""a\n \n""#,
        r#""a\n\tb\n\t""#,
        r#""tab\there \n x""#,
        r##""# no comment\n# none""##,
        r#""---\n...\n""#,
        r#""\u200bhidden\u202e\ud83d\ude00\udb40\udc41\u0000\u001b[31m\u0085\u2028\ufeff""#,
        r#""%TAG !a""#,
        r#""é ü""#,
        r#"["a","b,c","[d]"]"#,
        r#"[{"a":{"b":1},"c":"l1\nl2"}]"#,
        r#""'single' \"double\" \\""#,
        r#""key:""#,
        r#""=""#,
        r#""<<""#,
        "{}",
    ] {
        let (source, _) = Source::new("r.yaml".to_owned(), "x: 1\n".to_owned());
        let mut edit = Edit::new(&source);
        edit.append(
            "tools",
            &[vec![member("value", text), member("after", text)]],
        );
        let written = edit.finish();
        assert!(written.is_some(), "{text}");
        assert!(
            !written.unwrap().chars().any(crate::visible::is_hidden),
            "{text}"
        );
    }
}
