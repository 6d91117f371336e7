use super::*;

#[test]
fn what_hides_is_shown_and_what_shows_is_left() {
    for (text, shown) in [
        ("plain, é, 漢字\n\tand ⚠️", "plain, é, 漢字\n\tand ⚠️"),
        ("\u{1b}[2J", "\\u{1b}[2J"),
        ("a\u{200b}b\u{202e}c", "a\\u{200b}b\\u{202e}c"),
        ("\u{e0041}", "\\u{e0041}"),
        // It must not move the cursor.
        ("a\r\n", "a\\u{d}\n"),
        ("👩\u{200d}👧", "👩\\u{200d}👧"),
    ] {
        assert_eq!(visible(text), shown, "{text:?}");
    }
}
