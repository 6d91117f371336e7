//! The host as this filter needs it: the only module that calls Envoy.
//!
//! It speaks the raw proxy-wasm ABI (0.2.1), because the SDK panics on statuses and on bytes that
//! a client can provoke. Here every status other than success is "not there" or "not done".

use std::{cell::RefCell, collections::BTreeMap, ptr::null_mut};

use engine::{
    http::{HeaderEdit, Headers, Peer, Reply},
    record::{End, Metric, MetricKind},
};

/// Which half of a stream.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Request,
    Response,
}

/// Headers of one side, as bytes.
pub(crate) fn headers(side: Side) -> Headers {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both pointers are valid for writes.
    let status = unsafe { proxy_get_header_map_pairs(side.map(), &mut data, &mut size) };
    let bytes = take(status, data, size).unwrap_or_default();
    Headers::new(pairs(&bytes).unwrap_or_default())
}

/// Applies an edit; where the headers have gone on already, nothing happens.
pub(crate) fn edit_header(side: Side, edit: &HeaderEdit) {
    let map = side.map();
    // SAFETY: the host only reads the given ranges.
    unsafe {
        match edit {
            HeaderEdit::Set(name, value) => proxy_replace_header_map_value(
                map,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            ),
            HeaderEdit::Remove(name) => {
                proxy_remove_header_map_value(map, name.as_ptr(), name.len())
            }
        };
    }
}

/// Bytes `start..` of what is held of a body, and of the chunk that just came.
pub(crate) fn body(side: Side, start: usize, size: usize) -> Vec<u8> {
    buffer(side.buffer(), start, size.saturating_sub(start))
}

/// Replaces all that is held of a body, and the chunk that just came.
pub(crate) fn replace_body(side: Side, bytes: &[u8]) {
    // SAFETY: the host only reads the given range.
    unsafe {
        proxy_set_buffer_bytes(
            side.buffer(),
            0,
            usize::MAX >> 1,
            bytes.as_ptr(),
            bytes.len(),
        );
    }
}

/// The plugin's configuration.
pub(crate) fn configuration(size: usize) -> Vec<u8> {
    buffer(PLUGIN_CONFIGURATION, 0, size)
}

/// Answers the client in the upstream's place.
pub(crate) fn reply(reply: &Reply) {
    let headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(n, v)| (n.as_bytes(), v.as_bytes()))
        .collect();
    let headers = serialize(&headers);
    // SAFETY: the host only reads the given ranges.
    unsafe {
        proxy_send_local_response(
            u32::from(reply.status),
            reply.details.as_ptr(),
            reply.details.len(),
            reply.body.as_ptr(),
            reply.body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        );
    }
}

/// What the connection says about the caller.
pub(crate) fn peer() -> Peer {
    let mtls = property(&["connection", "mtls"]).is_some_and(|value| value == [1]);
    let san = || text(&["connection", "uri_san_peer_certificate"]).filter(|san| !san.is_empty());
    Peer {
        metadata: property(&["metadata"]),
        uri_san: if mtls { san() } else { None },
        address: text(&["source", "address"]),
    }
}

/// What Envoy knows at the end of a request.
pub(crate) fn end(filter_ns: u64) -> End {
    End {
        status: integer(&["response", "code"]).and_then(|code| u16::try_from(code).ok()),
        details: text(&["response", "code_details"]),
        duration_ns: integer(&["request", "duration"]),
        upstream_cluster: text(&["xds", "cluster_name"]).filter(|name| !name.is_empty()),
        bytes_in: integer(&["request", "size"]),
        bytes_out: integer(&["response", "size"]),
        filter_ns,
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let mut time = 0;
    // SAFETY: the pointer is valid for writes.
    unsafe { proxy_get_current_time_nanoseconds(&mut time) };
    time
}

/// Leaves the audit record where access logs find it: filter state `wasm.toolgate`.
pub(crate) fn leave_record(record: &[u8]) {
    let path = b"toolgate";
    // SAFETY: the host only reads the given ranges.
    unsafe { proxy_set_property(path.as_ptr(), path.len(), record.as_ptr(), record.len()) };
}

/// Whether some VM of this process remembered `key`.
pub(crate) fn remembered(key: &str) -> bool {
    let (mut data, mut size, mut version) = (null_mut(), 0, 0);
    // SAFETY: the host reads the key; the other pointers are valid for writes.
    let status = unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), &mut data, &mut size, &mut version)
    };
    take(status, data, size).is_some()
}

/// Remembers `key` for all VMs of this process.
pub(crate) fn remember(key: &str) {
    // SAFETY: the host only reads the given ranges.
    unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), b"1".as_ptr(), 1, 0) };
}

/// Writes to Envoy's log, under its logger `wasm`.
pub(crate) fn log(level: Level, message: &str) {
    // SAFETY: the host only reads the given range.
    unsafe { proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// Log levels of the ABI.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Info = 2,
    Error = 4,
}

/// Metrics by name: defining one twice gives it a second id, so ids are kept.
#[derive(Default)]
pub(crate) struct Metrics(RefCell<BTreeMap<String, u32>>);

impl Metrics {
    pub(crate) fn record(&self, metric: &Metric) {
        let Some(id) = self.id(metric) else { return };
        // SAFETY: no pointers.
        unsafe {
            match metric.kind {
                MetricKind::Counter => {
                    proxy_increment_metric(id, i64::try_from(metric.value).unwrap_or(i64::MAX))
                }
                MetricKind::Histogram => proxy_record_metric(id, metric.value),
            };
        }
    }

    fn id(&self, metric: &Metric) -> Option<u32> {
        let mut ids = self.0.try_borrow_mut().ok()?;
        if let Some(id) = ids.get(&metric.name) {
            return Some(*id);
        }
        let kind = match metric.kind {
            MetricKind::Counter => 0,
            MetricKind::Histogram => 2,
        };
        let mut id = 0;
        // SAFETY: the host reads the name and writes the id.
        let status =
            unsafe { proxy_define_metric(kind, metric.name.as_ptr(), metric.name.len(), &mut id) };
        if status != OK {
            return None;
        }
        ids.insert(metric.name.clone(), id);
        Some(id)
    }
}

impl Side {
    const fn map(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 2,
        }
    }

    const fn buffer(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 1,
        }
    }
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host reads the path; the other pointers are valid for writes.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut size) };
    take(status, data, size)
}

fn text(path: &[&str]) -> Option<String> {
    String::from_utf8(property(path)?).ok()
}

fn integer(path: &[&str]) -> Option<u64> {
    let bytes = property(path)?.try_into().ok()?;
    u64::try_from(i64::from_le_bytes(bytes)).ok()
}

fn buffer(kind: u32, start: usize, size: usize) -> Vec<u8> {
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: both pointers are valid for writes.
    let status = unsafe { proxy_get_buffer_bytes(kind, start, size, &mut data, &mut length) };
    take(status, data, length).unwrap_or_default()
}

/// Bytes that the host handed over; it allocated them with the SDK's `proxy_on_memory_allocate`.
fn take(status: u32, data: *mut u8, size: usize) -> Option<Vec<u8>> {
    if status != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: the SDK allocated a boxed slice of exactly `size` bytes and gave it away.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// The ABI's form of pairs: a count, all lengths, then keys and values with a NUL behind each.
fn pairs(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let count = number(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut text = |length: usize| {
        let end = at.checked_add(length)?;
        let text = bytes.get(at..end)?.to_vec();
        at = end.checked_add(1)?;
        Some(text)
    };
    (0..count)
        .map(|index| Some((text(number(4 + index * 8)?)?, text(number(8 + index * 8)?)?)))
        .collect()
}

fn serialize(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
    let mut out = u32::try_from(pairs.len())
        .unwrap_or_default()
        .to_le_bytes()
        .to_vec();
    for (name, value) in pairs {
        out.extend(length(name));
        out.extend(length(value));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            out.extend_from_slice(text);
            out.push(0);
        }
    }
    out
}

const OK: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;

#[cfg_attr(target_arch = "wasm32", link(wasm_import_module = "env"))]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *const u8,
        data_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        version: u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
}
