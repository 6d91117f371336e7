use engine::config::Config;

use super::*;

/// What a service is told of these limits, or the complaints about them.
#[track_caller]
fn check(host: Host, limits: &Value, expected: Result<&Value, &[&str]>) {
    let config = Config::from_value(json!({
        "registry": {
            "servers": { "s": {} },
            "tools": [{ "name": "t", "mcpServer": "s", "inputSchema": { "type": "object" } }],
        },
        "policy": {
            "rate_limit_service": { "domain": "ours" },
            "rules": [{ "id": "r's", "tool": "t", "decision": "allow", "limits": limits }],
        },
    }));
    let policy = Policy::compile(config).expect("a policy");
    let written = document(host, &policy).expect("a service");
    let written = written.map_err(|problems| {
        let problems = problems.into_iter().map(|problem| problem.to_string());
        problems.collect::<Vec<_>>()
    });
    match expected {
        Ok(expected) => assert_eq!(written.as_ref(), Ok(expected)),
        Err(expected) => assert_eq!(written.unwrap_err(), expected),
    }
}

#[test]
fn limits_of_the_fleet_are_written_for_whoever_counts_them() {
    let limits = json!([
        { "scope": "global", "per": "agent", "requests_per_minute": 60 },
        { "id": "month", "scope": "global", "requests_per_month": 7 },
        { "requests_per_day": 5 },
    ]);
    let limitador = |name: &str, amount: u64, seconds: u64| {
        let ours = format!("(descriptors, descriptors.toolgate_limit == '{name}')");
        json!({
            "namespace": "ours",
            "name": name.replace('\\', ""),
            "max_value": amount,
            "seconds": seconds,
            "conditions": [format!("descriptors.exists{ours}")],
            "variables": [format!("descriptors.filter{ours}[0].toolgate_key")],
        })
    };
    let month = limitador("month", 7, 31 * 86_400);
    let minute = limitador(r"r\'s.requests_per_minute.agent", 60, 60);
    check(Host::Limitador, &limits, Ok(&json!([month, minute])));
    let ratelimit = |name: &str, amount: u64, unit: &str| {
        json!({
            "key": "toolgate_limit",
            "value": name,
            "descriptors": [{
                "key": "toolgate_key",
                "rate_limit": { "unit": unit, "requests_per_unit": amount },
            }],
        })
    };
    let month = ratelimit("month", 7, "year");
    let minute = ratelimit("r's.requests_per_minute.agent", 60, "minute");
    let expected = json!({ "domain": "ours", "descriptors": [month, minute] });
    check(Host::Ratelimit, &limits, Ok(&expected));
}

#[test]
fn what_a_service_cannot_count_is_told() {
    let limits = json!([
        { "scope": "global", "cost_per_day": 4_294_967_295_u64 },
        { "scope": "global", "result_bytes_per_day": 4_294_967_296_u64 },
    ]);
    let help = "(count them with envoyproxy/ratelimit (`--for ratelimit`))";
    let cost = format!(
        "policy.rules[0].limits[0]: Limitador counts calls: it cannot count cost units {help}"
    );
    let bytes =
        format!("policy.rules[0].limits[1]: Limitador counts calls: it cannot count bytes {help}");
    check(Host::Limitador, &limits, Err(&[&cost, &bytes]));
    let bytes = "policy.rules[0].limits[1]: envoyproxy/ratelimit counts to 4294967295 at most \
                 (limit shorter periods, or count in other units)";
    check(Host::Ratelimit, &limits, Err(&[bytes]));
}
