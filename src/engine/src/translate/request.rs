//! Requests on their way to a server of the other era.

use crate::{
    contract::ParamHeader,
    http::{HeaderEdit, Headers},
    json::{Node, Splice, quote},
    rpc::{self, Era, Method, era},
};

use super::{Changes, META, OWN, Peer, strip};

/// What changes in a request. `root` is as it would be sent otherwise; `declared` are the arguments
/// that its tool wants mirrored in headers.
#[must_use]
pub fn request(
    root: Node<'_>,
    headers: &Headers,
    declared: &[ParamHeader],
    to: &Peer<'_>,
) -> Changes {
    let names = headers.iter().map(|(name, _)| name);
    let mirrored = names.filter(|name| name.starts_with("mcp-param-"));
    let gone = mirrored.chain(["mcp-method", "mcp-name", "mcp-session-id"]);
    let mut changes = Changes {
        headers: gone
            .map(|name| HeaderEdit::Remove(name.to_owned()))
            .collect(),
        splices: Vec::new(),
    };
    changes.header("mcp-protocol-version", to.version);
    if let Some(session) = to.session {
        changes.header("mcp-session-id", session);
    }
    if let Some((id, own)) = to.id.zip(root.get("id")) {
        changes.splices.push(Splice {
            at: own.span(),
            with: id.into(),
        });
    }
    match to.era {
        Era::Legacy => {
            // Nobody there asks in rounds.
            let params = root.get("params").into_iter();
            let gone = params.flat_map(|it| strip(it, &["inputResponses", "requestState"]));
            changes.splices.extend(gone);
        }
        Era::Modern => {
            changes.mirror(root, declared);
            changes.describe(root, to);
        }
    }
    changes
}

impl Changes {
    fn header(&mut self, name: &'static str, value: &str) {
        let edit = HeaderEdit::Set(name.into(), value.to_owned());
        self.headers.push(edit);
    }

    /// Repeats in the head what others route on (MCP 2026-07-28, "Request Metadata").
    fn mirror(&mut self, root: Node<'_>, declared: &[ParamHeader]) {
        let method = root.get("method").and_then(Node::str).unwrap_or_default();
        self.header("mcp-method", &method);
        let params = root.get("params");
        let member = Method::named(&method).name_member();
        if let Some(name) = member.and_then(|member| params?.get(member)?.str()) {
            self.header("mcp-name", &rpc::encode_header(&name));
        }
        let arguments = params.and_then(|params| params.get("arguments"));
        for ParamHeader { header, path, .. } in declared {
            let path: Vec<_> = path.iter().map(String::as_str).collect();
            let argument = arguments.and_then(|it| it.pointer(&path));
            if let Some(argument) = argument.filter(|it| !it.is_null()) {
                let text = argument.str().unwrap_or_else(|| argument.raw().into());
                let value = rpc::encode_header(&text);
                let edit = HeaderEdit::Set(header.clone().into(), value);
                self.headers.push(edit);
            }
        }
    }

    /// Lets the request describe itself. It declares nothing that the client can do: what a server
    /// asks for in this era, a client of the other cannot be asked.
    fn describe(&mut self, root: Node<'_>, to: &Peer<'_>) {
        let params = root.get("params");
        let meta = params.and_then(|params| params.get(META));
        let members = meta.into_iter().flat_map(Node::members);
        let kept = members.filter(|member| !member.key().starts_with(OWN));
        let kept = kept.map(|member| (member.name().raw().to_owned(), member.value().raw()));
        let version = quote(to.version);
        let log = to.log.map(quote);
        let own = [
            (era::VERSION, &*version),
            (era::CLIENT, to.client),
            (era::CAPABILITIES, "{}"),
            (era::LOG_LEVEL, log.as_deref().unwrap_or_default()),
        ];
        let own = own.into_iter().filter(|(_, value)| !value.is_empty());
        let own = own.map(|(name, value)| (quote(name), value));
        let members: Vec<_> = kept
            .chain(own)
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        let meta = format!("{{{}}}", members.join(","));
        match params {
            Some(params) => {
                // The promise to come back for a result, which no server of this era takes.
                self.splices.extend(params.remove("task"));
                self.splices.push(params.set(META, &meta));
            }
            None => {
                let params = format!(r#"{{"{META}":{meta}}}"#);
                self.splices.push(root.set("params", &params));
            }
        }
    }
}
