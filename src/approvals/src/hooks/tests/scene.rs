//! A service that tells, and a server that hears.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State as Extract,
    http::{HeaderMap, Response, StatusCode, Uri},
};
use engine::{approval::Ask, cx::Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    Service,
    config::Config,
    service::now,
    store::{Delivery, Search, Store},
};

pub(super) struct Scene {
    pub(super) service: Arc<Service>,
    ears: Arc<Ears>,
    _folder: TempDir,
}

#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<(String, Heard)>>,
    news: Notify,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn kind(&self) -> &str {
        self.headers["content-type"].to_str().unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(super) fn hook(id: &str, format: &str, path: &str) -> Value {
    json!({ "id": id, "url": format!("{{receiver}}{path}"), "format": format, "secret": { "file": "secret" } })
}

impl Scene {
    /// `{receiver}` stands for where the server listens, a file's name for its path.
    pub(super) async fn new(hooks: &[Value], files: &[(&str, &str)]) -> Self {
        let ears = Arc::new(Ears::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&ears));
        tokio::spawn(async move { axum::serve(listener, app).await });

        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut config = json!({
            "filter": { "secret": { "file": "secret" } },
            "approvers": { "issuer": "i", "audience": "a", "jwks": { "url": "http://127.0.0.1:1" } },
            "webhooks": hooks,
        })
        .to_string()
        .replace("{receiver}", &receiver);
        for (name, text) in [&[("secret", SECRET)], files].concat() {
            fs::write(at(name), text.replace("{receiver}", &receiver)).unwrap();
            let path = json!({ "file": at(name) }).to_string();
            config = config.replace(&json!({ "file": name }).to_string(), &path);
        }
        fs::write(at("config"), config).unwrap();
        let config = Config::read(&at("config")).unwrap();
        let store = Store::open(&format!("sqlite:{}", at("db").display()))
            .await
            .unwrap();
        let service = Arc::new(Service::new(&config, store).unwrap());
        service.hooks.subscribe(&service).await.unwrap();
        Self {
            service,
            ears,
            _folder: folder,
        }
    }

    pub(super) async fn open(&self, amount: u32) -> String {
        let ask: Ask = serde_json::from_value(json!({
            "tool": "refund",
            "arguments": format!("{{\"amount\":{amount}}}"),
            "needs": [{ "approver": { "role": "finance" } }],
            "policyVersion": "p",
        }))
        .unwrap();
        let store = &self.service.store;
        let terms = self.service.terms;
        let opened = store.ask(&ask, terms, Vec::new, now()).await;
        opened.unwrap().id
    }

    /// One round of each hook.
    pub(super) async fn round(&self, now: Timestamp) -> usize {
        let mut count = 0;
        for hook in &self.service.hooks.hooks {
            count += hook.round(&self.service, now).await.unwrap();
        }
        count
    }

    pub(super) async fn left(&self) -> Vec<Delivery> {
        let search = Search {
            limit: 99,
            ..Search::default()
        };
        self.service.store.deliveries(&search).await.unwrap()
    }

    pub(super) async fn metrics(&self) -> String {
        let backlog = self.service.store.backlog().await.unwrap();
        self.service.metrics.left(&backlog, now());
        self.service.metrics.write(0, 0)
    }

    pub(super) fn heard(&self, path: &str) -> Vec<Heard> {
        let heard = self.ears.heard.lock().unwrap();
        let here = heard.iter().filter(|(at, _)| at == path);
        here.map(|(_, heard)| heard.clone()).collect()
    }

    pub(super) async fn until(&self, path: &str, count: usize) {
        loop {
            let news = self.ears.news.notified();
            if self.heard(path).len() >= count {
                return;
            }
            news.await;
        }
    }
}

async fn answer(
    Extract(ears): Extract<Arc<Ears>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path().to_owned();
    let count = {
        let mut heard = ears.heard.lock().unwrap();
        heard.push((
            path.clone(),
            Heard {
                headers,
                body: body.to_vec(),
            },
        ));
        heard.iter().filter(|(at, _)| *at == path).count()
    };
    ears.news.notify_waiters();
    let (status, name, value, body) = match path.as_str() {
        "/third" if count < 3 => (
            StatusCode::SERVICE_UNAVAILABLE,
            "x-y",
            "",
            "overloaded\n\u{1b}[2J".into(),
        ),
        "/gone" => (StatusCode::GONE, "x-y", "", Body::empty()),
        "/redirect" => (StatusCode::FOUND, "location", "/trap", Body::empty()),
        "/garbage" => (
            StatusCode::BAD_REQUEST,
            "x-y",
            "",
            vec![0xff, 0, 0xfe].into(),
        ),
        "/long" => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "x-y",
            "",
            vec![b'x'; 64 << 20].into(),
        ),
        "/busy" => (
            StatusCode::TOO_MANY_REQUESTS,
            "retry-after",
            "7200",
            Body::empty(),
        ),
        "/slow" => std::future::pending().await,
        _ => (StatusCode::NO_CONTENT, "x-y", "", Body::empty()),
    };
    let response = Response::builder().status(status).header(name, value);
    response.body(body).unwrap()
}

pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
