//! The rules that keep the architecture: who may know whom, and what must not be built in.

#![expect(
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test of the tree reads the tree"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The engine's modules from the bottom up: each may use those above it in this list, and none
/// below.
const ORDER: &[&str] = &[
    "digest",
    "seal",
    "cx",
    "http",
    "problem",
    "visible",
    "json",
    "inject",
    "detect",
    "redact",
    "sse",
    "feed",
    "limit",
    "tenancy",
    "breaker",
    "contract",
    "config",
    "rest",
    "registry",
    "call",
    "condition",
    "approval",
    "rpc",
    "session",
    "ids",
    "policy",
    "gateway",
    "identity",
    "refusal",
    "translate",
    "record",
    "catalog",
    "response",
    "exchange",
];

/// What the engine may be built from. Nothing here knows a host, a clock, files or a runtime.
const ENGINE: [&str; 12] = [
    "base64",
    "chacha20poly1305",
    "chrono",
    "hmac",
    "prost",
    "regex",
    "regex-syntax",
    "ryu-js",
    "schemars",
    "serde",
    "serde_json",
    "sha2",
];

#[test]
fn modules_use_only_those_below_them() {
    let mut wrong = Vec::new();
    for (place, module) in ORDER.iter().enumerate() {
        let mut files = vec![source().join(format!("{module}.rs"))];
        files.extend(rust_files(&source().join(module)));
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            for other in imports(&fs::read_to_string(file).unwrap()) {
                let allowed = other == *module || ORDER[..place].contains(&other.as_str());
                if !allowed {
                    wrong.push(format!("{} uses `{other}`", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place() {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let mut declared: Vec<_> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let mut order = ORDER.to_vec();
    order.sort_unstable();
    declared.sort_unstable();
    assert_eq!(declared, order);
}

#[test]
fn the_engine_is_built_from_pure_crates() {
    let manifest = fs::read_to_string(root().join("src/engine/Cargo.toml")).unwrap();
    let dependencies = manifest
        .split("[dependencies]")
        .nth(1)
        .unwrap()
        .split("\n[")
        .next()
        .unwrap();
    for line in dependencies
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let name = line.split(['.', ' ', '=']).next().unwrap();
        assert!(ENGINE.contains(&name), "the engine depends on `{name}`");
    }
}

#[test]
fn the_filter_decides_nothing() {
    for file in rust_files(&root().join("src/filter/src")) {
        // The attribute by which a lint is expected calls nothing.
        let text = fs::read_to_string(&file).unwrap().replace("#[expect(", "");
        for word in [
            "serde_json",
            "\"tools/",
            "mcp-",
            "hostcalls",
            "unwrap()",
            "expect(",
        ] {
            assert!(!text.contains(word), "{} holds {word}", file.display());
        }
        let raw = text.contains("fn proxy_");
        assert!(
            !raw || file.ends_with("host/abi.rs"),
            "{} calls the host itself",
            file.display()
        );
    }
}

/// With these features a client's object could turn into another value than it says.
#[test]
fn serde_json_reads_plain_json_in_the_filter() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--package",
            "filter",
            "--target",
            "wasm32-wasip1",
        ])
        .args(["--edges", "normal,features", "--invert", "serde_json"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("serde_json"), "{tree}");
    for feature in ["raw_value", "arbitrary_precision", "preserve_order"] {
        assert!(!tree.contains(feature), "{feature} is on:\n{tree}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn source() -> PathBuf {
    root().join("src/engine/src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

/// Names after `crate::`, also those in braces.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap())
        .collect();
    let mut names = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            names.push(first_word(after));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.push(first_word(list[start..at].trim()));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
