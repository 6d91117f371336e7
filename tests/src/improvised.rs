//! The approval service that `toolgate run --approvals` improvises, and somebody who decides there.

use std::net::{SocketAddr, TcpListener};

use crate::client::{Request, send};

/// Where it is.
pub struct Improvised {
    /// The service.
    pub service: SocketAddr,
    /// The sign-in, beside it.
    pub issuer: SocketAddr,
}

impl Improvised {
    /// Two free ports, one beside the other.
    pub fn place() -> Self {
        let mut places = std::iter::repeat_with(|| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let service = listener.local_addr().expect("an address");
            let issuer = SocketAddr::new(service.ip(), service.port().saturating_add(1));
            Self { service, issuer }
        });
        places
            .find(|place| TcpListener::bind(place.issuer).is_ok())
            .expect("there are ports")
    }

    /// Signs in with a role, and approves.
    pub async fn approve(&self, role: &str, id: &str) {
        let sign_in = Request::new("GET", &format!("/token?user=olga&roles={role}"));
        let token = send(self.issuer, &sign_in).await.expect("a token").text();
        let decide = Request::post(&format!("/v1/asks/{id}/approve"), "{}").bearer(&token);
        let answer = send(self.service, &decide).await.expect("an answer");
        assert_eq!(answer.json()["state"], "approved", "{answer:?}");
    }
}
