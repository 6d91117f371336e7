//! What templates can say with `|`.
#![expect(
    unreachable_pub,
    reason = "the macro makes public what it is told to keep"
)]

use engine::visible::is_hidden;

use super::view::Shown;

/// Text from strangers.
#[askama::filter_fn]
pub(super) fn shown<'a>(text: &'a str, _: &dyn askama::Values) -> askama::Result<Shown<'a>> {
    Ok(Shown(text))
}

/// The same where no markup can be.
#[askama::filter_fn]
pub(super) fn plain(text: &str, _: &dyn askama::Values) -> askama::Result<String> {
    let seen = |c| if is_hidden(c) { '\u{fffd}' } else { c };
    Ok(text.chars().map(seen).collect())
}
