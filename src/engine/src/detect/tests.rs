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

fn detector(kinds: &[Kind], own: &[(&str, &str)]) -> Detector {
    let mut detector = Detector::default();
    for kind in kinds {
        detector.add(&Form::Kind(*kind));
    }
    for (name, source) in own {
        let pattern = Pattern::new(name, source).unwrap();
        detector.add(&Form::Pattern(Arc::new(pattern)));
    }
    detector
}

/// A case with its marks around what was found; around all that overlaps together.
fn mark(text: &str, found: &[Found<'_>]) -> String {
    let mut together: Vec<Range<usize>> = Vec::new();
    for found in found {
        match together.last_mut() {
            Some(last) if found.at.start < last.end => last.end = last.end.max(found.at.end),
            _ => together.push(found.at.clone()),
        }
    }
    let mut marked = text.to_owned();
    for at in together.iter().rev() {
        marked.insert(at.end, '»');
        marked.insert(at.start, '«');
    }
    marked
}

/// Checks a kind's table, line by line; what is wrong with it.
#[track_caller]
fn check(kind: Kind, table: &str) -> Vec<String> {
    let detector = detector(&[kind], &[]);
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
    let detector = detector(&Kind::ALL, &[("ticket", "T-[0-9]{4,12}")]);
    let text = expected.replace(['«', '»'], "");
    let found = detector.find(&text);
    assert_eq!(mark(&text, &found), expected);
    let mut told: Vec<_> = found.iter().map(|found| found.kind).collect();
    told.dedup();
    assert_eq!(told, kinds);
}

#[test]
fn values_of_many_kinds_stand_side_by_side() {
    check_all(
        "«bob@example.com», «+1 212-555-0123», «192.0.2.1» and «4111 1111 1111 1111» in «T-1234».",
        &["email", "phone", "ip_address", "payment_card", "ticket"],
    );
    // Together, also where neither holds the other.
    check_all("«T-4111@example.com»", &["email", "ticket"]);
    check_all("«T-4111 1111 1111 1111»", &["ticket", "payment_card"]);
    check_all(
        "postgres://u:«bob»@db.example.com/x?mail=«a@example.org»",
        &["url_password", "email"],
    );
    check_all("«123-45-6789»", &["ssn"]);
    check_all("", &[]);
}

/// Checks what is wrong with a pattern.
#[track_caller]
fn check_pattern(source: &str, expected: &str) {
    assert_eq!(Pattern::new("own", source).unwrap_err(), expected);
}

#[test]
fn patterns_are_bounded() {
    let not = "is not a regular expression that can be matched";
    check_pattern("(", &format!("`(` {not}"));
    check_pattern("(?=a)", &format!("`(?=a)` {not}"));
    check_pattern("a?", "`a?` matches empty text");
    let bound = "matches without a bound, or more than 8192 bytes";
    check_pattern(r"\w{8000}", &format!(r"`\w{{8000}}` {bound}"));
    check_pattern("a+", &format!("`a+` {bound}"));
}

proptest! {
    #[test]
    fn any_text_can_be_searched(text in r"(\PC|[-+@:./ 0-9eyJx\n]|eyJ|AKIA|ghp_|xoxb-|://|[0-9]{3}){0,80}") {
        let detector = detector(&Kind::ALL, &[("own", "[0-9]{1,3}|é")]);
        let mut start = 0;
        for found in detector.find(&text) {
            prop_assert!(found.at.start >= start && !found.at.is_empty());
            prop_assert!(text.get(found.at.clone()).is_some());
            start = found.at.start;
        }
    }

    /// What stands around a value does not hide it, beyond what touches it.
    #[test]
    fn values_are_found_in_any_text(before in r"\PC{0,60}", after in r"\PC{0,60}") {
        let detector = detector(&[Kind::Email], &[]);
        let text = format!("{before} bob@example.com {after}");
        let at = before.len() + 1..before.len() + 16;
        prop_assert!(detector.find(&text).iter().any(|found| found.at == at));
    }
}

/// A megabyte of what each kind begins with, over and over, takes four times as long as a quarter of
/// it: not sixteen times. Time is this thread's on the processor, and the bound is wide.
#[test]
fn hostile_texts_take_linear_time() {
    let hostile = |bytes: usize| {
        let run = bytes / HOSTILE.len();
        HOSTILE.map(|part| part.repeat(run / part.len())).concat()
    };
    let (quarter, text) = (hostile(1 << 18), hostile(1 << 20));
    for detector in [
        detector(&Kind::ALL, &[]),
        detector(&[], &[("own", "a{1,100}b|a")]),
    ] {
        let short = seconds(|| drop(detector.find(&quarter)));
        let long = seconds(|| drop(detector.find(&text)));
        assert!(long < 10.0 * short.max(0.002), "{short} s, then {long} s");
    }
}

const HOSTILE: [&str; 33] = [
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
];

fn seconds(run: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = now();
    run();
    now() - start
}
