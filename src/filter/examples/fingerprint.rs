//! Prints, for each line of input, the fingerprint of the ask that it holds, or why it has none.
//!
//! Built for this machine and as the filter is built, to compare the two. A line is what a call
//! says, not yet an ask: its arguments come as an agent writes them.

use std::io::{self, Write as _};

use engine::{
    approval::{Ask, Kind, Payload},
    json::{Doc, Node},
};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lines() {
        match ask(line?) {
            Ok(ask) => writeln!(out, "{}", ask.fingerprint())?,
            Err(reason) => writeln!(out, "refused: {reason}")?,
        }
    }
    Ok(())
}

fn ask(line: String) -> Result<Ask, String> {
    let doc = Doc::parse(line.into_bytes()).map_err(|(fault, _)| fault.to_string())?;
    let call = doc.root();
    let text = |name| Some(call.get(name)?.str()?.into_owned());
    let payload = |node: Option<Node<'_>>| {
        let sent = Payload::of(node).map_err(|inexact| inexact.to_string())?;
        // The service reads again what the filter wrote.
        let read = Payload::try_from(sent.text().to_owned());
        match read {
            Ok(read) if read == sent => Ok(sent),
            Ok(_) | Err(_) => Err(format!("`{}` is read as something else", sent.text())),
        }
    };
    let input = call.get("inputResponses");
    Ok(Ask {
        kind: Kind::Tool,
        tool: text("tool").unwrap_or_default(),
        contract_version: text("contractVersion"),
        arguments: payload(call.get("arguments"))?,
        input_responses: input.map(|input| payload(Some(input))).transpose()?,
        sensitive: Vec::new(),
        user: text("user"),
        agent: text("agent"),
        tenant: text("tenant"),
        environment: text("environment"),
        needs: Vec::new(),
        expires_in: None,
        rule: None,
        policy_version: String::new(),
        server: None,
        description: None,
        access: None,
        data_classification: None,
        risk_tier: None,
        meta_reason: None,
        request_id: None,
        trace_id: None,
    })
}
