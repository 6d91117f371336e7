use engine::{contract::Schema as JsonSchema, json::Doc};
use serde_json::Value;
use tempfile::TempDir;

use super::*;

const LEAST: &str = "\
filter: { secret: { file: secret } }
approvers: { issuer: i, audience: a, jwks: { url: https://idp.example.com/jwks } }
";

/// Everything that can be said.
const WHOLE: &str = "\
listen: 127.0.0.1:8181
database: postgres://approvals@db/approvals
public_url: https://approvals.example.com
filter: { certificate: { uri: spiffe://example.com/envoy } }
approvers:
  issuer: https://idp.example.com
  audience: toolgate-approvals
  jwks: { file: jwks.json }
  claims: { user: sub, roles: realm_access.roles, tenant: tenant }
automatic:
- { id: small, when: args.amount < 50, decision: approve, reason: small, for: finance_approver }
- { id: frozen, when: tool.name == 'wipe', decision: deny, reason: frozen }
escalation: [{ role: finance_approver, after: 30m, to: finance_head, tools: [refund] }]
unmask: { roles: [auditor] }
login: { client_id: toolgate, client_secret: { env: SECRET }, scopes: [openid, groups] }
webhooks:
- id: ledger
  url: https://ledger.example.com/hooks
  format: cloudevents
  secret: { env: LEDGER_SECRET }
  previous_secret: { file: old }
- { id: finance, url: { file: slack }, format: slack, events: [opened, escalated], roles: [finance] }
operators: { roles: [operator] }
expiry: 2h
denial: 5m
retention: 30d
";

#[track_caller]
fn check(text: &str, expected: Result<fn(&Config) -> bool, &str>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("c.yaml");
    fs::write(&path, text).unwrap();
    match (Config::read(&path), expected) {
        (Ok(config), Ok(holds)) => assert!(holds(&config), "{config:?}"),
        (Err(error), Err(told)) => {
            let error = format!("{error:#}");
            assert!(error.contains(told), "{error}");
        }
        (read, _) => panic!("{text}: {read:?}"),
    }
}

#[test]
fn little_has_to_be_said() {
    check(LEAST, Ok(|config| config.listen == "127.0.0.1:8181"));
    check(LEAST, Ok(|config| config.database == "sqlite:approvals.db"));
    check(
        LEAST,
        Ok(|config| config.expiry == Duration::from_secs(3_600)),
    );
    check(LEAST, Ok(|config| config.approvers.claims.user == "sub"));
    check(LEAST, Ok(|config| config.approvers.claims.tenant.is_none()));
    let longer = format!("{LEAST}expiry: 2d\ndenial: 0s\n");
    check(
        &longer,
        Ok(|config| config.expiry == Duration::from_secs(172_800)),
    );
    check(&longer, Ok(|config| config.terms().denial == 0));
}

#[test]
fn what_nobody_understands_is_refused() {
    for (text, told) in [
        (format!("{LEAST}exipry: 1h"), "unknown field `exipry`"),
        (format!("{LEAST}expiry: 1 h"), "`1 h` is not a time like"),
        (format!("{LEAST}expiry: ''"), "`` is not a time like"),
        (format!("{LEAST}expiry: 5é"), "`5é` is not a time like"),
        (format!("{LEAST}expiry: 0s"), "`expiry` is 0"),
        (
            format!("{LEAST}automatic: [{{ id: a, when: usr, decision: approve }}]"),
            "c.yaml: automatic[0].when: 1:1: ",
        ),
        (
            "filter: { secret: { file: s } }".to_owned(),
            "missing field `approvers`",
        ),
        (
            LEAST.replace("{ file: secret }", "{ text: x }"),
            "unknown variant `text`",
        ),
        (
            LEAST.replace("{ file: secret }", "hunter2"),
            "c.yaml: a secret is kept elsewhere: `{ env: NAME }`",
        ),
        (String::new(), "c.yaml: "),
    ] {
        check(&text, Err(told));
    }
}

#[test]
fn the_filter_proves_itself_in_one_way() {
    let by = |filter: &str| LEAST.replace("{ secret: { file: secret } }", filter);
    let certificate = by("{ certificate: { uri: spiffe://a/envoy } }");
    check(&certificate, Ok(|config| config.check_listen().is_ok()));
    for listen in [
        "0.0.0.0:8181",
        "'[::]:8181'",
        "10.0.0.1:1",
        "localhost:8181",
    ] {
        let open = format!("{certificate}listen: {listen}\n");
        check(&open, Ok(|config| config.check_listen().is_err()));
    }
    check(
        &format!("{LEAST}listen: 0.0.0.0:1\n"),
        Ok(|config| config.check_listen().is_ok()),
    );
    for (filter, told) in [
        (
            "{ certificate: { uri: a }, secret: { file: s } }",
            "c.yaml: ",
        ),
        ("{ certificate: { url: a } }", "unknown field `url`"),
        ("{}", "c.yaml: "),
    ] {
        check(&by(filter), Err(told));
    }
}

#[test]
fn escalations_lead_on() {
    let with = |text: &str| format!("{LEAST}escalation: [{text}]\n");
    let first = with("{ role: a, after: 30m, to: b }");
    check(&first, Ok(|config| config.escalation.len() == 1));
    check(
        &with("{ role: a, after: 30m, to: a }"),
        Err("`escalation[0]` leads from"),
    );
    check(
        &with("{ role: a, after: soon, to: b }"),
        Err("`soon` is not a time"),
    );
    check(&with("{ role: a, to: b }"), Err("missing field `after`"));
}

#[test]
fn the_published_schema_is_current_and_covers_a_whole_file() {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/approvals.schema.json");
    let published = fs::read_to_string(at).unwrap();
    assert_eq!(
        published,
        schema().unwrap(),
        "`make gen` writes approvals.schema.json"
    );
    let published: Value = serde_json::from_str(&published).unwrap();
    let least: Config = serde_saphyr::from_str(LEAST).unwrap();
    for (name, time) in [
        ("expiry", least.expiry),
        ("denial", least.denial),
        ("retention", least.retention),
    ] {
        let default = published["properties"][name]["default"].as_str().unwrap();
        assert_eq!(parse_duration(default), Some(time), "{name}");
    }
    let schema = JsonSchema::new(published);
    for (text, holds) in [
        (WHOLE, true),
        (LEAST, true),
        (include_str!("../../../../envoy/approvals.yaml"), true),
        (&WHOLE.replace("expiry: 2h", "expiry: 2 hours"), false),
        (&WHOLE.replace("after: 30m", "later: 30m"), false),
        (&WHOLE.replace("roles: [auditor]", "role: auditor"), false),
        (&WHOLE.replace("format: slack", "format: teams"), false),
        (&WHOLE.replace("{ file: slack }", "{ text: slack }"), false),
        (&WHOLE.replace("opened,", "all,"), false),
    ] {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        let doc = Doc::parse(value.to_string().into_bytes()).unwrap();
        let violations = schema.violations(Some(doc.root()), 9);
        assert_eq!(violations.is_ok(), holds, "{text}: {violations:?}");
        let read = serde_saphyr::from_str::<Config>(text);
        assert_eq!(read.is_ok(), holds, "{text}: {read:?}");
    }
}

#[test]
fn secrets_are_long_and_come_from_elsewhere() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    let secret = Secret::File(path.clone());
    assert!(
        secret
            .read()
            .unwrap_err()
            .to_string()
            .contains("cannot read")
    );
    fs::write(&path, "short\n").unwrap();
    assert!(
        secret
            .read()
            .unwrap_err()
            .to_string()
            .contains("less than 32")
    );
    fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    assert_eq!(secret.read().unwrap().len(), 32);
    let unset = Secret::Env("TOOLGATE_NO_SUCH_VARIABLE".to_owned());
    assert!(unset.read().unwrap_err().to_string().contains("is not set"));
}
