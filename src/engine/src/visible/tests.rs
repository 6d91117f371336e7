use super::*;

#[test]
fn what_hides_is_found() {
    for (text, first) in [
        ("plain, é, 漢字\n\tand ⚠️", None),
        ("\u{1b}[2J", Some('\u{1b}')),
        ("a\u{200b}b\u{202e}c", Some('\u{200b}')),
        ("\u{e0041}", Some('\u{e0041}')),
        // A line end of Windows.
        ("a\r\n", None),
        // It joins emoji, and hides between letters.
        ("👩\u{200d}👧", None),
        ("a\u{200d}b", Some('\u{200d}')),
    ] {
        assert_eq!(hidden(text), first, "{text:?}");
    }
}

#[test]
fn names_that_look_the_same() {
    let name = "refund_customer";
    for (same, other) in [
        (true, "refund_customer"),
        (true, "Refund-Customer"),
        (true, "refund.customer"),
        // Cyrillic, a zero width space, full width, a ligature's look.
        (true, "r\u{435}fund_custom\u{435}r"),
        (true, "refund\u{200b}_customer"),
        (true, "\u{ff52}efund_customer"),
        (true, "refund_custorner"),
        (false, "refund_customers"),
        (false, "refund_consumer"),
    ] {
        assert_eq!(looks(name) == looks(other), same, "{other:?}");
    }
}
