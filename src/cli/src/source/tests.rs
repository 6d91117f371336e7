use std::path::PathBuf;

use super::*;

/// A file with this content in the temporary folder.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("toolgate-{}-{name}", std::process::id()));
    fs::write(&path, content).unwrap();
    path
}

fn read(name: &str, content: &[u8]) -> (Source, Option<Finding>) {
    let path = file(name, content);
    let read = Source::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    read
}

/// What a path of `content` points at.
#[track_caller]
fn check(name: &str, content: &str, path: &str, expected: &str) {
    let (source, finding) = read(name, content.as_bytes());
    assert_eq!(finding, None);
    let found = source.locate(&Problem::new(path, "")).unwrap();
    assert_eq!(content.get(found), Some(expected), "{path}");
}

const YAML: &str = "\
version: 1
# a comment, and a name with more than one byte: é
rules:
- id: ünï
  tools: [a, \"b\"]
- id: second
  when: >
    args.x > 1
  inputSchema:
    properties:
      a.b: { type: strin }
      a: { type: string }
";

#[test]
fn paths_find_their_place_in_yaml() {
    for (path, expected) in [
        ("version", "1"),
        ("rules[0].id", "ünï"),
        ("rules[0].tools[1]", "\"b\""),
        ("rules[1].id", "second"),
        // A block is long: its key stands for it.
        ("rules", "rules"),
        ("rules[1].inputSchema", "inputSchema"),
        // Keys with dots in them, and both ways to write a path.
        ("rules[1].inputSchema/properties/a.b/type", "strin"),
        ("rules[1].inputSchema.properties.a.type", "string"),
        // What is not there is shown where it would be.
        ("rules[1].inputSchema/properties/c", "properties"),
    ] {
        check("places.yaml", YAML, path, expected);
    }
}

#[test]
fn a_member_that_the_message_names_is_shown() {
    let (source, _) = read("named.yaml", b"a: 1\nmore: { x: 2 }\n");
    for (path, message, start) in [
        ("", "unknown field `more`", 5),
        ("more", "unknown field `x`", 13),
        ("more", "unknown field `y`", 5),
        ("a", "unknown field `more`", 3),
    ] {
        let at = source.locate(&Problem::new(path, message)).unwrap();
        assert_eq!(at.start, start, "{path}: {message}");
    }
}

#[test]
fn paths_find_their_place_in_json() {
    let json = r#"{ "tools": [ { "name": "é" }, { "name": 7, "x": {"y": null} } ] }"#;
    for (path, expected) in [
        ("tools[0].name", "\"é\""),
        ("tools[1].name", "7"),
        ("tools[1].x.y", "null"),
        ("tools[1].x", "\"x\""),
        ("tools", "\"tools\""),
    ] {
        check("places.json", json, path, expected);
    }
    check("list.json", r#"[{"name": 1}]"#, "[0].name", "1");
}

#[test]
fn values_are_the_same_from_yaml_and_json() {
    let json = r#"{"a":[1,-2,1.5,true,null,"x"],"b":{"2026-11-01.1":"2026-11-01.1"},"c":"yes"}"#;
    let yaml = "a: [1, -2, 1.5, true, null, x]\nb: { 2026-11-01.1: 2026-11-01.1 }\nc: yes\n";
    let (from_json, _) = read("same.json", json.as_bytes());
    let (from_yaml, _) = read("same.yaml", yaml.as_bytes());
    assert_eq!(from_yaml.value(), from_json.value());
    assert_eq!(
        from_json.value(),
        serde_json::from_str::<Value>(json).unwrap()
    );
}

/// Content that is refused, with the byte where that shows.
#[track_caller]
fn check_refused(name: &str, content: &[u8], expected: Option<usize>) {
    let (_, finding) = read(name, content);
    let at = finding.expect("refused").at.map(|at| at.start);
    assert_eq!(at, expected, "{}", String::from_utf8_lossy(content));
}

#[test]
fn malformed_files_are_refused_at_their_place() {
    check_refused("a.yaml", b"a: [1, 2\nb: 3\n", Some(10));
    check_refused("a.yaml", b"a: 1\na: 2\n", Some(5));
    check_refused("a.yaml", "é: *x\n".as_bytes(), Some(4));
    check_refused("a.yaml", b"a: .nan\n", Some(3));
    check_refused("a.yaml", b"a: \"\xff\"\n", None);
    check_refused("a.json", br#"{"a": 1, "a": 2}"#, Some(9));
    check_refused("a.json", br#"{"a": 1,}"#, Some(8));
    check_refused("a.json", b"a: 1", Some(0));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Source::read(Path::new("no/such/file.yaml"))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.to_string(), "cannot read `no/such/file.yaml`");
}
