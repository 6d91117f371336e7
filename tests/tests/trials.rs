//! `test` and `explain` as people and CI meet them: what they print, exit codes, and input of every
//! malformed kind.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tests::tools;

const REGISTRY: &str =
    "servers: { s: {} }\ntools: [{ name: t, mcpServer: s, inputSchema: { type: object } }]\n";
const POLICY: &str = "rules: [{ id: all, tool: t, decision: allow }]\n";
const PASSES: &str = "tests: [{ name: one, call: t, expect: { decision: allow } }]\n";
const FAILS: &str = "tests: [{ name: one, call: t, expect: { decision: deny } }]\n";

/// A folder with a registry, a policy and nothing that tests it.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("toolgate-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let desk = Self(folder);
        desk.write("registry.yaml", REGISTRY);
        desk.write("p.yaml", POLICY);
        desk
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(file), content).expect("written");
    }

    fn toolgate(&self, arguments: &[&str]) -> Output {
        let mut toolgate = Command::new(tools::toolgate().canonicalize().expect("it is there"));
        toolgate.current_dir(&self.0).args(arguments);
        toolgate.output().expect("run")
    }

    /// Runs a command; gives what it prints, if it exits with `code`.
    #[track_caller]
    fn check(&self, arguments: &[&str], code: i32, words: &str) {
        let output = self.toolgate(arguments);
        let said = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        let what = arguments.join(" ");
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        assert!(
            !said.contains('\u{1b}'),
            "no colours where nobody sees them: {said}"
        );
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn exit_codes_tell_passed_failed_and_could_not_run() {
    let desk = Desk::new("trials");
    desk.check(&["test"], 2, "no test files");
    desk.write("p.test.yaml", PASSES);
    desk.check(
        &["test"],
        0,
        "1 of 1 rules reached\n1 test, 1 passed, 0 failed",
    );
    desk.check(&["test", "--coverage", "100"], 0, "1 passed");
    desk.check(&["test", "--coverage", "101"], 2, "101 is not in 0..=100");
    desk.check(&["test", "--format", "junit"], 0, r#"<testcase name="one""#);
    desk.check(
        &["explain", "--test", "p.test.yaml#one"],
        0,
        "allow by rule `all`",
    );
    desk.check(
        &["explain", "--test", "p.test.yaml#two"],
        2,
        "is called `two`",
    );
    desk.write("p.test.yaml", FAILS);
    desk.check(&["test"], 1, "p.test.yaml:1:51");
    desk.check(
        &["test", "--format", "github"],
        1,
        "::error file=p.test.yaml,line=1,col=51",
    );
    desk.check(
        &["test", "--format", "sarif"],
        1,
        "\"ruleId\": \"failed-test\"",
    );
    desk.check(
        &["explain", "--test", "p.test.yaml#one"],
        0,
        "allow by rule `all`",
    );
    // Both kinds of bad news at once: what failed is shown, what is broken decides the code.
    desk.write("q.test.yaml", "policy: p.yaml\ntests: 1\n");
    desk.check(&["test"], 2, "expected a list, found `1`");
    desk.check(&["test"], 2, "decision is `allow`, not `deny`");
}

#[test]
fn malformed_tests_are_told_where_they_are_wrong() {
    let desk = Desk::new("malformed");
    let check = |content: &[u8], words: &str| {
        desk.write("p.test.yaml", content);
        desk.check(&["test"], 2, words);
        desk.check(&["explain", "--test", "p.test.yaml#one"], 2, words);
        let files = ["-r", "registry.yaml", "-p", "p.yaml"];
        desk.check(
            &[["explain", "--call", "p.test.yaml"].as_slice(), &files].concat(),
            2,
            "error: ",
        );
    };
    check(b"", "a test file is an object");
    check(b"{{{", "p.test.yaml:1:3");
    check(b"- 1\n", "a test file is an object");
    check(b"tests:\n\t- 1\n", "p.test.yaml:2:");
    check(b"tests: []\ntests: []\n", "p.test.yaml:2:1");
    check(b"\xff\xfe", "not UTF-8");
    check(b"a: &a [*a]\n", "p.test.yaml:1:");
    check(b"tests: { a: 1 }\n", "expected a list, found an object");
    check(
        b"tests: [{ name: one, call: t, expect: { decison: deny } }]",
        "did you mean `decision`?",
    );
    check(
        b"tests: [{ name: one, call: 1, expect: 2 }]",
        "expected a text, found `1`",
    );
    check(
        format!("tests: {}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes(),
        "",
    );
    desk.write(
        "p.test.yaml",
        format!("tests: \"{}\"\n", "x".repeat(50_000_000)),
    );
    desk.check(&["test"], 2, "expected a list");
    desk.write("p.test.yaml", PASSES);
    for (record, words) in [
        ("", "one audit record"),
        ("{}", "no audit record"),
        ("{", "one audit record"),
    ] {
        desk.write("record", record);
        let record = [
            "explain",
            "--record",
            "record",
            "-r",
            "registry.yaml",
            "-p",
            "p.yaml",
        ];
        desk.check(&record, 2, words);
    }
}

#[test]
fn shells_get_their_completions() {
    let desk = Desk::new("shells");
    for shell in ["bash", "zsh", "fish"] {
        desk.check(&["completions", shell], 0, "explain");
    }
    let script = "source <(\"$0\" completions bash) && complete -p toolgate";
    let mut bash = Command::new("bash");
    bash.args(["-c", script])
        .arg(tools::toolgate().canonicalize().expect("it is there"));
    assert!(bash.output().expect("bash").status.success());
}
