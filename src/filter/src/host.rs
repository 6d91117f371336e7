//! Envoy, as functions that answer for every status.
//!
//! The only module that calls the host. The SDK's own wrappers panic on statuses that a client can
//! provoke, and turn headers into text, which a client can prevent; and a panic ends every stream
//! of the worker. So the calls are made here, on bytes, and a status is a value.

use std::{
    ptr,
    time::{Duration, Instant},
};

use engine::{
    cx::{Conflict, Store, Timestamp, Version},
    http::Callout,
};
use proxy_wasm::traits::Context;

mod abi;
pub(crate) mod metric;
mod pairs;

/// A header's name and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The host would not do it: its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u32);

/// One direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client.
    Request,
    /// To the client.
    Response,
}

/// How loud a log line is, numbered as the host numbers it.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    /// For information.
    Info = 2,
    /// Something is wrong.
    Error = 4,
}

/// The time, read from the host once and counted from there.
pub(crate) struct Clock {
    wall: u64,
    start: Instant,
}

impl Clock {
    /// Reads the host's clock.
    pub(crate) fn start() -> Self {
        let (mut wall, start) = (0, Instant::now());
        // SAFETY: `wall` is written during the call only. On failure it stays 0: a time at which
        // no token and no sunset is in order.
        unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut wall) };
        Self { wall, start }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.wall.saturating_add(self.elapsed());
        Timestamp(i64::try_from(now).unwrap_or(i64::MAX))
    }

    /// Nanoseconds since the start.
    pub(crate) fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Direction {
    /// Number of its header map.
    const fn map(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 2,
        }
    }

    /// Number of its body, and of its stream.
    const fn number(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 1,
        }
    }
}

/// Has the plugin's `on_tick` called again and again, in each worker.
pub(crate) fn tick(period: Duration) -> Result<(), Refused> {
    let period = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: only a number crosses.
    accept(unsafe { abi::proxy_set_tick_period_milliseconds(period) })
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: Level, message: &str) {
    // SAFETY: `message` is read during the call only. A log that cannot be written is nobody's
    // business.
    unsafe { abi::proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// All headers, in wire order, pseudo-headers included.
pub(crate) fn headers(direction: Direction) -> Result<Vec<Pair>, Refused> {
    header_map(direction.map())
}

/// Replaces all values of a header by one.
pub(crate) fn set_header(direction: Direction, name: &str, value: &str) -> Result<(), Refused> {
    // SAFETY: name and value are read during the call only.
    accept(unsafe {
        abi::proxy_replace_header_map_value(
            direction.map(),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every value of a header.
pub(crate) fn remove_header(direction: Direction, name: &str) -> Result<(), Refused> {
    // SAFETY: `name` is read during the call only.
    accept(unsafe {
        abi::proxy_remove_header_map_value(direction.map(), name.as_ptr(), name.len())
    })
}

/// Part of the body that the host holds.
pub(crate) fn body(direction: Direction, start: usize, length: usize) -> Result<Vec<u8>, Refused> {
    buffer(direction.number(), start, length)
}

/// Replaces the whole body that the host holds.
pub(crate) fn set_body(direction: Direction, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: `bytes` is read during the call only.
    accept(unsafe {
        abi::proxy_set_buffer_bytes(
            direction.number(),
            0,
            usize::MAX,
            bytes.as_ptr(),
            bytes.len(),
        )
    })
}

/// The plugin's configuration.
pub(crate) fn configuration() -> Result<Vec<u8>, Refused> {
    buffer(PLUGIN_CONFIGURATION, 0, usize::MAX)
}

/// Answers the client in the upstream's place.
pub(crate) fn reply<'a>(
    status: u16,
    details: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    body: &[u8],
) -> Result<(), Refused> {
    let headers = pairs::encode(headers.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    // SAFETY: everything is read during the call only.
    accept(unsafe {
        abi::proxy_send_local_response(
            status.into(),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Asks somebody beside the upstream; the answer comes to the stream that asks, with this number.
#[expect(
    clippy::disallowed_methods,
    reason = "the SDK panics on the answer to a call that it did not make itself; and of the \
              statuses that it does not expect here, this host has none"
)]
pub(crate) fn call(callout: &Callout) -> Result<u32, Refused> {
    struct Sdk;

    impl Context for Sdk {}

    let headers = callout.headers.iter();
    let headers = headers.map(|(name, value)| (*name, value.as_str()));
    Sdk.dispatch_http_call(
        &callout.cluster,
        headers.collect(),
        Some(&callout.body),
        Vec::new(),
        callout.timeout,
    )
    .map_err(|status| Refused(status as u32))
}

/// All headers of an answer to a call, pseudo-headers included.
pub(crate) fn called_headers() -> Result<Vec<Pair>, Refused> {
    header_map(CALL_RESPONSE_HEADERS)
}

/// The beginning of its body.
pub(crate) fn called_body(length: usize) -> Result<Vec<u8>, Refused> {
    buffer(CALL_RESPONSE_BODY, 0, length)
}

/// Lets one direction go on that was paused.
pub(crate) fn resume(direction: Direction) -> Result<(), Refused> {
    // SAFETY: only a number crosses.
    accept(unsafe { abi::proxy_continue_stream(direction.number()) })
}

/// Cuts one direction off.
pub(crate) fn reset(direction: Direction) -> Result<(), Refused> {
    // SAFETY: only a number crosses.
    accept(unsafe { abi::proxy_close_stream(direction.number()) })
}

/// Calls the host in the place of another stream or connection of this VM; `own` is whom the host
/// has called.
pub(crate) fn act<T>(
    other: u32,
    own: u32,
    calls: impl FnOnce() -> Result<T, Refused>,
) -> Result<T, Refused> {
    // SAFETY: only a number crosses.
    accept(unsafe { abi::proxy_set_effective_context(other) })?;
    let result = calls();
    // SAFETY: only a number crosses. It is known to the host, who waits for its answer.
    accept(unsafe { abi::proxy_set_effective_context(own) })?;
    result
}

/// What a connection has received, and this filter has not taken.
pub(crate) fn received(size: usize) -> Result<Vec<u8>, Refused> {
    buffer(CONNECTION, 0, size)
}

/// Takes what a connection has received, and puts these bytes in its place for the next filter.
pub(crate) fn respond(bytes: &[u8]) -> Result<(), Refused> {
    put(0, bytes)
}

/// Puts bytes behind what a connection has received, for the next filter.
pub(crate) fn send(bytes: &[u8]) -> Result<(), Refused> {
    put(usize::MAX, bytes)
}

fn put(start: usize, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: `bytes` is read during the call only.
    accept(unsafe {
        abi::proxy_set_buffer_bytes(CONNECTION, start, usize::MAX, bytes.as_ptr(), bytes.len())
    })?;
    // SAFETY: only a number crosses.
    accept(unsafe { abi::proxy_continue_stream(DOWNSTREAM) })
}

/// An attribute of the stream, by its path; `None` where it has no value or none that can be read.
pub(crate) fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    // SAFETY: `path` is read during the call only; the host writes both values, or neither.
    receive(|data, size| unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), data, size) })
        .ok()
}

/// Sets filter state under the key `wasm.` + `name`.
pub(crate) fn set_property(name: &str, value: &[u8]) -> Result<(), Refused> {
    // SAFETY: name and value are read during the call only.
    accept(unsafe {
        abi::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// The memory that all workers share, for as long as Envoy runs.
pub(crate) struct Shared;

impl Store for Shared {
    fn load(&self, key: &str) -> (Option<Vec<u8>>, Version) {
        let mut version = 0;
        // SAFETY: `key` is read during the call only; the host writes all values, or none.
        let value = receive(|data, size| unsafe {
            abi::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
        });
        match value {
            Ok(value) => (Some(value), Version(version)),
            Err(_) => (None, ABSENT),
        }
    }

    fn store(&self, key: &str, value: &[u8], version: Version) -> Result<(), Conflict> {
        // SAFETY: key and value are read during the call only.
        accept(unsafe {
            abi::proxy_set_shared_data(
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
                version.0,
            )
        })
        .map_err(|_| Conflict)
    }
}

fn header_map(number: u32) -> Result<Vec<Pair>, Refused> {
    // SAFETY: the host writes both values, or neither.
    let bytes =
        receive(|data, size| unsafe { abi::proxy_get_header_map_pairs(number, data, size) })?;
    pairs::decode(&bytes).ok_or(UNREADABLE)
}

fn buffer(number: u32, start: usize, length: usize) -> Result<Vec<u8>, Refused> {
    // SAFETY: the host writes both values, or neither.
    receive(|data, size| unsafe { abi::proxy_get_buffer_bytes(number, start, length, data, size) })
}

/// Takes over what the host hands out.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Refused> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    accept(call(&raw mut data, &raw mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the host took the memory from `proxy_on_memory_allocate`, which gives away a boxed
    // slice of exactly `size` bytes, and filled it.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

const fn accept(status: u32) -> Result<(), Refused> {
    match status {
        0 => Ok(()),
        status => Err(Refused(status)),
    }
}

/// Status for what the host wrote in a form that it does not have.
const UNREADABLE: Refused = Refused(4);
const CALL_RESPONSE_HEADERS: u32 = 6;
const CALL_RESPONSE_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;
/// Number of what a connection has received, and of the stream that brings it.
const CONNECTION: u32 = 2;
const DOWNSTREAM: u32 = 2;
const NO_GRPC_STATUS: i32 = -1;
/// Of a value that is not there: any version but 0 has the host keep the first one only, and 0 would
/// overwrite whatever is there.
const ABSENT: Version = Version(u32::MAX);
