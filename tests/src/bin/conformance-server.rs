//! The conformance fixtures as a server: `conformance-server [PORT]`.

use tests::conformance::Fixtures;
use tests::serve::{self, Served};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(0);
    let server = Served::start(serve::mcp(Fixtures::default()), port)?;
    println!("ready http://{}/mcp", server.addr());
    server.join().await;
    Ok(())
}
