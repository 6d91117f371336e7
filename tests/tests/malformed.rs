//! Whatever is wrong with a file: a located error and exit code 2, soon, and never a panic.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::tools;

/// A registry that is well, but for what stands in the contract of its tool.
fn registry(schema: &str) -> String {
    format!(
        "servers: {{ s: {{}} }}\ntools:\n- name: t\n  mcpServer: s\n  access: read\n  \
         description: Reads.\n  inputSchema: {{ type: object, additionalProperties: false{schema} }}\n"
    )
}

const POLICY: &str = "rules:\n- { id: all, tools: \"*\", decision: allow }\n";

/// Each with the line where it is wrong.
fn malformed() -> Vec<(&'static str, Vec<u8>, usize)> {
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    let mut laughs = "a: &a [x]\n".to_owned();
    for (last, next) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let items = vec![format!("*{last}"); 10].join(", ");
        let _ = writeln!(laughs, "{next}: &{next} [{items}]");
    }
    let cycle = ", properties: { a: { $ref: '#/$defs/a' } }, \
                 $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }";
    let files = [
        ("not.yaml", "servers: [\n}}}\n".to_owned(), 1),
        ("text.yaml", "no registry at all\n".to_owned(), 1),
        (
            "duplicate.yaml",
            "version: a\nservers: {}\nversion: b\n".to_owned(),
            3,
        ),
        (
            "duplicate.json",
            "{ \"version\": \"a\",\n  \"version\": \"b\" }".to_owned(),
            2,
        ),
        ("tabs.yaml", "servers:\n\ts: {}\n".to_owned(), 2),
        ("types.yaml", "version: a\nservers: 5\n".to_owned(), 2),
        ("unknown.yaml", "servers:\n  s: { ulr: x }\n".to_owned(), 2),
        ("trailing.json", "{}\n{}".to_owned(), 2),
        ("comment.json", "{\n// none in JSON\n}".to_owned(), 2),
        ("number.yaml", "version: .nan\n".to_owned(), 1),
        ("deep.yaml", format!("a: {}", deep("[", "]")), 1),
        ("deep.json", deep("{\"a\":", "}"), 1),
        ("laughs.yaml", laughs, 7),
        ("anchor.yaml", "a: &x [*x]\n".to_owned(), 1),
        ("cycle.yaml", registry(", $ref: '#'"), 7),
        ("cycles.yaml", registry(cycle), 7),
        (
            "pattern.yaml",
            registry(", properties: { a: { pattern: '(' } }"),
            7,
        ),
        (
            "long.yaml",
            format!("version: {}\n}}", "a".repeat(50_000_000)),
            2,
        ),
        (
            "many.yaml",
            format!("tools:\n{}", "- 5\n".repeat(200_000)),
            2,
        ),
    ];
    let mut files: Vec<_> = files
        .into_iter()
        .map(|(name, text, line)| (name, text.into_bytes(), line))
        .collect();
    files.push(("bytes.yaml", (0..=255).collect(), 0));
    files
}

struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("toolgate-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("written");
        path
    }

    /// Exit code (none: it took too long), and what is said on standard error.
    #[track_caller]
    fn run(&self, command: &str, registry: &Path, policy: &Path) -> (Option<i32>, String) {
        // Time of its own, not of a busy machine: the kernel ends it then.
        let limited = format!("ulimit -t {SECONDS}; exec \"$@\"");
        let output = Command::new("bash")
            .args(["-c", &limited, "bash"])
            .arg(tools::toolgate())
            .args([command, "-r"])
            .arg(registry)
            .arg("-p")
            .arg(policy)
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let broken = ["panicked", "stack overflow", "backtrace"];
        let broken = broken.iter().any(|word| said.contains(word));
        assert!(!broken, "{command} {}: {said:.500}", registry.display());
        (output.status.code(), said)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const COMMANDS: [&str; 2] = ["lint", "bundle"];

/// Of processor time, for each file.
const SECONDS: u32 = 30;

#[test]
fn malformed_files_are_refused_at_their_place() {
    let desk = Desk::new("malformed");
    let policy = desk.write("policy.yaml", POLICY.as_bytes());
    for (name, content, line) in malformed() {
        let registry = desk.write(name, &content);
        let place = match line {
            0 => name.to_owned(),
            line => format!("{name}:{line}:"),
        };
        for command in COMMANDS {
            let (code, said) = desk.run(command, &registry, &policy);
            assert_eq!(code, Some(2), "{command} {name}: {said:.500}");
            assert!(said.contains(&place), "{command} {name}: {said:.500}");
        }
    }
}

#[test]
fn malformed_policies_are_refused_as_well() {
    let desk = Desk::new("policies");
    let registry = desk.write("registry.yaml", registry("").as_bytes());
    for (text, line) in [
        ("rules: { a: 1 }\n", 1),
        ("rules:\n- { id: a, tools: '*', decision: alow }\n", 2),
        (
            "rules:\n- { id: a, tools: '*', decision: allow, wen: x }\n",
            2,
        ),
        (
            "rules:\n- { id: a, tools: '*', decision: allow,\n    when: 'args.x ==' }\n",
            3,
        ),
        ("rules:\n\t- a\n", 2),
    ] {
        let policy = desk.write("policy.yaml", text.as_bytes());
        for command in COMMANDS {
            let (code, said) = desk.run(command, &registry, &policy);
            assert_eq!(code, Some(2), "{command} {text}: {said}");
            assert!(
                said.contains(&format!("policy.yaml:{line}:")),
                "{command} {text}: {said}"
            );
        }
    }
}

/// 50 MB of good tools.
#[test]
fn large_files_are_read_in_sane_time() {
    let desk = Desk::new("large");
    let policy = desk.write("policy.yaml", POLICY.as_bytes());
    let mut text = "servers: { s: {} }\ntools:\n".to_owned();
    for i in 0..150_000 {
        let _ = write!(
            text,
            "- name: tool_{i}\n  mcpServer: s\n  access: read\n  riskTier: low\n  \
             description: Reads the record of number {i} of the table, and tells what it holds.\n  \
             inputSchema:\n    type: object\n    required: [id]\n    additionalProperties: false\n    \
             properties:\n      id: {{ type: string, minLength: 3, maxLength: 40, description: Its id. }}\n"
        );
    }
    assert!(text.len() > 45_000_000, "{}", text.len());
    let registry = desk.write("registry.yaml", text.as_bytes());
    for command in COMMANDS {
        let (code, said) = desk.run(command, &registry, &policy);
        assert_eq!(code, Some(0), "{command}: {said:.500}");
    }
}
