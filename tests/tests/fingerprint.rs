//! One payload has one fingerprint and two have two, whoever computes it: this machine's build, the
//! filter's build, and a library of RFC 8785.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Command;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tests::envoy::fresh_dir;
use tests::payload::{Dice, Meaning, calls};
use tests::tools;

#[test]
fn payloads_and_fingerprints_are_one_to_one_in_every_build() {
    let (mut runner, mut dice) = (TestRunner::deterministic(), Dice::new(1));
    let mut meant = Vec::new();
    for _ in 0..CALLS {
        let call = calls().new_tree(&mut runner).expect("a call").current();
        let near = call.near(&mut dice);
        let nearer = near.near(&mut dice);
        meant.extend([call.clone(), near, call.clone(), nearer, call]);
    }
    let write = |meaning: &Meaning| {
        let mut line = String::new();
        meaning.write(&mut dice, &mut line);
        line
    };
    let lines: Vec<String> = meant.iter().map(write).collect();
    let told = all(&lines);

    let (mut by_meaning, mut by_fingerprint) = (BTreeMap::new(), BTreeMap::new());
    for ((meaning, line), fingerprint) in meant.iter().zip(&lines).zip(&told) {
        assert_eq!(fingerprint.len(), 64, "{fingerprint}\n{line}");
        let (known, other) = by_meaning.entry(meaning).or_insert((fingerprint, line));
        assert_eq!(known, &fingerprint, "they mean the same:\n{line}\n{other}");
        let (known, other) = by_fingerprint.entry(fingerprint).or_insert((meaning, line));
        assert_eq!(
            known, &meaning,
            "they do not mean the same:\n{line}\n{other}"
        );
    }
    assert!(
        by_meaning.len() > CALLS * 2,
        "{} payloads",
        by_meaning.len()
    );
}

#[test]
fn what_two_readers_could_read_differently_has_none() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let arguments = [
        "9007199254740993",
        "1152921504606846976",
        "0.1000000000000000055",
        "1e400",
        r#""\ud83d""#,
        r#"{"a":1,"\u0061":1}"#,
        &deep,
        "01",
        "NaN",
        "'a'",
    ];
    let lines = arguments.map(|text| format!(r#"{{"tool":"t","arguments":{{"a":{text}}}}}"#));
    for (line, told) in lines.iter().zip(both(&lines)) {
        assert!(told.starts_with("refused: "), "{line}: {told}");
    }
}

/// What all three say.
fn all(lines: &[String]) -> Vec<String> {
    let told = both(lines);
    let mut script = Command::new(tools::python(2));
    script.arg(tools::client("fingerprint.py"));
    agree(lines, &told, &run(&mut script, lines));
    told
}

/// What both builds say.
fn both(lines: &[String]) -> Vec<String> {
    let told = run(&mut Command::new(tools::fingerprint()), lines);
    let mut wasm = Command::new(tools::node());
    wasm.args([
        "--no-warnings".into(),
        tools::client("wasi.mjs"),
        tools::fingerprint_wasm(),
    ]);
    agree(lines, &told, &run(&mut wasm, lines));
    told
}

fn agree(lines: &[String], one: &[String], two: &[String]) {
    assert_eq!((one.len(), two.len()), (lines.len(), lines.len()));
    for (line, (one, two)) in lines.iter().zip(one.iter().zip(two)) {
        assert_eq!(one, two, "{line:?}");
    }
}

fn run(command: &mut Command, lines: &[String]) -> Vec<String> {
    // A file: a pipe would fill up while nobody reads what is printed.
    let dir = fresh_dir();
    let input = dir.join("input");
    fs::write(&input, lines.join("\n") + "\n").expect("the directory is writable");
    let input = File::open(input).expect("just written");
    let output = command.stdin(input).output().expect("executable");
    let _ = fs::remove_dir_all(&dir);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    printed.lines().map(str::to_owned).collect()
}

const CALLS: usize = 2_000;
