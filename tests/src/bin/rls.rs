//! A rate-limit service to try limits with: `rls LIMITS [PORT]`, where LIMITS is a limits file of the
//! Limitador server, as `toolgate render --for limitador` writes it.

use std::error::Error;

use tests::ratelimit::Limiter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let limits = arguments.next().ok_or("which limits file?")?;
    let port = arguments.next().map_or(Ok(8081), |port| port.parse())?;
    let limiter = Limiter::start(&std::fs::read_to_string(limits)?, port, None).await?;
    println!("rate limits: {}", limiter.addr());
    std::future::pending().await
}
