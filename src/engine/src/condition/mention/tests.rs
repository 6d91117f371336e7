use serde_json::Value as Json;

use crate::condition::Condition;

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let condition = Condition::compile(source).unwrap();
    let found: Vec<String> = condition
        .mentions()
        .into_iter()
        .map(|mention| {
            let other = mention.other.map(|other| format!(" {other}"));
            let constants = match mention.constants.as_slice() {
                [] => String::new(),
                constants => format!(" {}", Json::from(constants.to_vec())),
            };
            let other = other.unwrap_or_default();
            format!("{} {:?}{constants}{other}", mention.fact, mention.test)
        })
        .collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn comparisons_with_constants() {
    check("args.amount <= 100", &["args.amount Order [100]"]);
    check("100 < args.amount", &["args.amount Order [100]"]);
    check(
        "double(args.amount) * 2.0 > 1.5",
        &["args.amount Order [1.5]"],
    );
    check("-args.amount < -5", &["args.amount Order [-5]"]);
    check(
        r#"user == "bob" || user == "bob""#,
        &[r#"user Equal ["bob"]"#],
    );
    check(
        r#"args.a.b["c-d"] in ["x", "y"]"#,
        &[r#"args.a.b.c-d Equal ["x","y"]"#],
    );
    check(
        "args.urgent && !meta.dry",
        &["args.urgent Equal [true]", "meta.dry Equal [true]"],
    );
    check(
        r#"args.urgent ? user == null : tool.riskTier != "high""#,
        &[
            "args.urgent Equal [true]",
            "user Equal [null]",
            r#"tool.riskTier Equal ["high"]"#,
        ],
    );
}

#[test]
fn lists_maps_and_what_is_there() {
    check(r#""admin" in roles"#, &[r#"roles Holds ["admin"]"#]);
    check(
        r#""note" in args"#,
        &["args.note Present", r#"args Holds ["note"]"#],
    );
    check("has(args.a.note)", &["args.a.note Present"]);
    check("size(args.to) <= 5", &["args.to.size() Order [5]"]);
    check(
        r#"args.to.all(a, a.endsWith("@x.com")) && args.to.size() < 3"#,
        &[r#"args.to[] Suffix ["@x.com"]"#, "args.to.size() Order [3]"],
    );
    check(
        r#"["/tmp/", "/var/"].exists(p, args.path.startsWith(p))"#,
        &[r#"args.path Prefix ["/tmp/","/var/"]"#],
    );
    check(
        "args.lines.map(l, l.price > 1.0, l.count)[0] == 2",
        &[
            "args.lines[].price Order [1.0]",
            "args.lines[].count Equal [true]",
        ],
    );
}

#[test]
fn texts() {
    check(
        r#"args.a.lowerAscii().contains("drop") || args.a.matches("^S[0-9]$")"#,
        &[
            r#"args.a Substring ["drop"]"#,
            r#"args.a Pattern ["^S[0-9]$"]"#,
        ],
    );
}

#[test]
fn times() {
    check(
        r#"now.getHours("+02:00") >= 8 && now.getDayOfWeek() in [1, 5]"#,
        &["now.getHours() Order [8]", "now.getDayOfWeek() Equal [1,5]"],
    );
    check(
        r#"now >= timestamp("2026-04-01T00:00:00Z")"#,
        &[r#"now Order ["2026-04-01T00:00:00Z"]"#],
    );
    check(
        r#"timestamp(args.due) - now < duration("1h")"#,
        &["args.due - now Order [3600.0]"],
    );
    check(
        r#"now - timestamp(args.from) > duration("1m")"#,
        &["args.from - now Order [-60.0]"],
    );
}

#[test]
fn facts_beside_each_other() {
    check("args.tenant == tenant", &["args.tenant Equal tenant"]);
    check("args.least < args.most", &["args.least Order args.most"]);
    check(
        r#"args.workspace.startsWith(tenant + "-")"#,
        &[r#"args.workspace Prefix ["-"] tenant"#],
    );
    check("args.role in roles", &["args.role Equal roles[]"]);
}
