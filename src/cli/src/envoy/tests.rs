use super::*;
use engine::registry::Credential;

/// A URL and the address and TLS that come of it, or the complaint.
#[track_caller]
fn check(url: &str, expected: Result<(&str, u16, bool), &str>) {
    let found = upstream("c".to_owned(), url);
    match (&found, expected) {
        (Ok(found), Ok((host, port, tls))) => {
            let address = Address {
                host: host.to_owned(),
                port,
            };
            assert_eq!(
                *found,
                Upstream {
                    cluster: "c".to_owned(),
                    address,
                    tls
                }
            );
        }
        (Err(problem), Err(words)) => assert!(problem.message.contains(words), "{problem}"),
        _ => panic!("{url} gives {found:?}, not {expected:?}"),
    }
}

#[test]
fn urls_become_addresses() {
    check("http://127.0.0.1:9101/mcp", Ok(("127.0.0.1", 9101, false)));
    check(
        "https://mcp.example.com/mcp",
        Ok(("mcp.example.com", 443, true)),
    );
    check("http://mcp.example.com", Ok(("mcp.example.com", 80, false)));
    check("http://[::1]:9/x", Ok(("::1", 9, false)));
    check("ftp://h/x", Err("neither http nor https"));
    check("/mcp", Err("neither http nor https"));
    check("http://", Err("not a URL"));
    check("not a url", Err("not a URL"));
}

#[test]
fn addresses_are_read() {
    let read = |text: &str| text.parse::<Address>().map(|address| address.to_string());
    assert_eq!(read("127.0.0.1:10000"), Ok("127.0.0.1:10000".to_owned()));
    assert_eq!(read("[::1]:80"), Ok("[::1]:80".to_owned()));
    for wrong in ["", "127.0.0.1", ":80", "h:", "h:70000"] {
        assert!(
            read(wrong).unwrap_err().contains("not host:port"),
            "{wrong}"
        );
    }
}

fn server(upstream: Upstream) -> Server {
    Server {
        upstream,
        failover: None,
        health: None,
        credential: None,
        tokens: None,
        retries: false,
    }
}

fn setup() -> Setup {
    let upstream = |cluster: &str, url: &str| upstream(cluster.to_owned(), url).unwrap();
    Setup {
        listen: "127.0.0.1:1".parse().unwrap(),
        admin: "127.0.0.1:2".parse().unwrap(),
        wasm: Module::File("/w".to_owned()),
        access_log: "/a".to_owned(),
        roots: "/r".to_owned(),
        bundle: "{}".to_owned(),
        max_body: 5,
        issuers: vec![
            Issuer {
                issuer: "one".to_owned(),
                audiences: vec!["us".to_owned()],
                jwks: Jwks::Url(
                    "https://idp.example.com/keys".to_owned(),
                    upstream("keys", "https://idp.example.com/keys"),
                ),
            },
            Issuer {
                issuer: "two".to_owned(),
                audiences: vec!["us".to_owned()],
                jwks: Jwks::Inline("{}".to_owned()),
            },
        ],
        secrets: "/s".to_owned(),
        servers: vec![
            server(upstream("plain", "http://127.0.0.1:3/mcp")),
            server(upstream("secure", "https://mcp.example.com/mcp")),
        ],
        approver: None,
        rate_limits: None,
        merged: false,
    }
}

/// A value of the whole configuration by JSON pointer.
#[track_caller]
fn check_value(whole: &Value, pointer: &str, expected: &Value) {
    assert_eq!(
        whole.pointer(pointer),
        Some(expected),
        "{pointer} of {whole:#}"
    );
}

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const CLUSTERS: &str = "/static_resources/clusters";

#[test]
fn what_the_filter_needs_is_there() {
    let whole = bootstrap(&setup());
    let at = |rest: &str| format!("{HCM}/http_filters/{rest}");
    for (pointer, expected) in [
        (at("0/name"), json!("envoy.filters.http.jwt_authn")),
        (
            at("1/typed_config/config/allow_on_headers_stop_iteration"),
            json!(true),
        ),
        (
            at("1/typed_config/config/failure_policy"),
            json!("FAIL_RELOAD"),
        ),
        (at("1/typed_config/config/configuration/value"), json!("{}")),
        (at("2/name"), json!("envoy.filters.http.router")),
        (
            format!("{HCM}/route_config/virtual_hosts/0/routes/0/route/cluster_header"),
            json!(CLUSTER_HEADER),
        ),
        (
            "/static_resources/listeners/0/per_connection_buffer_limit_bytes".to_owned(),
            json!(5 + HEADROOM),
        ),
    ] {
        check_value(&whole, &pointer, &expected);
    }
}

#[test]
fn tokens_are_verified_and_never_refused_by_envoy() {
    let whole = bootstrap(&setup());
    let jwt = format!("{HCM}/http_filters/0/typed_config");
    let requirements = json!([
        { "provider_name": "issuer-0" },
        { "provider_name": "issuer-1" },
        { "allow_missing_or_failed": {} },
    ]);
    let uri = "/providers/issuer-0/remote_jwks/http_uri/cluster";
    for (rest, expected) in [
        ("/rules/0/requires/requires_any/requirements", requirements),
        ("/providers/issuer-0/audiences", json!(["us"])),
        (
            "/providers/issuer-0/payload_in_metadata",
            json!("jwt_payload"),
        ),
        (uri, json!("keys")),
        ("/providers/issuer-1/local_jwks/inline_string", json!("{}")),
        // A token in a query string is no token.
        (
            "/providers/issuer-1/from_headers",
            json!([{ "name": "Authorization", "value_prefix": "Bearer " }]),
        ),
    ] {
        check_value(&whole, &format!("{jwt}{rest}"), &expected);
    }
    let without = bootstrap(&Setup {
        issuers: Vec::new(),
        ..setup()
    });
    check_value(
        &without,
        &format!("{HCM}/http_filters/0/name"),
        &json!("toolgate"),
    );
}

#[test]
fn servers_and_key_sets_have_clusters() {
    let whole = bootstrap(&setup());
    let tls = "transport_socket/typed_config";
    let sans = "common_tls_context/validation_context/match_typed_subject_alt_names/0";
    let host = "load_assignment/endpoints/0/lb_endpoints/0/endpoint/hostname";
    for (rest, expected) in [
        ("0/name".to_owned(), json!("plain")),
        ("0/type".to_owned(), json!("STATIC")),
        (format!("0/{host}"), json!("127.0.0.1:3")),
        ("1/name".to_owned(), json!("secure")),
        ("1/type".to_owned(), json!("STRICT_DNS")),
        (format!("1/{host}"), json!("mcp.example.com")),
        (format!("1/{tls}/sni"), json!("mcp.example.com")),
        (
            format!("1/{tls}/{sans}/matcher/exact"),
            json!("mcp.example.com"),
        ),
        ("2/name".to_owned(), json!("keys")),
    ] {
        check_value(&whole, &format!("{CLUSTERS}/{rest}"), &expected);
    }
    assert_eq!(
        whole.pointer(&format!("{CLUSTERS}/0/transport_socket")),
        None
    );
}

/// The sample that is written by hand says the same of its servers.
#[test]
fn servers_are_guarded() {
    let whole = bootstrap(&setup());
    let sample = include_str!("../../../../envoy/envoy.yaml");
    let sample: Value = serde_saphyr::from_str(sample).unwrap();
    for member in ["outlier_detection", "circuit_breakers"] {
        let expected = whole.pointer(&format!("{CLUSTERS}/0/{member}")).unwrap();
        assert!(expected.is_object());
        check_value(&whole, &format!("{CLUSTERS}/1/{member}"), expected);
        check_value(&sample, &format!("{CLUSTERS}/0/{member}"), expected);
        check_value(&sample, &format!("{CLUSTERS}/1/{member}"), expected);
        assert_eq!(whole.pointer(&format!("{CLUSTERS}/2/{member}")), None);
    }
}

/// What `run` hands to Envoy is what `render` writes, in three files.
#[test]
fn followed_files_hold_what_one_document_does() {
    let (whole, setup) = (bootstrap(&setup()), setup());
    let [(_, clusters), (_, filter), (_, listener)] = followed(&setup, "/f", 7);
    let inline = format!("{HCM}/http_filters/1/typed_config");
    check_value(&filter, "/version_info", &json!("7"));
    check_value(&filter, "/resources/0/name", &json!(FILTER));
    check_value(
        &filter,
        "/resources/0/typed_config",
        whole.pointer(&inline).unwrap(),
    );
    check_value(&clusters, "/resources/1/name", &json!("secure"));
    let hcm = HCM.replace("/static_resources/listeners/0", "/resources/0");
    let follows = format!("{hcm}/http_filters/1/config_discovery/config_source");
    let path = format!("{follows}/path_config_source/path");
    check_value(&listener, &path, &json!("/f/ecds.json"));
    let router = format!("{hcm}/http_filters/2/name");
    check_value(&listener, &router, &json!("envoy.filters.http.router"));
}

#[test]
fn limits_of_all_envoys_are_asked_for_after_toolgate() {
    let limits = RateLimits {
        cluster: "limits".to_owned(),
        upstream: Some(upstream("limits".to_owned(), "http://127.0.0.1:8081").unwrap()),
        domain: "ours".to_owned(),
        timeout_ms: 1_050,
        deny: true,
    };
    let setup = Setup {
        rate_limits: Some(limits),
        ..setup()
    };
    let whole = bootstrap(&setup);
    let filter = format!("{HCM}/http_filters/2");
    let route = format!("{HCM}/route_config/virtual_hosts/0/routes/0/typed_per_filter_config");
    let asked = format!("{route}/envoy.filters.http.ratelimit/rate_limits");
    let options = "typed_extension_protocol_options\
                   /envoy.extensions.upstreams.http.v3.HttpProtocolOptions/explicit_http_config";
    for (pointer, expected) in [
        (
            format!("{filter}/name"),
            json!("envoy.filters.http.ratelimit"),
        ),
        (format!("{filter}/typed_config/domain"), json!("ours")),
        (format!("{filter}/typed_config/timeout"), json!("1.050s")),
        (
            format!("{filter}/typed_config/failure_mode_deny"),
            json!(true),
        ),
        (
            format!("{asked}/7/actions/1/extension/typed_config/text"),
            json!("filter_state['wasm.toolgate_key_8']"),
        ),
        (
            format!("{asked}/8/hits_addend/format"),
            json!("%FILTER_STATE(wasm.toolgate_owed_1:PLAIN)%"),
        ),
        (format!("{asked}/8/apply_on_stream_done"), json!(true)),
        (format!("{CLUSTERS}/3/name"), json!("limits")),
        (
            format!("{CLUSTERS}/3/{options}/http2_protocol_options"),
            json!({}),
        ),
    ] {
        check_value(&whole, &pointer, &expected);
    }
    let router = format!("{HCM}/http_filters/3/name");
    check_value(&whole, &router, &json!("envoy.filters.http.router"));
}

#[test]
fn asks_carry_the_secret_that_only_envoy_knows() {
    let filters = "typed_extension_protocol_options\
                   /envoy.extensions.upstreams.http.v3.HttpProtocolOptions/http_filters";
    for url in ["http://127.0.0.1:8181", "https://approvals.example.com"] {
        let approver = Approver {
            upstream: upstream("approvals".to_owned(), url).unwrap(),
            secret: Some("/s".to_owned()),
        };
        let whole = bootstrap(&Setup {
            approver: Some(approver),
            ..setup()
        });
        let credential = "typed_config/credential/typed_config/credential";
        let path = format!("{credential}/sds_config/path_config_source/path");
        for (rest, expected) in [
            ("3/name".to_owned(), json!("approvals")),
            (
                "3/circuit_breakers/thresholds/0/max_retries".to_owned(),
                json!(0),
            ),
            (format!("3/{filters}/0/{path}"), json!("/s")),
            (
                format!("3/{filters}/1/name"),
                json!("envoy.filters.http.upstream_codec"),
            ),
        ] {
            check_value(&whole, &format!("{CLUSTERS}/{rest}"), &expected);
        }
    }
    check_value(
        &secret("s"),
        "/resources/0/generic_secret/secret/inline_string",
        &json!("Bearer s"),
    );
}

/// The clusters of a setup with this server alone.
fn clusters_of(server: Server) -> Value {
    let whole = bootstrap(&Setup {
        servers: vec![server],
        issuers: Vec::new(),
        ..setup()
    });
    whole.pointer(CLUSTERS).cloned().unwrap()
}

#[test]
fn another_instance_takes_over() {
    let at = |url: &str| upstream("c".to_owned(), url).unwrap();
    let plain = clusters_of(Server {
        failover: Some(at("http://spare.example.com:3/mcp")),
        health: Some(engine::registry::Health {
            path: "/healthz".to_owned(),
            interval: std::time::Duration::from_millis(1_500),
        }),
        ..server(at("http://127.0.0.1:3/mcp"))
    });
    let hosts = "/0/load_assignment/endpoints";
    for (pointer, expected) in [
        ("/0/type".to_owned(), json!("STRICT_DNS")),
        (format!("{hosts}/1/priority"), json!(1)),
        (
            format!("{hosts}/1/lb_endpoints/0/endpoint/health_check_config/hostname"),
            json!("spare.example.com:3"),
        ),
        ("/0/health_checks/0/interval".to_owned(), json!("1.5s")),
        (
            "/0/health_checks/0/http_health_check/path".to_owned(),
            json!("/healthz"),
        ),
    ] {
        check_value(&plain, &pointer, &expected);
    }
    assert_eq!(plain.pointer("/0/transport_socket_matches"), None);

    let secure = clusters_of(Server {
        failover: Some(at("https://spare.example.com/mcp")),
        ..server(at("https://mcp.example.com/mcp"))
    });
    let matches = "/0/transport_socket_matches/0";
    let marked = "/lb_endpoints/0/metadata/filter_metadata/envoy.transport_socket_match";
    for (pointer, expected) in [
        (
            format!("{matches}/transport_socket/typed_config/sni"),
            json!("spare.example.com"),
        ),
        (format!("{matches}/match"), json!({ "failover": true })),
        (format!("{hosts}/1{marked}"), json!({ "failover": true })),
    ] {
        check_value(&secure, &pointer, &expected);
    }
    assert_eq!(secure.pointer(&format!("{hosts}/0{marked}")), None);
}

#[test]
fn only_what_may_be_tried_again_is() {
    let at = upstream("c".to_owned(), "http://127.0.0.1:3/mcp").unwrap();
    let limits = "/0/circuit_breakers/thresholds/0";
    let never = clusters_of(server(at.clone()));
    check_value(&never, &format!("{limits}/max_retries"), &json!(0));
    let retries = clusters_of(Server {
        retries: true,
        ..server(at)
    });
    let budget = format!("{limits}/retry_budget/budget_percent/value");
    check_value(&retries, &budget, &json!(20));
    assert_eq!(retries.pointer(&format!("{limits}/max_retries")), None);
}

#[test]
fn servers_get_the_credential_that_they_want() {
    let at = |url: &str| upstream("c".to_owned(), url).unwrap();
    let filters = "typed_extension_protocol_options\
                   /envoy.extensions.upstreams.http.v3.HttpProtocolOptions/http_filters";
    let added = format!("{filters}/0/typed_config/credential/typed_config");
    let path = "sds_config/path_config_source/path";
    for url in ["http://127.0.0.1:3/mcp", "https://mcp.example.com/mcp"] {
        let secret = clusters_of(Server {
            credential: Some(Credential::Secret {
                secret: "t".to_owned(),
                header: "x-api-key".to_owned(),
                prefix: String::new(),
            }),
            ..server(at(url))
        });
        for (rest, expected) in [
            ("header".to_owned(), "x-api-key"),
            (format!("credential/{path}"), "/s/t.yaml"),
        ] {
            check_value(&secret, &format!("/0/{added}/{rest}"), &json!(expected));
        }
        let token = clusters_of(Server {
            credential: Some(Credential::OAuth2(engine::registry::OAuth2 {
                token_url: "https://idp.example.com/token".to_owned(),
                client_id: "us".to_owned(),
                secret: "t".to_owned(),
                scopes: vec!["a".to_owned()],
            })),
            tokens: Some(upstream(token_cluster("c"), "https://idp.example.com/token").unwrap()),
            ..server(at(url))
        });
        for (rest, expected) in [
            ("0/name".to_owned(), json!("toolgate-token-c")),
            (
                format!("1/{added}/token_endpoint/cluster"),
                json!("toolgate-token-c"),
            ),
            (format!("1/{added}/scopes"), json!(["a"])),
            (
                format!("1/{added}/client_credentials/client_secret/{path}"),
                json!("/s/t.yaml"),
            ),
            (
                format!("1/{filters}/1/name"),
                json!("envoy.filters.http.upstream_codec"),
            ),
        ] {
            check_value(&token, &format!("/{rest}"), &expected);
        }
    }
    let none = clusters_of(Server {
        credential: Some(Credential::None),
        ..server(at("http://127.0.0.1:3/mcp"))
    });
    assert_eq!(none.pointer(&format!("/0/{filters}")), None);
}
