use super::*;
use crate::json::Doc;

const SEEN: Timestamp = Timestamp(1);
const LATER: Timestamp = Timestamp(2);

#[test]
fn status_and_answer_tell_what_came_of_it_and_whose_fault_it_is() {
    let error = |code: i64| format!(r#"{{"error":{{"code":{code},"message":"no"}}}}"#);
    let (ok, failed) = (r#"{"result":{}}"#, r#"{"result":{"isError":true}}"#);
    for (status, answer, outcome, callers_fault) in [
        (200, ok, Outcome::Ok, false),
        (200, failed, Outcome::ToolError, false),
        (200, &error(-32_603), Outcome::ProtocolError, false),
        (200, &error(1), Outcome::ProtocolError, false),
        (200, &error(-32_700), Outcome::ProtocolError, true),
        (200, &error(-32_600), Outcome::ProtocolError, true),
        (200, &error(-32_602), Outcome::ProtocolError, true),
        (200, &error(-32_002), Outcome::ProtocolError, true),
        (200, &error(-32_042), Outcome::ProtocolError, true),
        (200, &error(-32_022), Outcome::ProtocolError, true),
        (200, &error(-32_023), Outcome::ProtocolError, false),
        (400, ok, Outcome::ProtocolError, true),
        (429, &error(-32_000), Outcome::ProtocolError, false),
        (401, &error(-32_000), Outcome::ProtocolError, false),
        (500, ok, Outcome::TransportError, false),
    ] {
        let mut told = Told::default();
        told.status(status, SEEN);
        told.answer(Doc::parse(answer.into()).unwrap().root(), LATER);
        told.close(false, LATER);
        let seen = (told.outcome, told.callers_fault);
        assert_eq!(seen, (Some(outcome), callers_fault), "{status} {answer}");
        let at = if status < 400 { LATER } else { SEEN };
        assert_eq!(told.at, Some(at), "{status} {answer}");
    }
}

#[test]
fn without_an_answer_it_failed_unless_nobody_waits() {
    for (gone, outcome) in [(false, Some(Outcome::TransportError)), (true, None)] {
        let mut told = Told::default();
        told.status(200, SEEN);
        told.close(gone, LATER);
        assert_eq!(told.outcome, outcome);
    }
}
