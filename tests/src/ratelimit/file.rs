//! What a rate-limit service is told to count, in the two forms that people write it.

use std::io;

use limitador::limit::Limit;
use serde_json::{Value, json};

/// The limits of a limits file of the Limitador server, or of a configuration of
/// `envoyproxy/ratelimit`.
pub(super) fn read(text: &str) -> io::Result<Vec<Limit>> {
    let file: Value = serde_saphyr::from_str(text).map_err(io::Error::other)?;
    let limits = match file.get("domain") {
        Some(domain) => {
            let descriptors = file["descriptors"].as_array().into_iter().flatten();
            descriptors.map(|one| limit(domain, one)).collect()
        }
        None => file,
    };
    serde_json::from_value(limits).map_err(io::Error::other)
}

/// A descriptor of `key` and `value`, with one below it that each value of its `key` has for itself.
fn limit(domain: &Value, descriptor: &Value) -> Value {
    let below = &descriptor["descriptors"][0];
    let seconds = match below["rate_limit"]["unit"].as_str() {
        Some("second") => 1,
        Some("minute") => 60,
        Some("hour") => 3_600,
        Some("day") => 86_400,
        Some("month") => 30 * 86_400,
        _ => 365 * 86_400,
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (key, value) = (text(&descriptor["key"]), text(&descriptor["value"]));
    let ours = format!("descriptors, descriptors.{key} == '{value}'");
    json!({
        "namespace": domain,
        "name": value,
        "max_value": below["rate_limit"]["requests_per_unit"],
        "seconds": seconds,
        "conditions": [format!("descriptors.exists({ours})")],
        "variables": [format!("descriptors.filter({ours})[0].{}", text(&below["key"]))],
    })
}
