//! The result of a tool inside a message about its task: governed as the answer to the call would
//! have been.

use std::sync::Arc;

use crate::{
    cx::Cx,
    json::{Doc, Kind, Node, Splice},
    policy::Policy,
    refusal::{Asker, Refusal, UpstreamFault},
    rpc::Method,
};

use super::{Terms, Told, result, result::Draft, task};

/// Brings one message into the form in which the client may have it: what it says of tasks, and
/// what a tool says in it, apart from the rest.
pub(super) fn govern(
    draft: &mut Draft,
    terms: &Terms,
    told: &mut Told,
    policy: &Policy,
    cx: &Cx<'_>,
) -> Result<(), Refusal> {
    let mut edits = task::bind(draft.root(), terms, policy, cx)?;
    let said = match task::result(draft.root(), terms) {
        Some((node, task)) => {
            edits.push(put(node, "{}"));
            Some(governed(node, task, terms, told, policy, cx)?)
        }
        None => None,
    };
    draft.change(edits)?;
    result::govern(draft, terms, told, policy, cx)?;
    if let Some(said) = said {
        let root = draft.root();
        let holder = root.get("result").or_else(|| root.get("params"));
        let place = holder.and_then(|holder| holder.get("result"));
        draft.change(place.map(|place| put(place, &said)).into_iter().collect())?;
    }
    Ok(())
}

/// What a tool said, as the answer to its call.
fn governed(
    node: Node<'_>,
    task: &task::Task,
    terms: &Terms,
    told: &mut Told,
    policy: &Policy,
    cx: &Cx<'_>,
) -> Result<String, Refusal> {
    const UNREADABLE: Refusal = Refusal::Upstream(UpstreamFault::Unreadable);
    if node.kind() != Kind::Object {
        return Err(UNREADABLE);
    }
    let call = Terms {
        principal: terms.principal.clone(),
        server: terms.server.clone(),
        session: terms.session.clone(),
        asker: Asker {
            id: Some("0".to_owned()),
            tool_call: true,
            ..terms.asker.clone()
        },
        operation: Some(Method::ToolsCall),
        declared: terms.declared,
        entry: Some(task.entry),
        redactions: Arc::clone(&task.redactions),
        ..Terms::default()
    };
    let answer = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{}}}"#, node.raw());
    let read = |bytes| Doc::parse(bytes).map_err(|_| UNREADABLE);
    let mut draft = Draft::new(read(answer.into_bytes())?);
    let answer = match result::govern(&mut draft, &call, told, policy, cx) {
        Ok(()) => draft.into_bytes(),
        Err(refusal @ Refusal::Result(_)) => {
            told.withhold(&refusal);
            refusal.reply(&call.asker, policy).body
        }
        Err(refusal) => return Err(refusal),
    };
    let answer = read(answer)?;
    let result = answer.root().get("result").ok_or(UNREADABLE)?;
    Ok(result.raw().to_owned())
}

fn put(node: Node<'_>, json: &str) -> Splice {
    Splice {
        at: node.span(),
        with: json.into(),
    }
}
