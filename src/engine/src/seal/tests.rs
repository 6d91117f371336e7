use super::*;

#[test]
fn a_tag_is_hmac_sha_256() {
    // From Python: base64.urlsafe_b64encode(hmac.new(sha256(b"a secret of at least thirty-two bytes")
    // .digest(), bytes, "sha256").digest()[:16]), with lengths in 8 bytes before each part.
    let seal = Seal::new(b"a secret of at least thirty-two bytes");
    for (purpose, parts, tag) in [
        (
            "task",
            &["s", "alice", "", "t\u{fc}r"][..],
            "qX2z7MlBT_t9743O5NhXFQ",
        ),
        ("task", &[], "TQ-T_nQ-C7FAXfbC4i9iEg"),
    ] {
        assert_eq!(seal.tag(purpose, parts), tag);
    }
}

#[test]
fn a_tag_is_for_its_parts() {
    let seal = Seal::new(b"one");
    let tag = seal.tag("task", &["ab", "c"]);
    assert!(seal.check(&tag, "task", &["ab", "c"]));
    for (other, tag, purpose, parts) in [
        (&Seal::new(b"two"), tag.clone(), "task", &["ab", "c"][..]),
        (&seal, tag.clone(), "session", &["ab", "c"]),
        (&seal, tag.clone(), "task", &["a", "bc"]),
        (&seal, tag.clone(), "task", &["abc"]),
        (&seal, tag.clone(), "task", &["ab", "c", ""]),
        (&seal, tag.split_at(21).0.to_owned(), "task", &["ab", "c"]),
        (&seal, tag.split_at(20).0.to_owned(), "task", &["ab", "c"]),
        (&seal, format!("{tag}A"), "task", &["ab", "c"]),
        (&seal, format!("{tag}=="), "task", &["ab", "c"]),
        (&seal, String::new(), "task", &["ab", "c"]),
        (&seal, "?".repeat(22), "task", &["ab", "c"]),
    ] {
        assert!(
            !other.check(&tag, purpose, parts),
            "{tag} {purpose} {parts:?}"
        );
    }
    for at in 0..tag.len() {
        let mut altered = tag.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'Q' } else { b'A' };
        let altered = String::from_utf8(altered).expect("ASCII");
        assert!(!seal.check(&altered, "task", &["ab", "c"]), "{altered}");
    }
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", Seal::new(b"secret")), "Seal");
}

#[test]
fn what_is_closed_is_xchacha20_poly1305() {
    // From Python and PyCryptodome, with the key and the lengths of `a_tag_is_hmac_sha_256`: the
    // cipher's key is the HMAC of "encryption".
    let seal = Seal::new(b"a secret of at least thirty-two bytes");
    for (contents, unique, closed) in [
        (
            &b""[..],
            "",
            "EzvoOT3kQokEBRfrCH4CF4MsNVCFAjViLWFitfAJDxQPekss1NOlSA",
        ),
        (
            b"contents",
            "1",
            "P7EcdPl1MFQS-MhFJq7dNSQRZzlt2Yy4e-Xyc7IDAveA9FV_ZUVVpReIhf-lWFkp",
        ),
    ] {
        assert_eq!(
            seal.close("task", &["s", "alice"], contents, unique),
            closed
        );
        let opened = seal.open("task", &["s", "alice"], closed);
        assert_eq!(opened.as_deref(), Some(contents));
    }
}

#[test]
fn what_is_closed_opens_for_its_parts() {
    let seal = Seal::new(b"one");
    let closed = seal.close("task", &["ab", "c"], b"x", "");
    let opens = |seal: &Seal, purpose, parts: &[&str]| seal.open(purpose, parts, &closed).is_some();
    assert!(opens(&seal, "task", &["ab", "c"]));
    assert!(!opens(&Seal::new(b"two"), "task", &["ab", "c"]));
    assert!(!opens(&seal, "session", &["ab", "c"]));
    assert!(!opens(&seal, "task", &["a", "bc"]));
    assert!(!opens(&seal, "task", &["ab", "c", ""]));
    assert!(!opens(&seal, "taskab", &["c"]));
}
