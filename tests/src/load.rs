//! Loads on connections that stay open: one request as fast as answers come, or many requests at
//! their times.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::client::{Connection, Request, Response};

/// What came of a load.
pub struct Measured {
    /// When each answer was there, since the load began, and how long it took; by time.
    pub answers: Vec<(Duration, Duration)>,
    /// Answers that were not as expected, and connections that broke.
    pub failures: Vec<String>,
    /// How long the load took.
    pub elapsed: Duration,
}

/// The answers and the failures of one connection.
type Answered = (Vec<(Duration, Duration)>, Vec<String>);

/// Sends `request` on each of `connections` as fast as answers come, until `time` is over.
pub async fn run(
    to: SocketAddr,
    request: &Request,
    connections: usize,
    time: Duration,
    expected: fn(&Response) -> bool,
) -> Measured {
    let over = tokio::time::sleep(time);
    during(to, request, connections, expected, over).await.0
}

/// Sends `request` on each of `connections` as fast as answers come, until `work` is done.
pub async fn during<T>(
    to: SocketAddr,
    request: &Request,
    connections: usize,
    expected: fn(&Response) -> bool,
    work: impl Future<Output = T>,
) -> (Measured, T) {
    let bytes = request.bytes(&to.to_string());
    let began = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (bytes, over) = (bytes.clone(), over.clone());
        tasks.spawn(async move { one(to, &bytes, began, &over, expected).await });
    }
    let product = work.await;
    over.store(true, Ordering::Relaxed);
    let measured = gather(tasks, began).await;
    (measured, product)
}

async fn one(
    to: SocketAddr,
    bytes: &[u8],
    began: Instant,
    over: &AtomicBool,
    expected: fn(&Response) -> bool,
) -> Answered {
    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    let mut open: Option<Connection> = None;
    while !over.load(Ordering::Relaxed) && failures.len() < TOO_MANY {
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => match Connection::open(to).await {
                Ok(connection) => connection,
                Err(fault) => {
                    failures.push(fault.to_string());
                    continue;
                }
            },
        };
        let sent = Instant::now();
        let answer = match connection.write(bytes).await {
            Ok(()) => connection.response().await,
            Err(fault) => Err(fault),
        };
        match answer {
            Ok(answer) if expected(&answer) => {
                answers.push((began.elapsed(), sent.elapsed()));
                open = Some(connection);
            }
            Ok(answer) => failures.push(format!("{answer:?}")),
            Err(fault) => failures.push(fault.to_string()),
        }
    }
    (answers, failures)
}

/// Sends `requests` at a steady rate, whether answers come or not. How long an answer took counts
/// from when its request was due, so that whoever is slow is not asked less.
pub async fn steady(
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    rate: u32,
    connections: usize,
    expected: impl Fn(&Response) -> bool + Send + Sync + 'static,
) -> Measured {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(to).await.expect("somebody listens"));
    }
    let began = Instant::now() + Duration::from_millis(10);
    let (sender, due) = mpsc::unbounded_channel();
    // The runtime's clock has milliseconds; a thread's sleep is finer.
    let clock = std::thread::spawn(move || {
        for (number, request) in (0_u32..).zip(requests) {
            let at = began + Duration::from_secs(1) * number / rate;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            let _ = sender.send((at, request));
        }
    });
    let (due, expected) = (Arc::new(Mutex::new(due)), Arc::new(expected));
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (due, expected) = (Arc::clone(&due), Arc::clone(&expected));
        tasks.spawn(async move {
            let (mut answers, mut failures) = (Vec::new(), Vec::new());
            while let Some((at, request)) = { due.lock().await.recv().await } {
                let answer = match connection.write(&request).await {
                    Ok(()) => connection.response().await,
                    Err(fault) => Err(fault),
                };
                match answer {
                    Ok(answer) if expected(&answer) => {
                        answers.push((began.elapsed(), at.elapsed()))
                    }
                    Ok(answer) => failures.push(format!("{answer:?}")),
                    Err(fault) => {
                        failures.push(fault.to_string());
                        break;
                    }
                }
            }
            (answers, failures)
        });
    }
    let measured = gather(tasks, began).await;
    clock.join().expect("a clock does not panic");
    measured
}

async fn gather(mut tasks: JoinSet<Answered>, began: Instant) -> Measured {
    let mut measured = Measured {
        answers: Vec::new(),
        failures: Vec::new(),
        elapsed: Duration::ZERO,
    };
    while let Some(done) = tasks.join_next().await {
        let (answers, failures) = done.expect("a connection's task does not panic");
        measured.answers.extend(answers);
        measured.failures.extend(failures);
    }
    measured.elapsed = began.elapsed();
    measured.answers.sort_unstable();
    measured
}

impl Measured {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answers.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the answers did not exceed: 0.5 is the median.
    pub fn percentile(&self, share: f64) -> Duration {
        let mut latencies: Vec<Duration> = self.answers.iter().map(|(_, took)| *took).collect();
        latencies.sort_unstable();
        let rank = (share * latencies.len() as f64).ceil() as usize;
        latencies
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// The longest answer.
    pub fn longest(&self) -> Duration {
        self.answers
            .iter()
            .map(|(_, took)| *took)
            .max()
            .unwrap_or_default()
    }
}

/// A server that is down makes no more failures than anybody reads.
const TOO_MANY: usize = 100;
