//! A Redis server, and counters in it.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use limitador::counter::Counter;
use limitador::limit::Limit;
use limitador::reservation::ReservationId;
use limitador::storage::{AsyncCounterStorage, Authorization, StorageErr};
use redis::aio::ConnectionManager;
use redis::{RedisError, Script};
use tempfile::TempDir;

/// A Redis server that keeps what it is told in a folder; it ends when this is dropped.
pub struct Redis {
    child: Child,
    addr: SocketAddr,
    _folder: TempDir,
}

impl Redis {
    /// Starts one. `None` where Redis is not installed; in CI it has to be.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--port", &addr.port().to_string()])
            .current_dir(folder.path())
            .stdout(Stdio::null());
        let Ok(child) = command.spawn() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "Redis is missing: apt-get install redis-server"
            );
            eprintln!("skipped: Redis is missing (apt-get install redis-server)");
            return None;
        };
        let redis = Self {
            child,
            addr,
            _folder: folder,
        };
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(addr).is_err() {
            assert!(Instant::now() < until, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(redis)
    }

    /// The way to it.
    pub(super) fn client(&self) -> redis::Client {
        redis::Client::open(format!("redis://{}", self.addr)).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counters in Redis, all of a request in one script. The library has storages of its own for
/// Redis, which look first and count then: under load they admit more than the limit.
pub(super) struct Storage(ConnectionManager);

impl Storage {
    pub(super) async fn open(client: redis::Client) -> io::Result<Self> {
        let connection = ConnectionManager::new(client).await;
        connection.map(Self).map_err(io::Error::other)
    }

    /// Adds `hits` to all counters, or to none where one of them has no room for so many.
    async fn count(
        &self,
        counters: &mut [Counter],
        hits: u64,
        force: bool,
    ) -> Result<Authorization, RedisError> {
        let script = Script::new(COUNT);
        let mut call = script.prepare_invoke();
        call.arg(hits).arg(u8::from(force));
        for counter in counters.iter() {
            call.key(key(counter))
                .arg(counter.max_value())
                .arg(counter.window().as_millis());
        }
        let stands: Vec<(u64, u64)> = call.invoke_async(&mut self.0.clone()).await?;
        let mut limited = None;
        for (counter, (used, left_ms)) in counters.iter_mut().zip(stands) {
            if used + hits > counter.max_value() && limited.is_none() {
                let name = counter.limit().name().map(str::to_owned);
                limited = Some(Authorization::Limited(name));
            }
            counter.set_remaining(counter.max_value().saturating_sub(used));
            counter.set_expires_in(Duration::from_millis(left_ms));
        }
        Ok(limited.unwrap_or(Authorization::Ok))
    }

    /// The library's own error, which nothing else makes.
    async fn failed(&self, error: &RedisError) -> StorageErr {
        eprintln!("redis: {error}");
        let (mut none, id) = (Vec::new(), ReservationId::new());
        let reserve = self.reserve(&mut none, &id, 0, 0, Duration::ZERO).await;
        reserve.err().expect("no reservations here")
    }
}

#[tonic::async_trait]
impl AsyncCounterStorage for Storage {
    async fn is_within_limits(&self, counter: &Counter, hits: u64) -> Result<bool, StorageErr> {
        let mut counters = vec![counter.clone()];
        let checked = self.check(&mut counters, hits).await?;
        Ok(matches!(checked, Authorization::Ok))
    }

    async fn update_counter(&self, counter: &Counter, hits: u64) -> Result<(), StorageErr> {
        match self.count(&mut [counter.clone()], hits, true).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(&error).await),
        }
    }

    async fn check<'a>(
        &self,
        counters: &mut Vec<Counter>,
        hits: u64,
    ) -> Result<Authorization, StorageErr> {
        match self.count(counters, 0, false).await {
            Ok(_) => Ok(counters
                .iter()
                .find(|counter| counter.remaining().is_some_and(|left| left < hits))
                .map_or(Authorization::Ok, |counter| {
                    Authorization::Limited(counter.limit().name().map(str::to_owned))
                })),
            Err(error) => Err(self.failed(&error).await),
        }
    }

    async fn check_and_update<'a>(
        &self,
        counters: &mut Vec<Counter>,
        hits: u64,
    ) -> Result<Authorization, StorageErr> {
        match self.count(counters, hits, false).await {
            Ok(authorization) => Ok(authorization),
            Err(error) => Err(self.failed(&error).await),
        }
    }

    async fn get_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<HashSet<Counter>, StorageErr> {
        Ok(HashSet::new())
    }

    async fn delete_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<(), StorageErr> {
        Ok(())
    }

    async fn clear(&self) -> Result<(), StorageErr> {
        Ok(())
    }
}

fn key(counter: &Counter) -> String {
    let name = counter.limit().name().unwrap_or_default();
    format!(
        "{}:{name}:{:?}",
        counter.namespace().as_ref(),
        counter.set_variables()
    )
}

/// `KEYS` are counters; `ARGV` are the hits, whether to count what is too much, and of each counter
/// its bound and its window. Tells of each counter what was used before, and how long it lives.
const COUNT: &str = "
    local hits, force = tonumber(ARGV[1]), ARGV[2] == '1'
    local stands, room = {}, true
    for i, key in ipairs(KEYS) do
        local used = tonumber(redis.call('GET', key) or '0')
        local left = redis.call('PTTL', key)
        if left < 0 then left = tonumber(ARGV[2 * i + 2]) end
        stands[i] = { used, left }
        room = room and used + hits <= tonumber(ARGV[2 * i + 1])
    end
    if hits > 0 and (room or force) then
        for i, key in ipairs(KEYS) do
            redis.call('SET', key, stands[i][1] + hits, 'PX', stands[i][2])
        end
    end
    return stands";
