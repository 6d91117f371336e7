//! What a server says of itself when it is greeted: a model reads it as it reads descriptions.

use crate::{
    config::Drift,
    json::{Node, Splice, quote},
    policy::Policy,
    registry::{greeting_pin, hides},
    rpc::Method,
};

use super::{Terms, Told};

/// Puts the registry's words in place of a server's own `instructions`, and takes out how it
/// describes itself.
pub(super) fn edits(
    result: Node<'_>,
    terms: &Terms,
    policy: &Policy,
    told: &mut Told,
) -> Vec<Splice> {
    let greets = match terms.operation {
        Some(operation) => matches!(operation, Method::Initialize | Method::Discover),
        // A stream that is taken up again brings any answer.
        None => result.get("protocolVersion").is_some() || result.get(SERVER_INFO).is_some(),
    };
    let Some(server) = policy.registry().server(&terms.server).filter(|_| greets) else {
        return Vec::new();
    };
    let mut edits = Vec::new();
    let (said, reviewed) = (result.get(INSTRUCTIONS), server.instructions.as_deref());
    let differs = match &server.pin {
        Some(pin) => *pin != greeting_pin(result),
        None => said.is_some_and(|said| said.str().as_deref() != reviewed),
    };
    let allows = |said: &Node<'_>| policy.drift() == Drift::Allow && !hides(*said);
    let allowed = said.as_ref().is_some_and(allows);
    if differs {
        let action = if allowed {
            Drift::Allow
        } else {
            Drift::Replace
        };
        let drifts = &mut told.drifts;
        drifts.add("server", &server.id, INSTRUCTIONS, Some(action));
    }
    match reviewed {
        _ if differs && allowed => {}
        Some(reviewed) => {
            let same = said.and_then(Node::str).as_deref() == Some(reviewed);
            edits.extend((!same).then(|| result.set(INSTRUCTIONS, &quote(reviewed))));
        }
        None => edits.extend(result.remove(INSTRUCTIONS)),
    }
    let infos = [
        result.get(SERVER_INFO),
        result.pointer(&["_meta", MODERN_INFO]),
    ];
    for info in infos.into_iter().flatten() {
        let texts = ["description", "title"].into_iter();
        let texts = texts.filter(|key| !info.get(key).as_ref().is_some_and(allows));
        edits.extend(texts.filter_map(|key| info.remove(key)));
    }
    edits
}

const INSTRUCTIONS: &str = "instructions";
const SERVER_INFO: &str = "serverInfo";
const MODERN_INFO: &str = "io.modelcontextprotocol/serverInfo";
