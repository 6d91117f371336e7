//! The filter proves itself by a certificate: a real Envoy in front of the approval service verifies
//! it, and what clients write themselves counts for nothing.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use serde_json::{Value, json};
use tests::approvals::{Approvals, person};
use tests::authority::Authority;
use tests::client::{self, Request};
use tests::envoy::{eventually, free_port, fresh_dir};
use tests::tools;

#[tokio::test]
async fn the_filter_is_who_its_certificate_says() {
    let authority = Authority::start().await;
    let filter = json!({ "filter": { "certificate": { "uri": FILTER } } });
    let approvals = Approvals::start(&authority, &filter).await;
    let dir = fresh_dir();
    let ca = Ca::new(&dir);
    ca.issue("server", &[]);
    let front = free_port();
    let mut listeners = vec![front_listener(front, &dir)];
    let mut clusters = vec![cluster("approvals", approvals.addr(), &Value::Null)];
    let mut ports = Vec::new();
    for (name, uris) in [
        ("filter", &[FILTER][..]),
        ("other", &["spiffe://test/other"]),
        ("both", &["spiffe://test/other", FILTER]),
        ("nobody", &[]),
    ] {
        let port = free_port();
        ports.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        ca.issue(name, uris);
        listeners.push(tunnel(port, name));
        let front = SocketAddr::from((Ipv4Addr::LOCALHOST, front));
        clusters.push(cluster(name, front, &tls(&dir, Some(name))));
    }
    let anonymous = free_port();
    listeners.push(tunnel(anonymous, "anonymous"));
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, front));
    clusters.push(cluster("anonymous", at, &tls(&dir, None)));
    let config = json!({ "static_resources": { "listeners": listeners, "clusters": clusters } });
    let _envoy = Envoy::start(&dir, &config);

    let ask = json!({
        "tool": "refund",
        "arguments": "{}",
        "needs": [{ "approver": { "role": "finance" } }],
        "policyVersion": "p",
    });
    let forged = format!("URI={FILTER}");
    let [filter, other, both, nobody] = ports[..] else {
        panic!("{ports:?}")
    };
    for (what, port, header, status) in [
        ("the filter", filter, None, 200),
        (
            "the filter, whatever it adds",
            filter,
            Some("URI=x,URI=y"),
            200,
        ),
        ("another", other, None, 401),
        ("another that claims it", other, Some(&*forged), 401),
        ("one of two names", both, None, 401),
        ("one without a name", nobody, Some(&*forged), 401),
    ] {
        let mut request = Request::post("/v1/asks", ask.to_string());
        if let Some(header) = header {
            request = request.header("x-forwarded-client-cert", header);
        }
        let answer = eventually("Envoy listens", async || {
            client::send(port, &request).await.ok()
        });
        assert_eq!(answer.await.status, status, "{what}");
    }
    let request = Request::post("/v1/asks", ask.to_string());
    let request = request.header("x-forwarded-client-cert", &forged);
    let port = SocketAddr::from((Ipv4Addr::LOCALHOST, anonymous));
    let answer = client::send(port, &request).await;
    assert!(answer.is_err(), "no certificate at all: {answer:?}");

    // The service's people come the same way, with their tokens.
    let fiona = person(&authority, "fiona", &["finance"]);
    for (port, status) in [(filter, 200), (other, 200)] {
        let request = Request::new("GET", "/v1/asks").bearer(&fiona);
        let answer = client::send(port, &request).await.unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
    }
    fs::remove_dir_all(dir).unwrap();
}

/// Issues certificates into a directory.
struct Ca<'a> {
    dir: &'a Path,
    issuer: Issuer<'static, KeyPair>,
}

impl<'a> Ca<'a> {
    fn new(dir: &'a Path) -> Self {
        let mut params = named("ca", Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(dir.join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { dir, issuer }
    }

    fn issue(&self, name: &str, uris: &[&str]) {
        let mut params = named(name, vec![format!("{name}.test")]);
        let uris = uris.iter().map(|&uri| uri.try_into().unwrap());
        params.subject_alt_names.extend(uris.map(SanType::URI));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn named(name: &str, domains: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(domains).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// What an operator puts in front of the service, as its configuration asks for it.
fn front_listener(port: u16, dir: &Path) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": { "uri": true },
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "approvals" } }],
        }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    });
    let transport = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": true,
            "common_tls_context": context(dir, Some("server")),
        },
    });
    let filter = json!({ "name": "manager", "typed_config": manager });
    json!({
        "name": "front",
        "address": address(port),
        "filter_chains": [{ "filters": [filter], "transport_socket": transport }],
    })
}

/// Bytes as they come, by a cluster that adds TLS.
fn tunnel(port: u16, cluster: &str) -> Value {
    let proxy = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": cluster,
        "cluster": cluster,
    });
    let filter = json!({ "name": "proxy", "typed_config": proxy });
    json!({ "name": cluster, "address": address(port), "filter_chains": [{ "filters": [filter] }] })
}

fn cluster(name: &str, to: SocketAddr, transport: &Value) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(to.port()) } });
    let mut cluster = json!({
        "name": name,
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    if !transport.is_null() {
        cluster["transport_socket"] = transport.clone();
    }
    cluster
}

fn tls(dir: &Path, certificate: Option<&str>) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": context(dir, certificate),
        },
    })
}

fn context(dir: &Path, certificate: Option<&str>) -> Value {
    let file = |name: &str| json!({ "filename": dir.join(name) });
    let mut context = json!({ "validation_context": { "trusted_ca": file("ca.pem") } });
    if let Some(name) = certificate {
        context["tls_certificates"] = json!([{
            "certificate_chain": file(&format!("{name}.pem")),
            "private_key": file(&format!("{name}.key")),
        }]);
    }
    context
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

/// An Envoy with a configuration of our own; it is killed when this is dropped.
struct Envoy(Child);

impl Envoy {
    fn start(dir: &Path, config: &Value) -> Self {
        let path = dir.join("envoy.json");
        fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new(tools::envoy());
        command
            .args([
                "--use-dynamic-base-id",
                "--concurrency",
                "1",
                "-l",
                "error",
                "-c",
            ])
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const FILTER: &str = "spiffe://test/envoy";
