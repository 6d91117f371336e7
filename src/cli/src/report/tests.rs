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
    let (mut source, _) = Source::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    source.name = "f.yaml".to_owned();
    let findings = Findings {
        list: vec![Finding {
            at: source.locate(&problem),
            source: Some(0),
            ..Finding::error(problem)
        }],
        sources: vec![source],
    };
    let said = findings.snippet(&findings.list[0], &Renderer::plain());
    assert_eq!(said, expected.trim_matches('\n'));
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

#[test]
fn machines_get_the_same_finding() {
    let file = env::temp_dir().join(format!("toolgate-formats-{}.yaml", process::id()));
    fs::write(&file, "a: é, b\n").unwrap();
    let (mut source, _) = Source::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    source.name = "f,1.yaml".to_owned();
    let findings = Findings {
        list: vec![Finding {
            level: Level::Warning,
            code: Some("odd-value"),
            source: Some(0),
            at: Some(3..8),
            ..Finding::error(Problem::new("a", "100 % odd").help("mend it"))
        }],
        sources: vec![source],
    };
    let finding = &findings.list[0];
    assert_eq!(
        findings.github(finding),
        "::warning file=f%2C1.yaml,line=1,col=4,endLine=1,endColumn=8,title=odd-value::\
         a: 100 %25 odd%0Ahelp: mend it\n"
    );
    assert_eq!(
        findings.json(finding),
        json!({
            "level": "warning", "code": "odd-value", "path": "a", "message": "100 % odd",
            "help": "mend it", "file": "f,1.yaml",
            "startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 8,
        })
    );
    let run = &sarif::document(&findings)["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"],
        json!([{ "id": "odd-value" }])
    );
    assert_eq!(
        run["results"][0],
        json!({
            "ruleId": "odd-value",
            "level": "warning",
            "message": { "text": "a: 100 % odd. mend it" },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": "f,1.yaml" },
                "region": { "startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 8 },
            } }],
        })
    );
}
