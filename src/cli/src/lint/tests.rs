use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use clap::{Args as _, FromArgMatches as _};

use super::*;
use crate::{
    envoy as hosts,
    inputs::{Files, Given},
    render,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn load(registry: Vec<PathBuf>, policy: Vec<PathBuf>) -> Loaded {
    let files = Files {
        registry,
        policy,
        ..Files::default()
    };
    match files.load().expect("files that are there") {
        Ok(loaded) => loaded,
        Err(refused) => panic!("{:#?}", refused.list),
    }
}

fn review_of(loaded: &Loaded) -> Vec<Finding> {
    let now = Timestamp::parse("2026-11-21").expect("a date");
    review(loaded, &[], now)
}

/// What is found in one fixture, a registry and a policy in one file: line and code.
fn found(name: &str, text: &str) -> BTreeSet<(usize, String)> {
    let folder = std::env::temp_dir().join(format!("toolgate-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (registry, policy) = text.split_once("\n---\n").expect("two documents");
    let above = registry.lines().count() + 1;
    let files = [("registry.yaml", registry), ("policy.yaml", policy)];
    let [registry, policy] = files.map(|(file, text)| {
        let path = folder.join(file);
        fs::write(&path, text).expect("written");
        path
    });
    let loaded = load(vec![registry], vec![policy]);
    fs::remove_dir_all(folder).expect("removed");
    let list = review_of(&loaded);
    places(Findings {
        sources: loaded.sources,
        list,
    })
    .map(|(source, line, code)| (if source == 0 { line } else { above + line }, code))
    .collect()
}

/// The same of the files of several tenants: each document but the first begins with its name.
fn found_in_gateway(name: &str, text: &str) -> BTreeSet<(usize, String)> {
    let folder = std::env::temp_dir().join(format!("toolgate-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mut above = BTreeMap::new();
    let mut lines = 0;
    for document in text.split("\n---\n") {
        let first = document.lines().next().unwrap_or_default();
        let path = folder.join(first.strip_prefix("# ").unwrap_or("tenants.yaml"));
        fs::write(&path, document).expect("written");
        above.insert(path.display().to_string(), lines);
        lines += document.lines().count() + 1;
    }
    let list = folder.join("tenants.yaml");
    let Ok(gateway) = given(["lint".into(), "--tenants".into(), list])
        .load()
        .expect("files")
    else {
        panic!("{name}: files without problems");
    };
    fs::remove_dir_all(folder).expect("removed");
    let (policies, now) = (
        gateway.policies(),
        Timestamp::parse("2026-11-21").expect("a date"),
    );
    let findings = gateway.review(|part| review(part, &policies, now));
    let names: Vec<_> = findings
        .sources
        .iter()
        .map(|source| above[&source.name])
        .collect();
    places(findings)
        .map(|(source, line, code)| (names[source] + line, code))
        .collect()
}

fn given(arguments: impl IntoIterator<Item = PathBuf>) -> Given {
    let mut command = Given::augment_args(clap::Command::new("toolgate"));
    let matches = command.try_get_matches_from_mut(arguments);
    Given::from_arg_matches(&matches.expect("arguments")).expect("arguments")
}

/// The same of a configuration of Envoy.
fn found_in_envoy(path: PathBuf) -> BTreeSet<(usize, String)> {
    let findings = envoy::review(&[path], None).expect("a file that is there");
    places(findings)
        .map(|(_, line, code)| (line, code))
        .collect()
}

/// Source, line and code of each.
fn places(findings: Findings) -> impl Iterator<Item = (usize, usize, String)> {
    let Findings { sources, list } = findings;
    list.into_iter().map(move |finding| {
        let source = finding.source.expect("a file");
        let at = finding.at.expect("a place").start;
        let (line, _) = sources[source].position(at);
        (source, line, finding.code.expect("a code").to_owned())
    })
}

/// Marks in a fixture: `# expect: CODE` on the line of the finding, `# expect below: CODE` above.
fn expected(text: &str) -> BTreeSet<(usize, String)> {
    let marks = [("# expect: ", 1), ("# expect below: ", 2)];
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(i, line)| {
            marks.iter().flat_map(move |(mark, ahead)| {
                let codes = line.split_once(mark).map_or("", |(_, codes)| codes);
                let codes = codes.split(", ").filter(|code| !code.is_empty());
                codes.map(move |code| (i + ahead, code.to_owned()))
            })
        })
        .collect()
}

#[test]
fn every_lint_finds_its_bad_fixture_and_not_its_good_one() {
    let mut wrong = Vec::new();
    for lint in lints() {
        let folder = root().join("tests/lints").join(lint.code);
        for file in ["bad.yaml", "good.yaml"] {
            let path = folder.join(file);
            let text = fs::read_to_string(&path).expect("a fixture");
            let expected = expected(&text);
            let found = if lint.code.starts_with("envoy-") {
                found_in_envoy(path.clone())
            } else if text.starts_with("tenants:") {
                found_in_gateway(&format!("{}-{file}", lint.code), &text)
            } else {
                found(&format!("{}-{file}", lint.code), &text)
            };
            let tells = found.iter().any(|(_, code)| code == lint.code);
            if found != expected || tells != (file == "bad.yaml") {
                wrong.push(format!("{}: {found:?}, not {expected:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines of the YAML block below a heading.
fn block<'p>(page: &'p str, heading: &str) -> impl Iterator<Item = &'p str> {
    let section = page.split(heading).nth(1).expect("the section");
    let block = section.split("```yaml\n").nth(1).expect("a block");
    block.split("```").next().expect("its text").lines()
}

#[test]
fn every_lint_has_a_page_that_shows_what_its_fixtures_prove() {
    let index = fs::read_to_string(root().join("policies/lints/README.md")).expect("an index");
    let mut codes = BTreeSet::from(["README".to_owned()]);
    for lint in lints() {
        let code = lint.code;
        assert!(codes.insert(code.to_owned()), "{code} is there twice");
        assert!(lint.page.starts_with(&format!("# {code}\n\n")), "{code}");
        assert!(lint.summary().ends_with('.'), "{code}");
        assert!(lint.page.contains("\n## Why\n\n"), "{code}");
        let row = format!(
            "| [{code}]({code}.md) | {} | {} |",
            lint.level.name(),
            lint.summary()
        );
        assert!(
            index.contains(&row),
            "missing in policies/lints/README.md:\n{row}"
        );
        for (heading, file) in [("## Avoid", "bad.yaml"), ("## Prefer", "good.yaml")] {
            let fixture = root().join("tests/lints").join(code).join(file);
            let fixture = fs::read_to_string(fixture).expect("a fixture");
            for line in block(lint.page, heading) {
                assert!(fixture.contains(line.trim()), "{code}, {file}: {line}");
            }
        }
    }
    let pages = fs::read_dir(root().join("policies/lints")).expect("a folder");
    for page in pages {
        let name = page.expect("an entry").path();
        let stem = name.file_stem().expect("a name").to_string_lossy();
        assert!(codes.contains(&*stem), "{stem} is no lint");
    }
}

#[test]
fn what_we_show_others_is_clean() {
    let policies = root().join("policies");
    // Two policies for one registry: neither is about all of it.
    let samples = ["samples/by-actor.yaml", "samples/by-route.yaml"];
    let samples = samples.map(|sample| ("samples/registry.yaml", vec![sample, "identity.yaml"]));
    let mut shown = samples.to_vec();
    shown.push(("registry.yaml", vec!["policy.yaml", "identity.yaml"]));
    shown.push(("finance/registry.yaml", vec!["finance/policy.yaml"]));
    shown.push(("logs/registry.yaml", vec!["logs/policy.yaml"]));
    shown.push(("orders/registry.yaml", vec!["orders/policy.yaml"]));
    shown.push(("saas/registry.yaml", vec!["saas/policy.yaml"]));
    shown.push(("summariser/registry.yaml", vec!["summariser/policy.yaml"]));
    let mut clean = true;
    for (registry, files) in shown {
        let path = |file: &str| policies.join(file);
        let policy = files.iter().map(|file| path(file)).collect();
        let loaded = load(vec![path(registry)], policy);
        let mut list = review_of(&loaded);
        if registry.starts_with("samples/") {
            list.retain(|finding| finding.code != Some("nobody-may-use"));
        }
        let findings = Findings {
            sources: loaded.sources,
            list,
        };
        findings.print(Format::Text).expect("printed");
        clean &= findings.list.is_empty();
    }
    assert!(clean);
}

/// A configuration, what it should be for, and the codes that are found.
#[track_caller]
fn check_envoy(text: &str, policy: Option<&Loaded>, expected: &[&str]) {
    let at = std::panic::Location::caller().line();
    let path = std::env::temp_dir().join(format!("toolgate-envoy-{}-{at}", std::process::id()));
    fs::write(&path, text).expect("written");
    let policy = policy.map(|loaded| &loaded.policy);
    let findings = envoy::review(std::slice::from_ref(&path), policy).expect("read");
    fs::remove_file(path).expect("removed");
    let codes: Vec<_> = findings.list.iter().filter_map(|one| one.code).collect();
    assert_eq!(codes, expected);
}

#[test]
fn hosts_are_judged_as_they_write_it() {
    let plugin = "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
spec: { url: 'oci://images.example.com/toolgate:1' }
";
    check_envoy(plugin, None, &["envoy-header-stop"]);
    let policy = "
# One document of several, and spelt as JSON.
---
kind: ConfigMap
---
kind: EnvoyExtensionPolicy
spec: { wasm: [{ name: toolgate, code: { type: HTTP } }] }
";
    check_envoy(policy, None, &["envoy-header-stop"]);
    check_envoy("# Nothing yet.\n---\n", None, &["envoy-no-filter"]);
    let other = "
kind: EnvoyFilter
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    patch:
      operation: INSERT_BEFORE
      value: { name: lua, typed_config: { '@type': a/envoy.extensions.filters.http.lua.v3.Lua } }
";
    check_envoy(other, None, &["envoy-no-filter"]);
    let wrapped = "
kind: EnvoyFilter
spec:
  configPatches:
  - applyTo: EXTENSION_CONFIG
    patch:
      operation: ADD
      value:
        name: toolgate
        typedConfig:
          '@type': type.googleapis.com/udpa.type.v1.TypedStruct
          typeUrl: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
          value:
            config:
              failurePolicy: FAIL_RELOAD
              vmConfig: { vmId: toolgate }
              configuration: { value: '{\"registry\":{},\"policy\":{}}' }
  - { applyTo: HTTP_ROUTE, patch: { value: { route: { clusterHeader: x-toolgate-cluster, timeout: 0s } } } }
  - { applyTo: LISTENER, patch: { value: { perConnectionBufferLimitBytes: 8388608 } } }
";
    let expected = ["envoy-header-stop", "envoy-no-record", "envoy-no-tags"];
    check_envoy(wrapped, None, &expected);
}

#[test]
fn what_render_writes_is_clean() {
    let policies = root().join("policies");
    let policy = ["policy.yaml", "identity.yaml"].map(|file| policies.join(file));
    let files = [
        "render".into(),
        "-r".into(),
        policies.join("registry.yaml"),
        "-p".into(),
    ];
    let given = given(files.into_iter().chain(policy));
    let Ok(gateway) = given.load().expect("files that are there") else {
        panic!("files without problems");
    };
    let loaded = &gateway.parts[0];
    let address = || "127.0.0.1:1".parse().expect("an address");
    let setup = match render::setup(&gateway, address(), address(), Some("/s".to_owned())) {
        Ok(setup) => hosts::Setup {
            access_log: "/dev/stdout".to_owned(),
            ..setup
        },
        Err(problems) => panic!("{problems:?}"),
    };
    let namespace = || "agents".to_owned();
    let pods = hosts::istio::Pods {
        namespace: namespace(),
        labels: BTreeMap::new(),
    };
    let place = hosts::gateway::Place {
        namespace: namespace(),
        gateway: "mcp".to_owned(),
        listener: "http".to_owned(),
        tls: false,
    };
    let documents = hosts::gateway::documents(&setup, &place).map(|one| one.to_string());
    let forms = [
        hosts::bootstrap(&setup).to_string(),
        hosts::istio::envoy_filter(&setup, &pods).to_string(),
        documents.join("\n---\n"),
    ];
    for form in forms {
        check_envoy(&form, Some(loaded), &[]);
    }
    let shown = fs::read_to_string(root().join("envoy/envoy.yaml")).expect("the sample");
    check_envoy(&shown, None, &[]);
}

#[test]
fn a_configuration_is_held_against_the_files_it_is_for() {
    let sample = root().join("tests/lints/envoy-bundle/good.yaml");
    let text = fs::read_to_string(sample).expect("a fixture");
    check_envoy(&text, None, &[]);
    let policies = root().join("policies");
    let policy = ["policy.yaml", "identity.yaml"].map(|file| policies.join(file));
    let loaded = load(vec![policies.join("registry.yaml")], policy.into());
    let expected = [
        "envoy-claims",
        "envoy-bundle",
        "envoy-unknown-cluster",
        "envoy-unknown-cluster",
    ];
    check_envoy(&text, Some(&loaded), &expected);
}

#[test]
fn only_comments_silence() {
    let text = "\
servers: { crm: {} }
tools:
- name: read
  description: |
    Reads. # lint: allow nobody-may-use - says the server
  mcpServer: crm # lint: allow nobody-may-use - says the wrong line
  access: read
  inputSchema: { type: object, additionalProperties: false }
---
rules: []
";
    let codes: Vec<_> = found("comments", text).into_iter().collect();
    let expected = [(3, "nobody-may-use"), (6, "unused-allow")];
    assert_eq!(codes, expected.map(|(line, code)| (line, code.to_owned())));
}
