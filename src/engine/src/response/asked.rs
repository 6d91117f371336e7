//! What a server asks of a client that reaches it through the virtual server: under ids that lead
//! back to it, and meet no other server's.

use crate::{
    cx::Cx,
    ids::Purpose,
    json::{Node, Splice, quote},
};

use super::Terms;

/// Puts ids for this client in place of the server's own.
pub(super) fn edits(root: Node<'_>, terms: &Terms, cx: &Cx<'_>) -> Vec<Splice> {
    let method = root.get("method").and_then(Node::str);
    let Some(method) = method.filter(|_| terms.spoken.is_some()) else {
        return Vec::new();
    };
    let wrap = |purpose, node: Node<'_>| {
        let id = terms.ids(cx).wrap(purpose, [&*terms.server, node.raw()]);
        Splice {
            at: node.span(),
            with: quote(&id).into_bytes(),
        }
    };
    let Some(id) = root.get("id") else {
        // It takes back what it has asked.
        let id = root.pointer(&["params", "requestId"]);
        let id = id.filter(|_| method == "notifications/cancelled");
        return id
            .map(|id| wrap(Purpose::Request, id))
            .into_iter()
            .collect();
    };
    let token = root.pointer(&["params", "_meta", "progressToken"]);
    let token = token.map(|token| wrap(Purpose::Progress, token));
    token
        .into_iter()
        .chain([wrap(Purpose::Request, id)])
        .collect()
}
