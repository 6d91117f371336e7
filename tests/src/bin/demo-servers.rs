//! The demo's servers in Rust: `demo-servers [CRM-PORT [SHIPPING-PORT]]`, 0 for any port.
//!
//! Prints one line for each when both are ready, and nothing else. `GET /calls` on the first gives
//! what it has executed.

use tests::demo::{Demo, shipping};
use tests::serve::Served;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut ports = std::env::args()
        .skip(1)
        .map(|port| port.parse().unwrap_or(0));
    let crm = Served::start(Demo::crm().router(), ports.next().unwrap_or(0))?;
    let shipping = Served::start(shipping::router(), ports.next().unwrap_or(0))?;
    println!("crm ready http://{}/mcp", crm.addr());
    println!("shipping ready http://{}", shipping.addr());
    crm.join().await;
    shipping.join().await;
    Ok(())
}
