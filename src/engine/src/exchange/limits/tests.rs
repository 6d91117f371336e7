use super::*;

/// How Envoy 1.40 ends requests: its details, how often it chose a server, whether it was over with
/// the connection; and whether a byte of the request went to a server.
#[test]
fn what_never_came_to_its_server_is_known() {
    const RESET: &str = "upstream_reset_before_response_started";
    for (details, count, connected, expected) in [
        // A filter after this one, or the router, answered.
        ("cluster_not_found", 0, false, false),
        ("route_not_found", 0, false, false),
        ("direct_response", 0, false, false),
        ("local_rate_limited", 0, false, false),
        ("request_rate_limited", 0, false, false),
        ("rbac_access_denied_matched_policy[p]", 0, false, false),
        ("fault_filter_abort", 0, false, false),
        ("downstream_remote_disconnect", 0, false, false),
        // There was no connection.
        ("no_healthy_upstream", 1, false, false),
        ("response_timeout", 1, false, false),
        ("stream_idle_timeout", 1, false, false),
        ("downstream_remote_disconnect", 1, false, false),
        ("failed_to_inject_credential", 1, false, false),
        ("failed_to_inject_credential", 1, true, false),
        (&format!("{RESET}{{overflow}}"), 1, true, false),
        (&format!("{RESET}{{connection_timeout}}"), 1, true, false),
        (
            &format!(
                "{RESET}{{remote_connection_failure|delayed_connect_error:_Connection_refused}}"
            ),
            1,
            true,
            false,
        ),
        // There was one.
        (&format!("{RESET}{{connection_termination}}"), 1, true, true),
        (&format!("{RESET}{{protocol_error}}"), 1, true, true),
        (
            &format!("{RESET}{{remote_refused_stream_reset}}"),
            1,
            true,
            true,
        ),
        ("response_timeout", 1, true, true),
        ("stream_idle_timeout", 1, true, true),
        ("max_duration_timeout", 1, true, true),
        ("downstream_remote_disconnect", 1, true, true),
        // An earlier attempt may have had one.
        (
            &format!("{RESET}{{remote_connection_failure}}"),
            3,
            true,
            true,
        ),
        ("upstream_per_try_timeout", 2, true, true),
    ] {
        let end = End {
            details: Some(details.to_owned()),
            attempts: Some(Attempts { count, connected }),
            ..End::default()
        };
        assert_eq!(reached(&end), expected, "{end:?}");
    }
    assert!(reached(&End::default()), "nobody says that it did not");
}
