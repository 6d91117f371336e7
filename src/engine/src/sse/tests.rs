use super::*;

/// Pushes `stream` cut at every byte, and in one piece; `upper` rewrites events that hold `x`.
#[track_caller]
fn check(stream: &[u8], expected: &[u8]) {
    check_renamed(stream, None, expected);
}

#[track_caller]
fn check_renamed(stream: &[u8], rename: Option<Rename<'_>>, expected: &[u8]) {
    let judge = |data: Vec<u8>| match data.as_slice() {
        b"drop" => Fate::Drop,
        _ if data.contains(&b'x') => Fate::Data(data.to_ascii_uppercase()),
        _ => Fate::Keep,
    };
    for cut in 0..=stream.len() {
        let mut decoder = Decoder::new(1_000);
        let (head, tail) = stream.split_at(cut);
        let mut out = decoder.push(head, false, rename, judge);
        out.extend(decoder.push(tail, true, rename, judge));
        assert_eq!(text(&out), text(expected), "cut at {cut}");
    }
    let mut decoder = Decoder::new(1_000);
    let mut out = Vec::new();
    for byte in stream {
        out.extend(decoder.push(&[*byte], false, rename, judge));
    }
    out.extend(decoder.push(&[], true, rename, judge));
    assert_eq!(text(&out), text(expected), "byte by byte");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn events_that_are_left_alone_keep_their_bytes() {
    check(b"data: a\n\n", b"data: a\n\n");
    check(
        b"id: 1\r\nretry: 5\r\ndata:\r\n\r\n",
        b"id: 1\r\nretry: 5\r\ndata:\r\n\r\n",
    );
    check(
        b": comment\n\nevent: m\rdata: b\r\r",
        b": comment\n\nevent: m\rdata: b\r\r",
    );
    check(
        "data: \u{e9}\u{20ac}\n\n".as_bytes(),
        "data: \u{e9}\u{20ac}\n\n".as_bytes(),
    );
    check(b"", b"");
}

#[test]
fn rewritten_events_keep_their_other_lines() {
    check(
        b"id: 1\ndata: x\n\ndata: a\n\n",
        b"id: 1\ndata: X\n\ndata: a\n\n",
    );
    check(
        b"data: x\r\nid: 7\r\n\r\ndata:a\n\n",
        b"data: X\nid: 7\r\n\r\ndata:a\n\n",
    );
    check(
        b"data: x\ndata: y\nevent: m\n\n",
        b"data: X\ndata: Y\nevent: m\n\n",
    );
    check(b"\xEF\xBB\xBFdata: x\n\n", b"data: X\n\n");
}

#[test]
fn dropped_events_leave_nothing() {
    check(
        b"data: a\n\ndata: drop\n\ndata: b\n\n",
        b"data: a\n\ndata: b\n\n",
    );
    check(
        b"id: 1\nevent: m\ndata: drop\n\nretry: 5\r\ndata:drop\r\n\r\n",
        b"id: 1\nevent: m\n\nretry: 5\r\n\r\n",
    );
}

#[test]
fn ids_are_renamed_whatever_becomes_of_the_data() {
    let rename: Rename<'_> = &|id| format!("<{id}>");
    for (stream, expected) in [
        ("id: 1\ndata: a\n\n", "id: <1>\ndata: a\n\n"),
        (
            "data:a\ndata: b\r\nid:1:2 \r\n\r\n",
            "data:a\ndata: b\r\nid: <1:2 >\n\r\n",
        ),
        ("id:  1\rdata: x\r\r", "id: < 1>\ndata: X\n\r"),
        ("id: 1\ndata: drop\n\n", "id: <1>\n\n"),
        ("id: 1\n\ndata: a\n\n", "id: <1>\n\ndata: a\n\n"),
        ("id: 1\nid: 2\n\n", "id: <1>\nid: <2>\n\n"),
        ("id\ndata: a\n\nid:\n\n", "id: \ndata: a\n\nid: \n\n"),
        ("id: 1\0\ndata: a\n\n", "data: a\n\n"),
        ("id: 1\u{1b}\ndata: a\n\n", "data: a\n\n"),
        ("id: ü\n\n", "id: <ü>\n\n"),
        ("idle: 1\ndata: a\n\n", "idle: 1\ndata: a\n\n"),
        ("\u{feff}id: 1\n\n", "id: <1>\n\n"),
        (": id: 1\nid : 1\n\n", ": id: 1\nid : 1\n\n"),
        ("data: x\nid: 1", "data: X\nid: <1>\n\n\n"),
    ] {
        check_renamed(stream.as_bytes(), Some(rename), expected.as_bytes());
    }
    check_renamed(b"id: \xff\ndata: a\n\n", Some(rename), b"data: a\n\n");
}

#[test]
fn an_unfinished_last_event_is_judged_too() {
    check(b"data: x", b"data: X\n\n\n");
    check(b"data: a\r", b"data: a\r\n\n");
    check(b"data: drop", b"");
}

#[test]
fn line_ends_may_be_mixed() {
    check(
        b"data: x\r\r\ndata: a\r\n\r\n",
        b"data: X\n\r\ndata: a\r\n\r\n",
    );
    check(b"data: x\n\r\ndata: x\n\n", b"data: X\n\r\ndata: X\n\n");
}

#[test]
fn a_line_is_of_any_length() {
    for length in 0..40 {
        let line = "\t\u{e9}\u{80}a ".chars().cycle().take(length);
        let line = format!("data: {}", line.collect::<String>());
        let stream = format!("{line}\r\n\r\n");
        check(stream.as_bytes(), stream.as_bytes());
    }
}

#[test]
fn an_event_is_whole_before_the_next_begins() {
    for stream in ["data: a\n\n", "data: a\r\r", "data: a\r\n\r\n"] {
        for cut in 0..=stream.len() {
            let mut decoder = Decoder::new(1_000);
            let (head, tail) = stream.split_at(cut);
            let mut out = decoder.push(head.as_bytes(), false, None, |_| Fate::Keep);
            out.extend(decoder.push(tail.as_bytes(), false, None, |_| Fate::Keep));
            assert_eq!(text(&out), stream, "cut at {cut}");
        }
    }
}

#[test]
fn an_event_is_no_longer_than_the_limit_however_it_comes() {
    let first = "data: a\n\n";
    for (second, fits) in [
        ("data: 56\n\n", true),
        ("data: 567\n\n", false),
        ("data: 56789", false),
    ] {
        let stream = first.to_owned() + second;
        for cut in 0..=stream.len() {
            let mut decoder = Decoder::new(10);
            let (head, tail) = stream.split_at(cut);
            let mut out = decoder.push(head.as_bytes(), false, None, |_| Fate::Keep);
            if !decoder.too_long() {
                out.extend(decoder.push(tail.as_bytes(), true, None, |_| Fate::Keep));
            }
            assert_eq!(decoder.too_long(), !fits, "cut at {cut}");
            assert_eq!(
                text(&out),
                if fits { &stream } else { first },
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn a_stream_with_an_id_may_be_resumed() {
    for (stream, resumable) in [
        ("data: a\n\n", false),
        ("id: 1\ndata: a\n\n", true),
        ("data:\r\nid\r\n\r\n", true),
        ("idle: 1\n\n", false),
        ("id: 1", false),
    ] {
        let mut decoder = Decoder::new(100);
        drop(decoder.push(stream.as_bytes(), false, None, |_| Fate::Keep));
        assert_eq!(decoder.resumable(), resumable, "{stream:?}");
    }
}
