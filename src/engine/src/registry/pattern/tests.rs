use super::{Glob, Patterns, is_template, template};

#[track_caller]
fn check(pattern: &str, text: &str, expect: bool) {
    assert_eq!(
        Glob::new(pattern).matches(text),
        expect,
        "`{pattern}` on `{text}`"
    );
}

#[test]
fn globs() {
    for (pattern, text, expect) in [
        ("crm.*", "crm.lookup", true),
        ("crm.*", "crm.", true),
        ("crm.*", "crmx", false),
        ("*", "", true),
        ("*", "anything", true),
        ("", "", true),
        ("", "a", false),
        ("a?c", "abc", true),
        ("a?c", "aéc", true),
        ("a?c", "ac", false),
        ("??", "é", false),
        ("*_customer", "refund_customer", true),
        ("*_customer", "refund_customers", false),
        ("a*b*c", "axxbyybzzc", true),
        ("a*b*c", "axxbyybzz", false),
        ("a**c", "ac", true),
        ("*?", "", false),
        ("file:///docs/*", "file:///docs/a/b", true),
        ("[a]*", "[a]b", true),
        ("*é", "aé", true),
    ] {
        check(pattern, text, expect);
    }
}

#[test]
fn many_stars_take_no_longer_than_length_times_length() {
    let text = "a".repeat(5_000);
    check(&format!("{}b", "a*".repeat(100)), &text, false);
}

#[test]
fn patterns_find_the_most_specific_first() {
    let mut patterns = Patterns::default();
    for (place, text) in ["*", "a.*", "a.b", "a.b*", "*.b", "a.*b", "é*"]
        .into_iter()
        .enumerate()
    {
        patterns.insert(text, place);
    }
    patterns.sort();
    let found = |text: &str| -> (Vec<usize>, Vec<usize>) {
        (
            patterns.exact(text).collect(),
            patterns.globs(text).collect(),
        )
    };
    assert_eq!(found("a.b"), (vec![2], vec![3, 5, 1, 4, 0]));
    assert_eq!(found("a.c"), (vec![], vec![1, 0]));
    assert_eq!(found("éa"), (vec![], vec![6, 0]));
    assert_eq!(found("z"), (vec![], vec![0]));
}

#[test]
fn templates() {
    for (text, pattern) in [
        ("file:///docs/{name}", Some("file:///docs/*")),
        ("{+path}", Some("*")),
        ("x:/{a}/{b*}{?q,lang}{&p:3}", Some("x:/*/***")),
        ("x:/{a.b}%20", Some("x:/*%20")),
        ("x:/plain", None),
        ("x:/{}", None),
        ("x:/{a", None),
        ("x:/a}", None),
        ("x:/{a}}", None),
        ("x:/{{a}}", None),
        ("x:/{a,}", None),
        ("x:/{a b}", None),
        ("x:/ {a}", None),
        ("x:/{a:0}", None),
        ("x:/{a:}", None),
        ("x:/{=a}", None),
    ] {
        let found = is_template(text).then(|| template(text));
        assert_eq!(found.as_deref(), pattern, "`{text}`");
    }
}
