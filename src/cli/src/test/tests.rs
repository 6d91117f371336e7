use std::{env, fs, process};

use super::{session::Results, *};

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("toolgate-test-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let folder = Self(folder);
        folder.write("registry.yaml", REGISTRY);
        folder.write("p.yaml", POLICY);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    /// What comes of all tests in the folder.
    fn run(&self, filter: Option<&str>, coverage: Option<u8>) -> Results {
        let mut session = Session::new(filter);
        for path in find(std::slice::from_ref(&self.0)).unwrap() {
            session.file(&path).unwrap();
        }
        session.finish(coverage)
    }

    /// A text without the folder and without colours.
    fn plain(&self, text: &str) -> String {
        let text = anstream::adapter::strip_str(text).to_string();
        text.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const REGISTRY: &str = "\
servers: { s: {} }
tools:
- { name: a, mcpServer: s, inputSchema: { type: object, properties: { n: { type: integer } } } }
- { name: b, mcpServer: s, inputSchema: { type: object } }
";

const POLICY: &str = "\
identity: { roles: { header: x-roles, trusted: true } }
rules:
- { id: few, tool: a, when: args.n <= 10, decision: allow, limits: [{ id: two, requests_per_minute: 2 }] }
- { id: many, tool: a, when: args.n > 10, decision: approval_required, approver_role: boss }
- { id: staff, tool: b, require: { roles: [staff] }, decision: allow }
- { id: odd, tool: a, when: args.n == 3, decision: deny, reason: Three is odd. }
- { id: tried, mode: shadow, tool: b, decision: deny }
";

/// What is printed for one test file.
#[track_caller]
fn check(name: &str, table: &str, expected: &str) {
    let folder = Folder::new(name);
    folder.write("p.test.yaml", table);
    let mut results = folder.run(None, None);
    let mut text = output::text(&mut results);
    let problems = std::mem::take(&mut results.problems);
    text.push_str(&results.about(problems).snippets());
    assert_eq!(folder.plain(&text), expected);
}

#[test]
fn tests_that_pass_say_little() {
    check(
        "pass",
        "\
callers: { sam: { roles: staff } }
tests:
- { name: few, call: a, arguments: { n: 1 }, expect: { decision: allow, rule: few, reason: rule } }
- { name: many, call: a, arguments: { n: 11 }, expect: { decision: approval_required, approver: boss } }
- { name: three, call: a, arguments: { n: 3 }, expect: { rule: odd, message: Three is odd } }
- { name: staff, caller: sam, call: b, expect: { decision: allow, shadow: { decision: deny, rule: tried } } }
- { name: twice, call: a, arguments: { n: 1 }, repeat: 2, expect: { decision: allow } }
- { name: thrice, call: a, arguments: { n: 1 }, repeat: 3, expect: { reason: limit_reached, limit: two } }
- { name: who sees, caller: sam, list: tools, expect: { visible: [b, a], shows: b } }
- { name: who does not, list: tools, expect: { visible: [a], hides: [b] } }
",
        "p.yaml: 5 of 5 rules reached\n8 tests, 8 passed, 0 failed\n",
    );
}

#[test]
fn what_fails_is_shown_where_it_is_written() {
    check(
        "fail",
        "\
tests:
- { name: few, call: a, arguments: { n: 1 }, expect: { decision: deny, rule: many } }
- { name: who sees, list: tools, expect: { visible: [b] } }
- name: told
  call: a
  arguments: { n: 3 }
  expect:
    message: Four
",
        "\
error[failed-test]: few: decision is `allow`, not `deny`; rule is `few`, not `many`
 --> p.test.yaml:2:66
  |
2 | - { name: few, call: a, arguments: { n: 1 }, expect: { decision: deny, rule: many } }
  |                                                                  ^^^^
  |
  = help: it was decided `allow`, rule `few`, reason `rule`

error[failed-test]: who sees: the list does not show `b`; the list shows `a`
 --> p.test.yaml:3:44
  |
3 | - { name: who sees, list: tools, expect: { visible: [b] } }
  |                                            ^^^^^^^
  |
  = help: it was decided `allow`, reason `protocol`

error[failed-test]: told: the agent is not told `Four`
 --> p.test.yaml:8:14
  |
8 |     message: Four
  |              ^^^^
  |
  = help: it was decided `deny`, rule `odd`, reason `rule`; the agent is told: Denied by policy: Three is odd.

p.yaml: 2 of 5 rules reached (40 %); no test reaches
  many   p.yaml:4:3
  staff  p.yaml:5:3
  tried  p.yaml:7:3
3 tests, 0 passed, 3 failed
",
    );
}

#[test]
fn what_does_not_hold_together_is_told_at_once() {
    check(
        "wrong",
        "\
tests:
- { name: one, call: a, expect: { decison: allow } }
- { name: two, call: b, caller: sam, expect: { decision: deny } }
- { name: two, call: a, repeat: 0, expect: { decision: allow } }
now: 5 o'clock
policies: p.yaml
",
        "\
error: tests[0].expect: unknown field `decison`
 --> p.test.yaml:2:35
  |
2 | - { name: one, call: a, expect: { decison: allow } }
  |                                   ^^^^^^^
  |
  = help: did you mean `decision`?

error: tests[2].name: another test is called `two`
 --> p.test.yaml:4:11
  |
4 | - { name: two, call: a, repeat: 0, expect: { decision: allow } }
  |           ^^^

error: unknown field `policies`
 --> p.test.yaml:6:1
  |
6 | policies: p.yaml
  | ^^^^^^^^

error: now: `5 o'clock` is neither a date nor a time
 --> p.test.yaml:5:6
  |
5 | now: 5 o'clock
  |      ^^^^^^^^^
  |
  = help: write it as in `2026-11-02T10:00:00Z`

error: tests[1].caller: no caller `sam` under `callers`
 --> p.test.yaml:3:33
  |
3 | - { name: two, call: b, caller: sam, expect: { decision: deny } }
  |                                 ^^^
  |
  = help: write the facts themselves: `caller: { user: .. }`

error: tests[2].repeat: `0` is not from 1 to 10000
 --> p.test.yaml:4:33
  |
4 | - { name: two, call: a, repeat: 0, expect: { decision: allow } }
  |                                 ^

",
    );
}

#[test]
fn coverage_below_what_is_asked_fails() {
    let folder = Folder::new("coverage");
    folder.write(
        "p.test.yaml",
        "tests: [{ name: few, call: a, arguments: { n: 1 }, expect: { decision: allow } }]\n",
    );
    for (least, fails) in [(None, false), (Some(20), false), (Some(21), true)] {
        let results = folder.run(None, least);
        assert_eq!(results.failed(), fails, "{least:?}");
    }
    // What is not run says nothing of what is not reached.
    let mut results = folder.run(Some("nothing"), None);
    assert_eq!(output::text(&mut results), "0 tests, 0 passed, 0 failed\n");
}

#[test]
fn results_are_written_for_programs() {
    let folder = Folder::new("formats");
    folder.write(
        "p.test.json",
        r#"{ "tests": [
            { "name": "few", "call": "a", "arguments": { "n": 1 }, "expect": { "decision": "allow" } },
            { "name": "<two>", "call": "b", "expect": { "decision": "allow" } } ] }"#,
    );
    let results = folder.run(None, None);
    let json = output::json(&results);
    assert_eq!(json["coverage"][0]["percent"], 40);
    assert_eq!(json["coverage"][0]["unreached"][0]["rule"], "many");
    assert_eq!(json["tests"][0]["passed"], true);
    assert_eq!(json["tests"][0]["record"]["rule"], "few");
    assert_eq!(json["tests"][1]["failure"]["startLine"], 3);
    let xml = folder.plain(&output::junit(&results).unwrap());
    assert!(
        xml.contains(r#"tests="2" skipped="0" failures="1""#),
        "{xml}"
    );
    assert!(
        xml.contains(r#"<testcase name="&lt;two&gt;" classname="p.test.json">"#),
        "{xml}"
    );
}

#[test]
fn the_sample_policies_are_tested_to_the_last_rule() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut session = Session::new(None);
    for path in find(&[policies]).unwrap() {
        session.file(&path).unwrap();
    }
    let mut results = session.finish(Some(100));
    assert!(results.tests.len() > 50 && results.problems.is_empty());
    assert!(!results.failed(), "{}", output::text(&mut results));
}
