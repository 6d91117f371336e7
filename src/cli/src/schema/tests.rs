use std::{fs, path::Path};

use engine::{contract::Schema, json::Doc};

use super::*;
use crate::source::Source;

/// The published schema is the present one.
#[track_caller]
fn check(file: File, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../policies")
        .join(name);
    let published = fs::read_to_string(path).unwrap();
    assert_eq!(
        published.trim_end(),
        text(file).unwrap(),
        "`make gen` writes {name}"
    );
}

#[test]
fn published_schemas_are_current() {
    check(File::Registry, "registry.schema.json");
    check(File::Policy, "policy.schema.json");
    check(File::Test, "test.schema.json");
    check(File::Tenants, "tenants.schema.json");
}

/// The example is what its schema says.
#[track_caller]
fn check_example(file: File, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    let (source, finding) = Source::read(&path).unwrap();
    assert_eq!(finding, None);
    let schema = Schema::new(serde_json::from_str(&text(file).unwrap()).unwrap());
    let example = Doc::parse(source.value().to_string().into_bytes())
        .map_err(|(f, _)| f)
        .unwrap();
    assert_eq!(schema.violations(Some(example.root()), 9), Ok(()), "{name}");
}

#[test]
fn examples_are_what_the_schemas_say() {
    for name in [
        "envoy/demo/registry.yaml",
        "policies/orders/registry.yaml",
        "policies/registry.yaml",
        "policies/samples/registry.yaml",
    ] {
        check_example(File::Registry, name);
    }
    for name in ["policy", "identity", "samples/by-actor", "samples/by-route"] {
        check_example(File::Policy, &format!("policies/{name}.yaml"));
    }
    for name in [".", "finance", "logs", "orders", "saas", "summariser"] {
        check_example(File::Test, &format!("policies/{name}/policy.test.yaml"));
    }
    for (file, name) in [
        (File::Registry, "registry.json"),
        (File::Policy, "policy.yaml"),
    ] {
        let name = format!("../shared/pattern/{name}");
        if Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(&name)
            .exists()
        {
            check_example(file, &name);
        } else {
            println!("skipped: {name} is not here");
        }
    }
}
