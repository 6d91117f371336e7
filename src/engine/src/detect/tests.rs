use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

use super::*;

/// One table for each kind, one case on each line: what is found stands between `«` and `»`, and a
/// line without them is a near miss. `¦` joins what must not stand together in a file, so that no
/// scanner takes a test for a secret; `⏎` is a line feed.
const TABLES: [(Kind, &str); 13] = [
    (Kind::PaymentCard, include_str!("tests/payment_card.txt")),
    (Kind::Iban, include_str!("tests/iban.txt")),
    (Kind::Ssn, include_str!("tests/ssn.txt")),
    (Kind::TaxId, include_str!("tests/tax_id.txt")),
    (Kind::Email, include_str!("tests/email.txt")),
    (Kind::Phone, include_str!("tests/phone.txt")),
    (Kind::IpAddress, include_str!("tests/ip_address.txt")),
    (Kind::Jwt, include_str!("tests/jwt.txt")),
    (Kind::AwsKey, include_str!("tests/aws_key.txt")),
    (Kind::GithubToken, include_str!("tests/github_token.txt")),
    (Kind::SlackToken, include_str!("tests/slack_token.txt")),
    (Kind::PrivateKey, include_str!("tests/private_key.txt")),
    (Kind::UrlPassword, include_str!("tests/url_password.txt")),
];

fn detector(kinds: &[Kind]) -> Detector {
    Detector::new(&kinds.iter().copied().collect(), &BTreeMap::new()).unwrap()
}

/// A case with its marks around what was found.
fn mark(text: &str, found: &[Found<'_>]) -> String {
    let mut marked = text.to_owned();
    for found in found.iter().rev() {
        marked.insert(found.at.end, '»');
        marked.insert(found.at.start, '«');
    }
    marked
}

/// Checks a kind's table, line by line; what is wrong with it.
#[track_caller]
fn check(kind: Kind, table: &str) -> Vec<String> {
    let detector = detector(&[kind]);
    let mut wrong = Vec::new();
    let (mut hits, mut misses) = (0, 0);
    for line in table.lines().filter(|line| !line.starts_with("# ")) {
        let expected = line.replace('¦', "").replace('⏎', "\n");
        let text = expected.replace(['«', '»'], "");
        let found = detector.find(&text);
        let told = mark(&text, &found);
        if told != expected {
            wrong.push(format!(
                "{kind:?}\n  expected {expected}\n  found    {told}"
            ));
        }
        assert!(found.iter().all(|found| found.at.len() <= kind.longest()));
        *if found.is_empty() {
            &mut misses
        } else {
            &mut hits
        } += 1;
    }
    assert!(hits >= 50 && misses >= 50, "{kind:?}: {hits} and {misses}");
    wrong
}

#[test]
fn every_kind_is_found_and_its_near_misses_are_not() {
    let wrong: Vec<_> = TABLES
        .iter()
        .flat_map(|(kind, table)| check(*kind, table))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kinds_have_their_names() {
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.as_str()), Some(kind));
    }
    assert_eq!(Kind::named("password"), None);
    assert_eq!(TABLES.map(|(kind, _)| kind), Kind::ALL);
}

/// Checks what is found of all kinds and of the pattern `ticket`.
#[track_caller]
fn check_all(expected: &str, kinds: &[&str]) {
    let patterns = BTreeMap::from([("ticket".to_owned(), "T-[0-9]{4,12}".to_owned())]);
    let detector = Detector::new(&Kind::ALL.into(), &patterns).unwrap();
    let text = expected.replace(['«', '»'], "");
    let found = detector.find(&text);
    assert_eq!(mark(&text, &found), expected);
    assert_eq!(found.iter().map(|f| f.kind).collect::<Vec<_>>(), kinds);
}

#[test]
fn values_of_many_kinds_stand_side_by_side() {
    check_all(
        "«bob@example.com», «+1 212-555-0123», «192.0.2.1» and «4111 1111 1111 1111» in «T-1234».",
        &["email", "phone", "ip_address", "payment_card", "ticket"],
    );
    // The longer one of two.
    check_all("«T-4111111111»", &["ticket"]);
    check_all(
        "postgres://u:«bob»@db.example.com/x?mail=«a@example.org»",
        &["url_password", "email"],
    );
    check_all("«123-45-6789»", &["ssn"]);
    check_all("", &[]);
}

/// Checks what is wrong with a pattern.
#[track_caller]
fn check_pattern(name: &str, source: &str, expected: &str) {
    let patterns = BTreeMap::from([(name.to_owned(), source.to_owned())]);
    let problem = Detector::new(&BTreeSet::new(), &patterns).unwrap_err();
    assert_eq!(problem.to_string(), expected);
}

#[test]
fn patterns_are_bounded() {
    let not = "is not a regular expression that can be matched";
    check_pattern("a", "(", &format!("a: `(` {not}"));
    check_pattern("a", "(?=a)", &format!("a: `(?=a)` {not}"));
    check_pattern(
        "a",
        r"\w{8000}",
        "a: `\\w{8000}` matches without a bound, or more than 8192 bytes",
    );
    check_pattern("a", "a?", "a: `a?` matches empty text");
    check_pattern(
        "a",
        "a+",
        "a: `a+` matches without a bound, or more than 8192 bytes",
    );
    check_pattern(
        "iban",
        "a",
        "iban: `iban` is built in, give the pattern another name",
    );
}

proptest! {
    #[test]
    fn any_text_can_be_searched(text in r"(\PC|[-+@:./ 0-9eyJx\n]|eyJ|AKIA|ghp_|xoxb-|://|[0-9]{3}){0,80}") {
        let patterns = BTreeMap::from([("own".to_owned(), "[0-9]{1,3}|é".to_owned())]);
        let detector = Detector::new(&Kind::ALL.into(), &patterns).unwrap();
        let mut end = 0;
        for found in detector.find(&text) {
            prop_assert!(found.at.start >= end && !found.at.is_empty());
            prop_assert!(text.get(found.at.clone()).is_some());
            prop_assert!(found.at.len() <= detector.longest());
            end = found.at.end;
        }
    }

    /// What stands around a value does not hide it, beyond what touches it.
    #[test]
    fn values_are_found_in_any_text(before in r"\PC{0,60}", after in r"\PC{0,60}") {
        let detector = detector(&[Kind::Email]);
        let text = format!("{before} bob@example.com {after}");
        let at = before.len() + 1..before.len() + 16;
        prop_assert!(detector.find(&text).iter().any(|found| found.at == at));
    }
}

/// Texts of what each kind begins with take four times as long when they are four times as long:
/// not sixteen times. Time is this thread's on the processor, and the bound is wide.
#[test]
fn hostile_texts_take_linear_time() {
    let all = detector(&Kind::ALL);
    let bounded = BTreeMap::from([("own".to_owned(), "a{1,100}b|a".to_owned())]);
    let own = Detector::new(&BTreeSet::new(), &bounded).unwrap();
    for part in [
        "a",
        "1",
        "@",
        "a@",
        "a.",
        "a@a.",
        ":",
        "://",
        "a://a:",
        "a://a:a@",
        "eyJ",
        "eyJ.",
        "eyJhbGciOiJIUzI1NiJ9.",
        "-",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
        "ghp_",
        "xoxb-1",
        "hooks.slack.com/",
        "1.",
        "1 ",
        "4111 ",
        "4111-",
        "+1",
        "+",
        "(0",
        "a:",
        "::1",
        "secret ",
        "DE89",
        "A",
        "12-3456789 ",
    ] {
        let text = part.repeat((1 << 18) / part.len());
        let quarter = text.get(..text.len() / 4).unwrap();
        for detector in [&all, &own] {
            let short = seconds(|| drop(detector.find(quarter)));
            let long = seconds(|| drop(detector.find(&text)));
            assert!(
                long < 10.0 * short.max(0.002),
                "{part}: {short} s, then {long} s"
            );
        }
    }
}

fn seconds(run: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = now();
    run();
    now() - start
}
