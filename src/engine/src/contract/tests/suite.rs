//! The test suite of JSON Schema, as the source distribution of the Python package `jsonschema`
//! carries it: what the specification requires, and what it leaves open.

use std::{fs, path::Path};

use super::*;

/// The dialects, and what ran of each: the rest needs documents from elsewhere.
const DIALECTS: [(&str, &str, Ran); 5] = [
    (
        "draft2020-12",
        "https://json-schema.org/draft/2020-12/schema",
        Ran {
            tests: 1_640,
            elsewhere: 58,
        },
    ),
    (
        "draft2019-09",
        "https://json-schema.org/draft/2019-09/schema",
        Ran {
            tests: 1_746,
            elsewhere: 43,
        },
    ),
    (
        "draft7",
        "http://json-schema.org/draft-07/schema#",
        Ran {
            tests: 1_352,
            elsewhere: 29,
        },
    ),
    (
        "draft6",
        "http://json-schema.org/draft-06/schema#",
        Ran {
            tests: 1_122,
            elsewhere: 27,
        },
    ),
    (
        "draft4",
        "http://json-schema.org/draft-04/schema#",
        Ran {
            tests: 841,
            elsewhere: 21,
        },
    ),
];

/// What ends otherwise here, and why.
const OTHERWISE: [(&str, &str); 5] = [
    (
        "draft2020-12/format",
        "formats are asserted, as most authors mean them",
    ),
    (
        "draft7/optional/content",
        "what texts encode is an annotation, as it is since 2019-09",
    ),
    (
        "draft4/optional/zeroTerminatedFloats",
        "1.0 is an integer, as it is since Draft 6",
    ),
    ("/optional/format/idn-email", "not asserted"),
    ("/optional/format/idn-hostname", "not asserted"),
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Ran {
    tests: usize,
    /// Tests of schemas that refer to other documents or dialects.
    elsewhere: usize,
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the suite is a folder")]
fn the_json_schema_test_suite_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/schema-suite");
    if !root.exists() {
        println!("skipped: the JSON Schema test suite is not installed (`make setup`)");
        return;
    }
    let mut wrong = Vec::new();
    for (dialect, uri, expected) in DIALECTS {
        let mut ran = Ran::default();
        for folder in ["", "optional/", "optional/format/"] {
            for entry in fs::read_dir(root.join(dialect).join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = format!("{dialect}/{folder}{}", path.file_stem().unwrap().display());
                if path.is_dir() || OTHERWISE.iter().any(|(file, _)| name.ends_with(file)) {
                    continue;
                }
                let groups = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                for found in run(groups, uri, &mut ran) {
                    wrong.push(format!("{name}: {found}"));
                }
            }
        }
        assert_eq!(ran, expected, "{dialect}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What of a file's tests does not end as it should.
fn run(groups: Vec<Value>, dialect: &str, ran: &mut Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    for mut group in groups {
        let mut source = group["schema"].take();
        if let Some(schema) = source.as_object_mut() {
            schema.entry("$schema").or_insert_with(|| dialect.into());
        }
        let schema = Schema::new(source);
        let problems = schema.check();
        let tests = group["tests"].as_array().unwrap();
        let elsewhere = [
            "nothing is fetched",
            "is not a known dialect of JSON Schema",
        ];
        if problems
            .iter()
            .any(|problem| elsewhere.iter().any(|end| problem.message.ends_with(end)))
        {
            ran.elsewhere += tests.len();
            continue;
        }
        if !problems.is_empty() {
            wrong.push(format!("{}: {problems:?}", group["description"]));
        }
        for test in tests {
            ran.tests += 1;
            let doc = Doc::parse(test["data"].to_string().into_bytes()).unwrap();
            let found = schema.violations(Some(doc.root()), 10);
            if found.is_ok() != test["valid"] {
                let told = format!(
                    "{}: {}: {found:?}",
                    group["description"], test["description"]
                );
                wrong.push(told);
            }
        }
    }
    wrong
}
