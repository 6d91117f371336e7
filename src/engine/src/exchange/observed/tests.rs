use super::*;

const SEEN: Timestamp = Timestamp(1);
const LATER: Timestamp = Timestamp(2);

/// An answer whose body, and whether it ends, is known.
fn seen(status: u16, form: Option<Form>, encoded: bool, body: &str, end: bool) -> Observed {
    let mut observed = Observed::default();
    let head = Head {
        status,
        form,
        encoded,
    };
    observed.head(&head, "1", SEEN);
    observed.body(body.as_bytes(), end, LATER);
    observed
}

#[test]
fn status_and_body_tell_what_came_of_it_and_whose_fault_it_is() {
    let (json, stream, ok) = (
        Some(Form::Json),
        Some(Form::Stream),
        r#"{"id":1,"result":{}}"#,
    );
    let error = |code: i64| format!(r#"{{"id":1,"error":{{"code":{code},"message":"no"}}}}"#);
    let nobody = r#"{"id":null,"error":{"code":-32600}}"#;
    for (status, form, body, outcome, callers_fault) in [
        (200, json, ok, Outcome::Ok, false),
        (
            200,
            json,
            r#"{"id":1,"result":{"isError":true}}"#,
            Outcome::ToolError,
            false,
        ),
        (200, json, &error(-32_603), Outcome::ProtocolError, false),
        (200, json, &error(1), Outcome::ProtocolError, false),
        (200, json, &error(-32_700), Outcome::ProtocolError, true),
        (200, json, &error(-32_600), Outcome::ProtocolError, true),
        (200, json, &error(-32_602), Outcome::ProtocolError, true),
        (200, json, &error(-32_002), Outcome::ProtocolError, true),
        (200, json, &error(-32_042), Outcome::ProtocolError, true),
        (200, json, &error(-32_022), Outcome::ProtocolError, true),
        (200, json, &error(-32_023), Outcome::ProtocolError, false),
        (200, json, nobody, Outcome::ProtocolError, true),
        (
            200,
            stream,
            &format!("data: {}\n\n", error(-32_601)),
            Outcome::ProtocolError,
            true,
        ),
        (
            200,
            stream,
            &format!("data: {}\n\n", error(-32_000)),
            Outcome::ProtocolError,
            false,
        ),
        (200, stream, "", Outcome::TransportError, false),
        (200, None, ok, Outcome::ProtocolError, false),
        (202, json, "", Outcome::ProtocolError, false),
        (400, json, ok, Outcome::ProtocolError, true),
        (404, None, "", Outcome::ProtocolError, true),
        (401, None, "", Outcome::ProtocolError, false),
        (429, json, &error(-32_000), Outcome::ProtocolError, false),
        (401, json, nobody, Outcome::ProtocolError, true),
        (500, json, ok, Outcome::TransportError, false),
        (503, None, "no", Outcome::TransportError, false),
    ] {
        let observed = seen(status, form, false, body, true);
        let told = (observed.outcome, observed.callers_fault);
        assert_eq!(told, (Some(outcome), callers_fault), "{status} {body}");
        let by_status = status >= 400 || form.is_none();
        let at = if by_status { SEEN } else { LATER };
        assert_eq!(observed.at, Some(at), "{status} {body}");
    }
}

#[test]
fn what_is_compressed_is_known_by_its_status_and_weighed() {
    for (status, outcome, bytes) in [
        (200, None, 3),
        (302, None, 3),
        (400, Some(Outcome::ProtocolError), 3),
        (502, Some(Outcome::TransportError), 0),
    ] {
        let observed = seen(status, Some(Form::Json), true, "\u{1}\u{2}\u{3}", true);
        assert_eq!(observed.outcome, outcome, "{status}");
        assert_eq!(observed.size.bytes, bytes, "{status}");
    }
}

#[test]
fn what_is_cut_off_failed_unless_its_client_has_gone() {
    let half = r#"{"id":1,"result":{"a":[1"#;
    let ends = [
        (Some(Form::Json), half.to_owned()),
        (Some(Form::Stream), format!("data: {half}")),
    ];
    for (form, body) in ends {
        for (gone, outcome) in [(false, Some(Outcome::TransportError)), (true, None)] {
            let mut observed = seen(200, form, false, &body, false);
            assert_eq!(observed.outcome, None);
            observed.close(gone, LATER);
            assert_eq!(
                (observed.outcome, observed.size.bytes),
                (outcome, 7),
                "{body}"
            );
        }
    }
    // Who has the answer may go; and what is not awaited cannot be cut off.
    let answer = "data: {\"id\":1,\"result\":{}}\n\n";
    let mut observed = seen(200, Some(Form::Stream), false, answer, false);
    observed.close(true, LATER);
    assert_eq!(observed.outcome, Some(Outcome::Ok));
    let mut observed = Observed::default();
    observed.close(false, LATER);
    assert_eq!(observed.outcome, None);
}
