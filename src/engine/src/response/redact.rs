//! Sensitive values out of what comes back.

use crate::{
    cx::Cx,
    redact::{Blocked, Redacted},
    refusal::{Refusal, ResultFault},
};

use super::{Terms, Told, result::Draft};

/// Takes out of a message what its client must not see. `true`: there was something.
pub(super) fn redact(
    draft: &mut Draft,
    terms: &Terms,
    told: &mut Told,
    cx: &Cx<'_>,
) -> Result<bool, Refusal> {
    let redaction = &terms.redactions.results;
    let mut changed = false;
    for part in ["result", "error", "params"] {
        let Some(part) = draft.root().get(part) else {
            continue;
        };
        let found = redaction.apply_to_result(part, cx.seal);
        let Redacted { edits, counts } = found.map_err(|Blocked(kind)| {
            told.redacted([(kind.clone(), 1)].into());
            Refusal::Result(ResultFault::Sensitive(kind))
        })?;
        told.redacted(counts);
        changed |= !edits.is_empty();
        draft.change(edits)?;
    }
    Ok(changed)
}
