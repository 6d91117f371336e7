use super::*;

#[test]
fn what_hides_is_shown_and_what_shows_is_left() {
    for (text, shown, first) in [
        ("plain, é, 漢字\n\tand ⚠️", "plain, é, 漢字\n\tand ⚠️", None),
        ("\u{1b}[2J", "\\u{1b}[2J", Some('\u{1b}')),
        (
            "a\u{200b}b\u{202e}c",
            "a\\u{200b}b\\u{202e}c",
            Some('\u{200b}'),
        ),
        ("\u{e0041}", "\\u{e0041}", Some('\u{e0041}')),
        // A line end of Windows is none of it, but must not move the cursor.
        ("a\r\n", "a\\u{d}\n", None),
        // It joins emoji, and hides between letters.
        ("👩\u{200d}👧", "👩\\u{200d}👧", None),
        ("a\u{200d}b", "a\\u{200d}b", Some('\u{200d}')),
    ] {
        assert_eq!(
            (visible(text).as_ref(), hidden(text)),
            (shown, first),
            "{text:?}"
        );
    }
}
