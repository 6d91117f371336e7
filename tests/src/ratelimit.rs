//! A rate-limit service: the Limitador library behind the protocol of Envoy's `ratelimit` filter.
//!
//! It reads the limits file of the Limitador server, and answers as that server does, with the
//! status of every counter besides. Descriptors that bring a number of hits other than 1, which that
//! server does not read, are counted one by one, as `envoyproxy/ratelimit` does: 0 hits only look,
//! and what is too much is counted too.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit, rate_limit::Unit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::{
    RateLimitService, RateLimitServiceServer,
};
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::google::protobuf::Duration as Wait;
use limitador::counter::Counter;
use limitador::errors::LimitadorError;
use limitador::limit::{Context, Limit};
use limitador::storage::AsyncStorage;
use limitador::{AsyncRateLimiter, AsyncRateLimiterBuilder, CheckResult, RateLimiter};
use tokio::net::TcpListener as Listener;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

mod file;
mod redis;

pub use self::redis::Redis;

/// A running service; it ends when this is dropped.
pub struct Limiter {
    addr: SocketAddr,
    runtime: Option<Runtime>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A descriptor that the service was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its entries, as `key=value`, joined by `,`.
    pub entries: String,
    /// How much it counts for.
    pub hits: u64,
}

/// Where counters are kept.
enum Counters {
    /// In this process, one request after the other: the library looks first and counts then.
    Memory(Mutex<RateLimiter>),
    /// In Redis.
    Redis(AsyncRateLimiter),
}

struct Service {
    counters: Counters,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Limiter {
    /// Starts one on a port of loopback, 0 for any. `limits` is a limits file of the Limitador server,
    /// or a configuration of `envoyproxy/ratelimit`; without `redis` the counters are gone with the
    /// service.
    pub async fn start(limits: &str, port: u16, redis: Option<&Redis>) -> io::Result<Self> {
        let limits = file::read(limits)?;
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        // Of its own: what serves a connection is to end with the rest.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let counters = match redis {
            None => Counters::memory(limits)?,
            Some(redis) => {
                let counters = Counters::redis(limits, redis.client());
                runtime.spawn(counters).await??
            }
        };
        let seen = Arc::default();
        let service = Service {
            counters,
            seen: Arc::clone(&seen),
        };
        let server = Server::builder().add_service(RateLimitServiceServer::new(service));
        let incoming = {
            let _entered = runtime.enter();
            TcpListenerStream::new(Listener::from_std(listener)?)
        };
        runtime.spawn(server.serve_with_incoming(incoming));
        let runtime = Some(runtime);
        Ok(Self {
            addr,
            runtime,
            seen,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it was asked about since the last look.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[tonic::async_trait]
impl RateLimitService for Service {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let request = request.into_inner();
        let descriptors = &request.descriptors;
        let seen = descriptors.iter().map(Seen::of);
        self.seen.lock().unwrap().extend(seen);
        let mut results = Vec::new();
        let domain = &request.domain;
        if descriptors.iter().all(|one| hits(one) == 1) {
            results.push(self.count(domain, descriptors, 1).await);
        } else {
            for descriptor in descriptors {
                let one = std::slice::from_ref(descriptor);
                results.push(self.count(domain, one, hits(descriptor)).await);
            }
        }
        let results: Result<Vec<_>, _> = results.into_iter().collect();
        let results = results.map_err(Status::unavailable)?;
        let code = |limited| match limited {
            true => Code::OverLimit,
            false => Code::Ok,
        };
        let limited = results.iter().any(|result| result.limited);
        let statuses = results.iter().flat_map(|result| {
            let code = code(result.limited);
            result.counters.iter().map(move |one| status(one, code))
        });
        Ok(Response::new(RateLimitResponse {
            overall_code: code(limited).into(),
            statuses: statuses.collect(),
            ..RateLimitResponse::default()
        }))
    }
}

impl Counters {
    fn memory(limits: Vec<Limit>) -> io::Result<Self> {
        let limiter = RateLimiter::new(100_000);
        limiter.configure_with(limits).map_err(failed)?;
        Ok(Self::Memory(Mutex::new(limiter)))
    }

    async fn redis(limits: Vec<Limit>, client: ::redis::Client) -> io::Result<Self> {
        let storage = redis::Storage::open(client).await?;
        let storage = AsyncStorage::with_counter_storage(Box::new(storage));
        let limiter = AsyncRateLimiterBuilder::new(storage).build();
        limiter.configure_with(limits).await.map_err(failed)?;
        Ok(Self::Redis(limiter))
    }
}

impl Service {
    async fn count(
        &self,
        domain: &str,
        descriptors: &[RateLimitDescriptor],
        hits: u64,
    ) -> Result<CheckResult, String> {
        let count = self.count_as(domain, descriptors, hits).await;
        count.map_err(|error| error.to_string())
    }

    async fn count_as(
        &self,
        domain: &str,
        descriptors: &[RateLimitDescriptor],
        hits: u64,
    ) -> Result<CheckResult, LimitadorError> {
        let entries = |descriptor: &RateLimitDescriptor| -> HashMap<String, String> {
            let entries = descriptor.entries.iter();
            entries
                .map(|entry| (entry.key.clone(), entry.value.clone()))
                .collect()
        };
        let mut context = Context::default();
        let values = descriptors.iter().map(entries).collect();
        context.list_binding("descriptors".to_owned(), values);
        let domain = domain.into();
        match (&self.counters, hits) {
            (Counters::Memory(limiter), 0) => {
                let limiter = limiter.lock().unwrap();
                limiter.is_rate_limited(&domain, &context, 1)
            }
            (Counters::Memory(limiter), _) => {
                let limiter = limiter.lock().unwrap();
                let result = limiter.check_rate_limited_and_update(&domain, &context, hits)?;
                if result.limited && hits > 1 {
                    limiter.update_counters(&domain, &context, hits)?;
                }
                Ok(result)
            }
            (Counters::Redis(limiter), 0) => limiter.is_rate_limited(&domain, &context, 1).await,
            (Counters::Redis(limiter), _) => {
                let count = limiter.check_rate_limited_and_update(&domain, &context, hits);
                let result = count.await?;
                if result.limited && hits > 1 {
                    limiter.update_counters(&domain, &context, hits).await?;
                }
                Ok(result)
            }
        }
    }
}

impl Seen {
    fn of(descriptor: &RateLimitDescriptor) -> Self {
        let entries = descriptor.entries.iter();
        let entries: Vec<_> = entries
            .map(|entry| format!("{}={}", entry.key, entry.value))
            .collect();
        Self {
            entries: entries.join(","),
            hits: hits(descriptor),
        }
    }
}

/// How much a descriptor counts for.
fn hits(descriptor: &RateLimitDescriptor) -> u64 {
    descriptor.hits_addend.map_or(1, |hits| hits.value)
}

/// How a counter stands, in the protocol's words.
fn status(counter: &Counter, code: Code) -> DescriptorStatus {
    let unit = match counter.window().as_secs() {
        1 => Unit::Second,
        60 => Unit::Minute,
        3_600 => Unit::Hour,
        86_400 => Unit::Day,
        31_536_000 => Unit::Year,
        _ => Unit::Month,
    };
    let bounded = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    DescriptorStatus {
        code: code.into(),
        current_limit: Some(RateLimit {
            name: counter.limit().name().unwrap_or_default().to_owned(),
            requests_per_unit: bounded(counter.max_value()),
            unit: unit.into(),
        }),
        limit_remaining: counter.remaining().map_or(0, bounded),
        duration_until_reset: counter.expires_in().map(|wait| Wait {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(wait.subsec_nanos()).unwrap_or_default(),
        }),
        ..DescriptorStatus::default()
    }
}

fn failed(error: LimitadorError) -> io::Error {
    io::Error::other(error.to_string())
}
