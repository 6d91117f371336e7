//! The command line beside the filter: `toolgate test` and `toolgate explain` say of every case what
//! the filter in Envoy recorded of it.

use std::{fs, path::Path, process::Command};

use serde_json::{Map, Value, json};
use tests::tools;

use super::model::{Case, Group};

/// What the command line says otherwise than the filter; `records` are the filter's, by case.
pub(crate) fn differences(file: &str, group: &Group, records: &[Value]) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("toolgate-{file}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, value: &Value| {
        fs::write(folder.join(name), value.to_string()).expect("written");
    };
    write("registry.json", &group.registry);
    write("cases.json", &group.policy);
    let mut shadow = group.shadow.clone().unwrap_or(json!({}));
    shadow["mode"] = group
        .shadow
        .as_ref()
        .map_or(json!("enforce"), |_| json!("shadow"));
    write("shadow.json", &shadow);
    let mut trials = Vec::new();
    let guarded = group.registry.get("virtual").is_none();
    for (case, record) in group.cases.iter().zip(records) {
        let reason = record["reason"].as_str().unwrap_or_default();
        let codec = reason == "rejected_by_envoy";
        let answers = ["upstream_", "result_", "breaker_open"];
        let answer = answers.iter().any(|start| reason.starts_with(start));
        let json = case.request.json.as_ref();
        let greets = !guarded && json.is_some_and(|it| it["method"] == "initialize");
        if codec
            || answer
            || greets
            || case.request.session
            || (case.before > 0 && case.approver.is_some())
        {
            // What the filter never saw, or what hangs on answers: those of a trial are all good, and
            // nobody approves.
            continue;
        }
        let forms = [
            ("http", Some(http(case))),
            ("call", call(case, &group.policy).filter(|_| guarded)),
        ];
        for (form, mut trial) in forms
            .into_iter()
            .filter_map(|(form, trial)| Some((form, trial?)))
        {
            trial.insert("repeat".into(), json!(case.before + 1));
            trials.push((format!("{} ({form})", case.name), trial, record));
        }
    }
    let tests = trials.iter().map(|(name, trial, record)| {
        let mut test = trial.clone();
        test.insert("name".into(), json!(name));
        test.insert("expect".into(), expect(record));
        Value::Object(test)
    });
    write(
        "cases.test.json",
        &json!({ "tests": tests.collect::<Vec<_>>() }),
    );

    let mut wrong = Vec::new();
    let tested = toolgate(&folder, &["test", "--format", "json"]);
    let tested = tested["tests"].as_array().expect("tests");
    assert_eq!(tested.len(), trials.len(), "{file}");
    for ((name, trial, record), tested) in trials.iter().zip(tested) {
        let call = &Value::Object(trial.clone());
        write("call.json", call);
        let files = ["-r", "registry.json", "-p", "cases.json", "shadow.json"];
        let call = ["explain", "--call", "call.json", "--format", "json"];
        let explained = toolgate(&folder, &[call.as_slice(), &files].concat());
        for member in ["decision", "rule", "reason"] {
            let said = [
                &recorded(record, member),
                &tested["record"][member],
                &explained[member],
            ];
            if said.iter().any(|one| *one != said[0]) {
                let [filter, test, explain] = said;
                wrong.push(format!(
                    "{file}: {name}: {member}: filter {filter}, test {test}, explain {explain}"
                ));
            }
        }
        let rules = explained["uses"].as_array().into_iter().flatten();
        let decides = |rule: &Value| {
            rule["id"] == record["rule"]
                && matches!(rule["outcome"].as_str(), Some("applies" | "failed"))
        };
        let mut rules = rules.flat_map(|one| one["rules"].as_array().into_iter().flatten());
        if record["rule"].is_string() && !rules.any(decides) {
            wrong.push(format!(
                "{file}: {name}: the rule that decides does not apply: {explained}"
            ));
        }
    }
    let _ = fs::remove_dir_all(&folder);
    wrong
}

/// What the command line says, as JSON.
fn toolgate(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(tools::toolgate().canonicalize().expect("the command line"));
    let output = command
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("run");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("toolgate {}: {error}: {said}", arguments.join(" "))
    })
}

fn expect(record: &Value) -> Value {
    let members = ["decision", "rule", "reason"];
    let known = members
        .into_iter()
        .filter(|member| record[member].is_string());
    known
        .map(|member| (member.to_owned(), recorded(record, member)))
        .collect()
}

/// What the filter recorded, as far as the policy decides it: the command line asks nobody.
fn recorded(record: &Value, member: &str) -> Value {
    match member {
        "reason" if !record["approval"].is_null() => json!("approval_required"),
        member => record[member].clone(),
    }
}

/// The case as the request that it is.
fn http(case: &Case) -> Map<String, Value> {
    let (method, path, headers, body) = case.request.wire();
    let mut written = Map::new();
    // What the command line would send by itself, and this case does not.
    for name in ["accept", "content-type", "mcp-protocol-version"] {
        written.insert(name.to_owned(), Value::Null);
    }
    for (name, value) in headers {
        let value: String = value.iter().map(|byte| char::from(*byte)).collect();
        match written.get_mut(&name) {
            Some(Value::Array(values)) => values.push(json!(value)),
            _ => {
                written.insert(name, json!([value]));
            }
        }
    }
    let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
    let http = json!({ "method": method, "path": path, "headers": written, "hex": hex });
    Map::from_iter([("http".to_owned(), http)])
}

/// The case as a person would write it, where it is a call and its headers only tell who calls.
fn call(case: &Case, policy: &Value) -> Option<Map<String, Value>> {
    let request = &case.request;
    let call = request.call.as_ref()?;
    let whole = request.method.is_none() && request.path.is_none() && request.era.is_none();
    if !whole || !call.params.is_empty() {
        return None;
    }
    let identity = policy["identity"].as_object();
    let mut caller = Map::new();
    for (name, value) in &request.headers {
        let text = value.as_str().filter(|text| text.is_ascii())?;
        let (fact, _) = identity?
            .iter()
            .find(|(_, source)| source["header"] == **name)?;
        let value = match fact.as_str() {
            "roles" => text.split(',').map(str::trim).collect(),
            "scopes" => text.split_ascii_whitespace().collect(),
            _ => json!(text),
        };
        caller.insert(fact.clone(), value);
    }
    let mut trial = Map::from_iter([("call".to_owned(), json!(call.tool))]);
    if !caller.is_empty() {
        trial.insert("caller".to_owned(), Value::Object(caller));
    }
    if let Some(arguments) = &call.arguments {
        arguments.as_object()?;
        trial.insert("arguments".to_owned(), arguments.clone());
    }
    if !call.meta.is_empty() {
        trial.insert("meta".to_owned(), json!(call.meta));
    }
    trial.insert("server".to_owned(), json!("s"));
    Some(trial)
}
