//! Counters, gauges and histograms of Envoy, by name.

use std::{cell::RefCell, collections::BTreeMap};

use super::{Refused, abi, accept};

/// Kinds of metrics, numbered as the host numbers them.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Only grows.
    Counter = 0,
    /// What is now.
    Gauge = 1,
    /// Distribution of values.
    Histogram = 2,
}

thread_local! {
    /// The host gives a new number at each definition: ask once for each name.
    static IDS: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// Makes a metric visible before it has a value.
pub(crate) fn define(kind: Kind, name: &str) -> Result<u32, Refused> {
    let known = IDS.with(|ids| ids.try_borrow().ok().and_then(|ids| ids.get(name).copied()));
    if let Some(id) = known {
        return Ok(id);
    }
    let mut id = 0;
    // SAFETY: `name` is read and `id` is written during the call only.
    accept(unsafe {
        abi::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id)
    })?;
    IDS.with(|ids| {
        if let Ok(mut ids) = ids.try_borrow_mut() {
            ids.insert(name.to_owned(), id);
        }
    });
    Ok(id)
}

/// Adds to a counter, or sets or records a value.
pub(crate) fn record(kind: Kind, name: &str, value: u64) -> Result<(), Refused> {
    let id = define(kind, name)?;
    // SAFETY: only numbers cross.
    accept(unsafe {
        match kind {
            Kind::Counter => {
                abi::proxy_increment_metric(id, i64::try_from(value).unwrap_or(i64::MAX))
            }
            Kind::Gauge | Kind::Histogram => abi::proxy_record_metric(id, value),
        }
    })
}
