use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(value: &str, header: &str) {
    assert_eq!(encode_header(value), header);
    assert_eq!(decode_header(header).as_deref(), Ok(value));
}

#[test]
fn values() {
    check("us-west1", "us-west1");
    check("us west 1", "us west 1");
    check("", "");
    check("3.14159", "3.14159");
    check(
        "file:///path/to/file%20name.txt",
        "file:///path/to/file%20name.txt",
    );
    check(
        "https://example.com/resource?id=123",
        "https://example.com/resource?id=123",
    );
    check(" us-west1", "=?base64?IHVzLXdlc3Qx?=");
    check("us-west1 ", "=?base64?dXMtd2VzdDEg?=");
    check(" us-west1 ", "=?base64?IHVzLXdlc3QxIA==?=");
    check("日本語", "=?base64?5pel5pys6Kqe?=");
    check(" ü", "=?base64?IMO8?=");
    check("line1\nline2", "=?base64?bGluZTEKbGluZTI=?=");
    check("line1\r\nline2", "=?base64?bGluZTENCmxpbmUy?=");
    check("\tindented", "=?base64?CWluZGVudGVk?=");
    check("a\tb", "=?base64?YQli?=");
    check("\0", "=?base64?AA==?=");
    check("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
    check("=?BASE64?literal?=", "=?base64?PT9CQVNFNjQ/bGl0ZXJhbD89?=");
    check("=?base64", "=?base64");
    check("SGVsbG8=", "SGVsbG8=");
}

#[test]
fn literals() {
    for literal in [
        "SGVsbG8=",
        "SGVsbG8=?=",
        "=?base64?SGVsbG8=",
        "=?BASE64?SGVsbG8=?=",
        "=?Base64?SGVsbG8=?=",
        "=?base64?=",
        " =?base64?SGVsbG8=?=",
        "a\tb",
    ] {
        assert_eq!(decode_header(literal).as_deref(), Ok(literal));
    }
}

#[test]
fn encoded() {
    assert_eq!(decode_header("=?base64?SGVsbG8=?=").as_deref(), Ok("Hello"));
    assert_eq!(decode_header("=?base64??=").as_deref(), Ok(""));
    for broken in [
        "=?base64?SGVsbG8?=",
        "=?base64?SGVsbG8==?=",
        "=?base64?SGVs!!!bG8=?=",
        "=?base64?SGVs bG8=?=",
        "=?base64?SGVsbG9=?=",
        "=?base64?_-__?=",
        "=?base64?/w==?=",
        "=?base64?7aCA?=",
    ] {
        assert_eq!(decode_header(broken), Err(Mismatch::Encoding), "{broken}");
    }
    for foreign in ["é", "a\nb", "a\u{7f}", "a\0"] {
        assert_eq!(
            decode_header(foreign),
            Err(Mismatch::Characters),
            "{foreign:?}"
        );
    }
}

proptest! {
    #[test]
    fn decode_undoes_encode(value: String) {
        let header = encode_header(&value);
        prop_assert!(header.bytes().all(|b| matches!(b, 0x20..=0x7e)));
        prop_assert_eq!(header.trim(), header.as_str());
        prop_assert_eq!(decode_header(&header), Ok(value));
    }

    #[test]
    fn decode_never_panics(value in "(=\\?base64\\?)?.{0,20}(\\?=)?") {
        let _ = decode_header(&value);
    }
}
