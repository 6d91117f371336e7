use tempfile::TempDir;

use super::*;

const LEAST: &str = "\
filter: { secret: { file: secret } }
approvers: { issuer: i, audience: a, jwks: { url: https://idp.example.com/jwks } }
";

#[track_caller]
fn check(text: &str, expected: Result<fn(&Config) -> bool, &str>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("c.yaml");
    fs::write(&path, text).unwrap();
    match (Config::read(&path), expected) {
        (Ok(config), Ok(holds)) => assert!(holds(&config), "{config:?}"),
        (Err(error), Err(told)) => {
            let error = error.to_string();
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
            "filter: { secret: { file: s } }".to_owned(),
            "missing field `approvers`",
        ),
        (
            LEAST.replace("{ file: secret }", "{ text: x }"),
            "unknown variant `text`",
        ),
        (String::new(), "c.yaml: "),
    ] {
        check(&text, Err(told));
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
