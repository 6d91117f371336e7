use std::{env, fs, process};

use engine::problem::Problem;

use super::*;

/// The report of a problem at `path` of a YAML file with this content, and what it says.
#[track_caller]
fn check(content: &str, problem: Problem, expected: &str) {
    let name = format!(
        "toolgate-report-{}-{}.yaml",
        process::id(),
        problem.path.len()
    );
    let file = env::temp_dir().join(name);
    fs::write(&file, content).unwrap();
    let (source, _) = Source::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let finding = source.locate(problem);
    let said = text(Some(&source), &finding, &Renderer::plain());
    assert_eq!(
        said.replace(&source.name, "f.yaml"),
        expected.trim_matches('\n')
    );
}

#[test]
fn a_report_shows_the_line() {
    check(
        "a: 1\nrules:\n- when: é > 1\n  tool: x\n",
        Problem::new("rules[0].when", "it is wrong").help("mend it"),
        "
error: rules[0].when: it is wrong
 --> f.yaml:3:9
  |
3 | - when: é > 1
  |         ^^^^^
  |
  = help: mend it
",
    );
    // The last line has no end, and a block is shown by its key.
    check(
        "a:\n  b: 2",
        Problem::new("a", "too small"),
        "
error: a: too small
 --> f.yaml:1:1
  |
1 | a:
  | ^
",
    );
    check(
        "a:\n  b: 2",
        Problem::new("a.b", "too small"),
        "
error: a.b: too small
 --> f.yaml:2:6
  |
2 |   b: 2
  |      ^
",
    );
}
