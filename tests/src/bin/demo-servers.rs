//! The demo's MCP servers: `demo-servers [CRM-PORT [PAYMENTS-PORT]]`, 0 for any port.
//!
//! Prints one line for each when both are ready, and nothing else. `GET /calls` on either port
//! gives what it has executed.

use tests::demo::Demo;
use tests::serve::Served;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut ports = std::env::args()
        .skip(1)
        .map(|port| port.parse().unwrap_or(0));
    let crm = Served::start(Demo::crm().router(), ports.next().unwrap_or(0))?;
    let payments = Served::start(Demo::payments().router(), ports.next().unwrap_or(0))?;
    println!("crm ready http://{}/mcp", crm.addr());
    println!("payments ready http://{}/mcp", payments.addr());
    crm.join().await;
    payments.join().await;
    Ok(())
}
