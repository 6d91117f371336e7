//! The conformance fixtures as a server, or a part of them: `conformance-server [PORT] [PART]`.

use tests::conformance::{Fixtures, Part};
use tests::serve::{self, Served};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok());
    let part = arguments.next().unwrap_or_default();
    let part = Part::SPREAD.into_iter().find(|known| known.name() == part);
    let fixtures = Fixtures::new(part.unwrap_or(Part::Whole));
    let server = Served::start(serve::mcp(fixtures), port.unwrap_or(0))?;
    println!("ready http://{}/mcp", server.addr());
    server.join().await;
    Ok(())
}
