use axum::http::HeaderValue;

use super::*;

#[track_caller]
fn check(values: &[&str], expected: bool) {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append("x-forwarded-client-cert", value);
    }
    assert_eq!(proves(&headers, "spiffe://a/envoy"), expected, "{values:?}");
}

#[test]
fn one_certificate_for_one_uri_proves_it() {
    check(&["URI=spiffe://a/envoy"], true);
    check(
        &[
            r#"By=spiffe://a/approvals;Hash=00ff;Subject="CN=\"x, y\";O=z";URI=spiffe://a/envoy;DNS=a"#,
        ],
        true,
    );
    check(&[r#"Subject="";URI="spiffe://a/envoy""#], true);
}

#[test]
fn anything_else_proves_nothing() {
    check(&[], false);
    for value in [
        "",
        "URI=",
        "URI",
        "By=spiffe://a/envoy",
        "URI=spiffe://a/envoy/2",
        "URI=SPIFFE://a/envoy",
        "uri=spiffe://a/envoy",
        "URI= spiffe://a/envoy",
        "URI=spiffe://a/envoy;",
        "URI=spiffe://a/envoy;URI=spiffe://a/envoy",
        "URI=spiffe://b/envoy;URI=spiffe://a/envoy",
        "URI=spiffe://a/envoy;Extra=1",
        // Another proxy's element, or text that looks like one.
        "URI=spiffe://b/envoy,URI=spiffe://a/envoy",
        "URI=spiffe://a/envoy,URI=spiffe://b/envoy",
        r#"Subject="CN=x;URI=spiffe://a/envoy""#,
        r#"Subject="CN=x\";URI=spiffe://a/envoy"#,
        r#"URI="spiffe://a/envoy"#,
        r#"URI="spiffe://a/envoy"x"#,
        r#"URI=spiffe://a/"envoy""#,
    ] {
        check(&[value], false);
    }
    check(&["URI=spiffe://a/envoy", "URI=spiffe://a/envoy"], false);
}
