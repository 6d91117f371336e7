//! How the filter's metrics get labels and buckets.

use serde_json::{Value, json};

/// The filter writes tags into the names of its metrics; these cut them out as labels.
pub(super) fn statistics() -> Value {
    let tags = [
        "server", "tool", "method", "decision", "reason", "outcome", "result", "live", "shadow",
        "breaker", "to", "what", "action", "rule", "tenant", "app", "agent", "user",
    ];
    let tags = tags.map(|tag| {
        json!({
            "tag_name": format!("toolgate_{tag}"),
            "regex": format!(r"^wasmcustom\.toolgate_.*?(;{tag}=([^;]*))"),
        })
    });
    let buckets = |name: &str, buckets: &[u32]| {
        json!({
            "match": { "prefix": format!("wasmcustom.toolgate_{name}") },
            "buckets": buckets,
        })
    };
    let calls = &[
        1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
    ];
    let filter = &[
        10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000,
    ];
    json!({
        "stats_tags": tags,
        "histogram_bucket_settings": [
            buckets("call_duration_ms", calls),
            buckets("ask_duration_ms", calls),
            buckets("filter_duration_us", filter),
        ],
    })
}
