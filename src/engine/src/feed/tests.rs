use super::*;

#[track_caller]
fn check(said: &str, expected: &str) {
    let whole = Feed::new("crm", 100).push(said.as_bytes());
    assert_eq!(String::from_utf8_lossy(&whole), expected);
    for at in 0..=said.len() {
        let (before, after) = said.as_bytes().split_at(at);
        let mut feed = Feed::new("crm", 100);
        let parts = [feed.push(before), feed.push(after)].concat();
        assert_eq!(parts, whole, "cut at {at}");
    }
}

#[test]
fn an_event_names_its_server_and_nothing_else_is_left() {
    check("data: {}\n\n", "data: crm\ndata: {}\n\n");
    check(
        "id: 1\r\nevent: x\r\ndata: {}\r\n\r\n",
        "data: crm\ndata: {}\n\n",
    );
    check("data: {\ndata: }\r\r", "data: crm\ndata: {\ndata: }\n\n");
    check("retry: 1\n\n: note\n\ndata\n\n", "");
    check(
        "data: payments\ndata: {}\n\n",
        "data: crm\ndata: payments\ndata: {}\n\n",
    );
    check("data: {}\n\ndata: unfinished\n", "data: crm\ndata: {}\n\n");
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let message = |text| {
        Some(Said::Message {
            server: "crm",
            text,
        })
    };
    assert_eq!(said(b"crm\n{}"), message(b"{}"));
    assert_eq!(said(b"crm\npayments\n{}"), message(b"payments\n{}"));
    assert_eq!(said(b"crm"), Some(Said::End { server: "crm" }));
    assert_eq!(said(b"\xff\n{}"), None);
}

#[test]
fn an_event_that_is_too_long_breaks_its_feed() {
    let mut feed = Feed::new("crm", 10);
    assert_eq!(feed.push(b"data: 0123456789"), b"");
    assert!(feed.is_broken());
}

#[test]
fn only_events_that_can_be_read_are_a_stream() {
    for (status, kind, encoding, expected) in [
        ("200", "text/event-stream; charset=utf-8", "identity", true),
        ("405", "text/event-stream", "identity", false),
        ("200", "application/json", "identity", false),
        ("200", "text/event-stream", "gzip", false),
    ] {
        let pairs = [
            (":status", status),
            ("content-type", kind),
            ("content-encoding", encoding),
        ];
        let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(
            is_stream(&Headers::new(pairs)),
            expected,
            "{status} {kind} {encoding}"
        );
    }
}
