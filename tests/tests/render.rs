//! What `render` writes for Istio and Envoy Gateway: their schemas accept it, and what they make
//! of it is a configuration that the real Envoy accepts. Both hosts are played here, as far as
//! Toolgate asks them to do something.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value, json};
use tests::tools;

const REGISTRY: &str = "\
servers:
  notes:
    url: http://127.0.0.1:9/mcp
    failover: { url: 'http://notes.example.com/mcp' }
    health: { path: /healthz, interval: 5s }
    credential: { secret: notes-token }
  crm:
    url: https://crm.example.com/mcp
    failover: { url: 'https://spare.example.com/mcp' }
    credential:
      oauth2:
        tokenUrl: https://idp.example.com/token
        clientId: toolgate
        secret: crm-client
        scopes: [crm]
tools:
- { name: search, mcpServer: notes, idempotent: true, inputSchema: { type: object } }
";

const POLICY: &str = "\
approvals: { url: 'http://127.0.0.1:8181' }
rate_limit_service: { url: 'http://127.0.0.1:8081' }
identity:
  issuers:
  - { issuer: 'https://idp.example.com', audiences: [mcp], jwks: { url: 'https://idp.example.com/keys' } }
  user: { jwt: sub }
rules:
- { tool: search, require: { user: true }, decision: allow }
";

/// What `render` writes, document by document.
fn rendered(host: &str, more: &[&str]) -> Vec<Value> {
    let folder = folder(&format!("{host}{}", more.len()));
    fs::write(folder.join("registry.yaml"), REGISTRY).expect("written");
    fs::write(folder.join("policy.yaml"), POLICY).expect("written");
    let sample = tools::root().join("envoy/approvals-secret.yaml");
    let sample = sample.canonicalize().expect("the sample");
    let output = Command::new(tools::toolgate())
        .current_dir(&folder)
        .args([
            "render",
            "--for",
            host,
            "-r",
            "registry.yaml",
            "-p",
            "policy.yaml",
        ])
        .arg("--wasm")
        .arg(tools::filter().canonicalize().expect("the filter"))
        .arg("--approvals-secret")
        .arg(&sample)
        .arg("--secrets")
        .arg(
            tools::root()
                .join("tests/secrets")
                .canonicalize()
                .expect("the secrets"),
        )
        .args(["--namespace", "agents"])
        .args(more)
        .output()
        .expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("# Toolgate for "), "{text}");
    fs::remove_dir_all(folder).expect("removed");
    let mut documents = text.split("---\n");
    // The form that is told is the form that Envoy takes.
    let head = documents.next().expect("a comment").replace("# ", "");
    let (_, form) = head
        .split_once("There must be\nresources:")
        .expect("the secret's form");
    let (_, servers) = head
        .split_once("mounted there.\n")
        .expect("servers' secrets");
    let (servers, _) = servers
        .split_once("\nFor the approval")
        .expect("then the approver");
    let servers: Value = serde_saphyr::from_str(servers).expect("YAML");
    for (file, form) in servers.as_object().expect("files") {
        let file = tools::root().join("tests/secrets").join(file);
        let sample = fs::read_to_string(file).expect("a secret");
        assert_eq!(
            *form,
            serde_saphyr::from_str::<Value>(&sample).expect("YAML")
        );
    }
    let form: Value = serde_saphyr::from_str(&format!("resources:{form}")).expect("YAML");
    let sample = fs::read_to_string(sample).expect("the sample");
    assert_eq!(
        form,
        serde_saphyr::from_str::<Value>(&sample).expect("YAML")
    );
    documents
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect()
}

fn folder(name: &str) -> PathBuf {
    let name = format!("toolgate-render-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A host's own listener, before Toolgate is in it.
fn listener() -> Value {
    json!({
        "name": "agents/toolgate/http",
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "per_connection_buffer_limit_bytes": 32768,
        "default_filter_chain": { "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "host",
                "use_remote_address": true,
                "http2_protocol_options": { "max_concurrent_streams": 7 },
                "route_config": { "name": "agents/toolgate/http" },
                "http_filters": [
                    { "name": "envoy.filters.http.router", "typed_config":
                        { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
                ],
            },
        }] },
    })
}

const MANAGER: &str = "/default_filter_chain/filters/0/typed_config";

/// Envoy accepts it, and it holds what the filter needs.
#[track_caller]
fn check(host: &str, bootstrap: &Value) {
    let manager = format!("/static_resources/listeners/0{MANAGER}");
    let filters = bootstrap.pointer(&format!("{manager}/http_filters"));
    let names: Vec<_> = filters
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|filter| filter["name"].as_str().unwrap_or_default())
        .collect();
    let expected = [
        "envoy.filters.http.jwt_authn",
        "toolgate",
        "envoy.filters.http.ratelimit",
        "envoy.filters.http.router",
    ];
    assert_eq!(names, expected, "{host}");
    let routes = format!("{manager}/route_config/virtual_hosts/0/routes/0/route/cluster_header");
    assert_eq!(
        bootstrap.pointer(&routes),
        Some(&json!("x-toolgate-cluster")),
        "{host}"
    );
    let asked = "/typed_per_filter_config/envoy.filters.http.ratelimit/rate_limits/15";
    let route = format!("{manager}/route_config/virtual_hosts/0/routes/0{asked}");
    assert!(bootstrap.pointer(&route).is_some(), "{host}");
    let clusters = bootstrap["static_resources"]["clusters"].as_array();
    assert_eq!(clusters.map(Vec::len), Some(6), "{host}");

    let folder = folder(host);
    let path = folder.join("envoy.json");
    fs::write(&path, bootstrap.to_string()).expect("written");
    let validate = Command::new(tools::envoy())
        .args(["--mode", "validate", "-c"])
        .arg(&path)
        .output()
        .expect("Envoy");
    let said = String::from_utf8_lossy(&validate.stderr);
    assert!(validate.status.success(), "{host}: {said}");
    fs::remove_dir_all(folder).expect("removed");
}

fn whole(listener: Value, clusters: Vec<Value>, more: Value) -> Value {
    let mut bootstrap = json!({
        "node": { "id": "host", "cluster": "host" },
        "static_resources": { "listeners": [listener], "clusters": clusters },
    });
    merge(&mut bootstrap, more);
    bootstrap
}

/// As protocol buffers merge: lists grow, messages merge, the rest is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}

#[test]
fn istio_makes_of_it_what_envoy_accepts() {
    let [document] = rendered("istio", &["--selector", "app=gateway"])
        .try_into()
        .expect("one");
    assert_eq!(
        document["spec"]["workloadSelector"],
        json!({ "labels": { "app": "gateway" } })
    );
    let mut listener = listener();
    // As Istio does for a gateway that no virtual service names.
    let hosts = json!([{ "name": "blackhole:80", "domains": ["*"], "routes": [] }]);
    listener.pointer_mut(MANAGER).expect("there")["route_config"]["virtual_hosts"] = hosts;
    let (mut clusters, mut bootstrap) = (Vec::new(), json!({}));
    let mut extension = None;
    for one in document["spec"]["configPatches"]
        .as_array()
        .expect("a list")
    {
        let (to, operation) = (&one["applyTo"], &one["patch"]["operation"]);
        let value = one["patch"]["value"].clone();
        assert_eq!(one["match"]["context"], "GATEWAY");
        let manager = listener.pointer_mut(MANAGER).expect("there");
        match (
            to.as_str().expect("text"),
            operation.as_str().expect("text"),
        ) {
            ("EXTENSION_CONFIG", "ADD") => extension = Some(value),
            ("HTTP_FILTER", "INSERT_BEFORE") => {
                let filters = manager["http_filters"].as_array_mut().expect("a list");
                let discovered = value.get("config_discovery").is_some();
                let filter = if discovered {
                    extension.take().expect("added")
                } else {
                    value
                };
                filters.insert(filters.len() - 1, filter);
            }
            ("NETWORK_FILTER", "MERGE") => merge(manager, value["typed_config"].clone()),
            ("HTTP_ROUTE", "INSERT_FIRST") => {
                let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
                routes.as_array_mut().expect("a list").insert(0, value);
            }
            ("LISTENER", "MERGE") => merge(&mut listener, value),
            ("CLUSTER", "ADD") => clusters.push(value),
            ("BOOTSTRAP", "MERGE") => merge(&mut bootstrap, value),
            unknown => panic!("{unknown:?}"),
        }
    }
    check("istio", &whole(listener, clusters, bootstrap));
}

#[test]
fn envoy_gateway_makes_of_it_what_envoy_accepts() {
    let [patches, proxy] = rendered("envoy-gateway", &[]).try_into().expect("two");
    assert_eq!(patches["spec"]["targetRef"]["name"], "toolgate");
    let (mut listener, mut clusters) = (listener(), Vec::new());
    for patch in patches["spec"]["jsonPatches"].as_array().expect("a list") {
        let kind = patch["type"]
            .as_str()
            .and_then(|kind| kind.rsplit('.').next());
        let operation = &patch["operation"];
        assert_eq!(operation["op"], "add");
        let path = operation["path"].as_str().expect("text");
        let value = operation["value"].clone();
        match kind.expect("a type") {
            "Listener" => add(&mut listener, path, value),
            "RouteConfiguration" => {
                add(
                    &mut listener,
                    &format!("{MANAGER}/route_config{path}"),
                    value,
                );
            }
            "Cluster" => {
                assert_eq!((path, &patch["name"]), ("", &value["name"]));
                clusters.push(value);
                continue;
            }
            unknown => panic!("{unknown}"),
        }
        assert_eq!(patch["name"], "agents/toolgate/http");
    }
    let bootstrap = &proxy["spec"]["bootstrap"];
    assert_eq!(bootstrap["type"], "Merge");
    let more = serde_saphyr::from_str(bootstrap["value"].as_str().expect("text")).expect("YAML");
    check("envoy-gateway", &whole(listener, clusters, more));

    let [patches, _] = rendered("envoy-gateway", &["--tls"])
        .try_into()
        .expect("two");
    assert!(!patches.to_string().contains("default_filter_chain"));
}

/// RFC 6902, section 4.1.
fn add(document: &mut Value, path: &str, value: Value) {
    let (parent, last) = path.rsplit_once('/').expect("a pointer");
    match document.pointer_mut(parent).expect("the parent is there") {
        Value::Array(items) => items.insert(last.parse().expect("an index"), value),
        Value::Object(members) => drop(members.insert(last.to_owned(), value)),
        other => panic!("{path}: {other}"),
    }
}

#[test]
fn istio_fetches_the_filter() {
    let digest = "0".repeat(64);
    let from = [
        "--wasm-url",
        "oci://images.example.com/toolgate:1",
        "--wasm-sha256",
        &digest,
    ];
    let [document] = rendered("istio", &from).try_into().expect("one");
    let code = "/spec/configPatches/0/patch/value/typed_config/config/vm_config/code/remote";
    let code = document.pointer(code).expect("fetched");
    assert_eq!(
        code["http_uri"]["uri"],
        "oci://images.example.com/toolgate:1"
    );
    assert_eq!(code["sha256"], digest);
}

/// The Kubernetes API server accepts it. A member that it does not know it would drop without a
/// word, so none may be there.
#[test]
fn the_schema_of_istio_accepts_it() {
    let path = "../shared/k8s-crds/envoyfilters.networking.istio.io.yaml";
    let Ok(text) = fs::read_to_string(tools::root().join(path)) else {
        println!("no {path} beside the project: not checked");
        return;
    };
    let definition: Value = serde_saphyr::from_str(&text).expect("YAML");
    let version = &definition["spec"]["versions"][0];
    let mut schema = version["schema"]["openAPIV3Schema"].clone();
    for known in ["apiVersion", "kind", "metadata"] {
        schema["properties"][known] = json!({});
    }
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for document in rendered("istio", &[]) {
        assert_eq!(document["kind"], definition["spec"]["names"]["kind"]);
        let group = definition["spec"]["group"].as_str().expect("text");
        let named = format!("{group}/{}", version["name"].as_str().expect("text"));
        assert_eq!(document["apiVersion"], named.as_str());
        let wrong: Vec<_> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(wrong, Vec::<String>::new());
    }
}

/// Lets objects have no members but those named.
fn close(schema: &mut Value) {
    if let Value::Object(members) = schema {
        let open = Value::Bool(true);
        let keeps = members.get("x-kubernetes-preserve-unknown-fields") == Some(&open);
        let named = members.get("properties").is_some_and(Value::is_object);
        if named && !keeps {
            members.insert("additionalProperties".into(), false.into());
        }
        let properties = members.get_mut("properties").and_then(Value::as_object_mut);
        properties
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(close);
        members.get_mut("items").into_iter().for_each(close);
    }
}
