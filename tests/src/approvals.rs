//! The real approval service on loopback, the filter's way to it, and the people who decide.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::authority::Authority;
use crate::client::{self, Request, Response};
use crate::envoy::{Cluster, eventually, fresh_dir};
use crate::tools;

/// A running service; it is killed when this is dropped.
pub struct Approvals {
    child: Child,
    dir: PathBuf,
    addr: SocketAddr,
}

impl Approvals {
    /// Starts it on a database of its own, trusting the authority's tokens for `toolgate-approvals`;
    /// the members of `extra` go before those of its configuration.
    ///
    /// # Panics
    /// Where it does not start; with its log.
    pub async fn start(authority: &Authority, extra: &Value) -> Self {
        let dir = fresh_dir();
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).expect("the directory is writable");
            path
        };
        let mut config = json!({
            "listen": "127.0.0.1:0",
            "database": format!("sqlite:{}", dir.join("approvals.db").display()),
            "filter": { "secret": { "file": write("secret", SECRET) } },
            "approvers": {
                "issuer": authority.issuer(),
                "audience": AUDIENCE,
                "jwks": { "file": write("jwks.json", &authority.keys().to_string()) },
            },
        });
        for (key, value) in extra.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        // JSON is YAML.
        write("approvals.yaml", &config.to_string());
        let (child, addr) = serve(&dir, &[]).await;
        Self { child, dir, addr }
    }

    /// Ends it as `kill -9` does, and starts it again at the same place.
    ///
    /// # Panics
    /// Where it does not start; with its log.
    pub async fn restart(&mut self) {
        self.kill();
        let listen = ["--listen", &self.addr.to_string()];
        (self.child, self.addr) = serve(&self.dir, &listen).await;
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as people and configurations write it.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What the filter proves itself with.
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// The cluster by which a gateway's filter asks.
    pub fn cluster(&self) -> Cluster {
        cluster(self.addr)
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        log_of(&self.dir)
    }

    /// The operating system's id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks as the filter does; `wait` as in `20s`.
    pub async fn ask(&self, ask: &Value, wait: &str) -> Value {
        let path = format!("/v1/asks?wait={wait}");
        done(&self.post(&path, SECRET, ask).await)
    }

    /// Approves, as the person whose token it is.
    pub async fn approve(&self, id: &str, token: &str, reason: &str) -> Value {
        self.decide("approve", id, token, reason).await
    }

    /// Refuses.
    pub async fn deny(&self, id: &str, token: &str, reason: &str) -> Value {
        self.decide("deny", id, token, reason).await
    }

    /// Takes an approval back.
    pub async fn revoke(&self, id: &str, token: &str, reason: &str) -> Value {
        self.decide("revoke", id, token, reason).await
    }

    /// One approval, as that person may see it.
    pub async fn find(&self, id: &str, token: &str) -> Value {
        done(&self.get(&format!("/v1/asks/{id}"), token).await)
    }

    /// What a query (`state=pending`) finds, as that person may see it: newest first.
    pub async fn list(&self, query: &str, token: &str) -> Vec<Value> {
        let page = done(&self.get(&format!("/v1/asks?{query}"), token).await);
        page["items"].as_array().expect("items").clone()
    }

    /// Any GET with a bearer token.
    pub async fn get(&self, path: &str, token: &str) -> Response {
        self.send(&Request::new("GET", path).bearer(token)).await
    }

    /// Any POST of JSON with a bearer token.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Response {
        let request = Request::post(path, body.to_string()).bearer(token);
        self.send(&request).await
    }

    /// Any request.
    pub async fn send(&self, request: &Request) -> Response {
        let answer = client::send(self.addr, request).await;
        answer.unwrap_or_else(|fault| panic!("{fault}:\n{}", self.log()))
    }

    async fn decide(&self, verdict: &str, id: &str, token: &str, reason: &str) -> Value {
        let words = json!({ "reason": reason });
        let path = format!("/v1/asks/{id}/{verdict}");
        done(&self.post(&path, token, &words).await)
    }
}

impl Drop for Approvals {
    fn drop(&mut self) {
        self.kill();
        // A failed test's log is worth keeping.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The cluster by which a filter asks whoever listens at `addr`: Envoy adds the secret.
pub fn cluster(addr: SocketAddr) -> Cluster {
    Cluster {
        name: "toolgate-approvals".into(),
        addr,
        h2: false,
        bearer: Some(SECRET.into()),
    }
}

/// The token of somebody who holds these roles.
pub fn person(authority: &Authority, name: &str, roles: &[&str]) -> String {
    authority.token(&json!({ "sub": name, "groups": roles, "aud": AUDIENCE }))
}

fn done(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn serve(dir: &Path, options: &[&str]) -> (Child, SocketAddr) {
    let log = fs::File::create(dir.join("log")).expect("the directory is writable");
    let mut child = Command::new(tools::approvals())
        .args(["serve", "--config", "approvals.yaml"])
        .args(options)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the service is executable");
    let addr = eventually("the approval service listens", async || {
        let ended = child.try_wait().expect("own child");
        assert!(ended.is_none(), "it ended:\n{}", log_of(dir));
        let log = log_of(dir);
        let (_, rest) = log.split_once("listening on http://")?;
        rest.split_once('\n')?.0.trim().parse().ok()
    })
    .await;
    (child, addr)
}

fn log_of(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

const SECRET: &str = "a-secret-of-the-rig-that-nobody-guesses";
const AUDIENCE: &str = "toolgate-approvals";
