//! Dry runs: calls of which somebody only wants to know what would be decided.

use crate::{
    refusal::Refusal,
    rpc::{Message, MessageKind, Target},
};

use super::{Exchange, Request, judge::completes};

impl Exchange {
    /// Whether the message asks for a dry run. Where it may not, or in a way that is not certain,
    /// it is refused: what somebody only wanted to try must never happen.
    pub(super) fn dry_run(
        &mut self,
        request: &Request,
        message: &Message<'_>,
    ) -> Result<bool, Refusal> {
        let Some(meta) = message.params.and_then(|params| params.get("_meta")) else {
            return Ok(false);
        };
        if meta.members().any(|member| is_misspelt(&member.key())) {
            return Err(Refusal::NoDryRun(
                "of `toolgate/`, there is only `toolgate/dryRun`",
            ));
        }
        let Some(asked) = meta.get(DRY_RUN) else {
            return Ok(false);
        };
        match asked.bool() {
            Some(false) => return Ok(false),
            Some(true) => self.record.dry_run = true,
            None => return Err(Refusal::NoDryRun("`toolgate/dryRun` is true or false")),
        }
        if !self.policy.permits_dry_run(&request.principal) {
            return Err(Refusal::NoDryRun("this caller may not make dry runs"));
        }
        let used = match message.target {
            Target::Tool(_) | Target::Prompt(_) | Target::Resource(_) => !completes(message),
            Target::Plumbing
            | Target::Task(_)
            | Target::List(_)
            | Target::Tasks
            | Target::Watched { .. }
            | Target::Unknown => false,
        };
        if !used || message.kind != MessageKind::Request {
            return Err(Refusal::NoDryRun("there is no dry run of this method"));
        }
        Ok(true)
    }
}

/// Whether a member of `_meta` is meant for Toolgate, and nothing that it knows: what looks like a
/// dry run must not be executed as an ordinary call.
fn is_misspelt(key: &str) -> bool {
    key != DRY_RUN
        && key
            .get(..NAMESPACE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(NAMESPACE))
}

const NAMESPACE: &str = "toolgate/";
const DRY_RUN: &str = "toolgate/dryRun";
