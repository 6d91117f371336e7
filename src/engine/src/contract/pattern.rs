//! How much a pattern can cost for each byte that it is matched against.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// States that a match may have to follow at once for each byte; 0 where the engine's automaton
/// stays small, which is nearly always.
///
/// The engine is linear, but a counted repetition that may begin anywhere (`a.{500}c`) makes its
/// automaton as large as the text, and it then follows every count by itself.
pub(super) fn weight(pattern: &str) -> u64 {
    match regex_syntax::parse(pattern) {
        Ok(hir) => {
            let mut after = false;
            let mut found = 0;
            let parts: &[Hir] = match hir.kind() {
                HirKind::Concat(parts) => parts,
                _ => std::slice::from_ref(&hir),
            };
            if !matches!(
                parts.first().map(Hir::kind),
                Some(HirKind::Look(Look::Start))
            ) {
                after = true;
            }
            for part in parts {
                if after || !simple(part) {
                    found = counted(part).saturating_add(found);
                }
                // Behind a part of varying length a count may begin anywhere.
                let properties = part.properties();
                after |= properties.minimum_len() != properties.maximum_len();
            }
            found
        }
        // What only the library's own dialect knows.
        Err(_) => pattern.len() as u64,
    }
}

/// Whether a part is one class or text, or a repetition of one: it is in one place at a time.
fn simple(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => true,
        HirKind::Repetition(repetition) => matches!(
            repetition.sub.kind(),
            HirKind::Literal(_) | HirKind::Class(_)
        ),
        HirKind::Capture(capture) => simple(&capture.sub),
        HirKind::Concat(_) | HirKind::Alternation(_) => false,
    }
}

/// States of the counted repetitions in a part.
fn counted(part: &Hir) -> u64 {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => 0,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min));
            if times < FEW {
                counted(&repetition.sub).saturating_mul(times.max(1))
            } else {
                states(&repetition.sub).saturating_mul(times)
            }
        }
        HirKind::Capture(capture) => counted(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(counted).fold(0, u64::saturating_add)
        }
    }
}

fn states(part: &Hir) -> u64 {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        // A class beyond ASCII is a tree of byte ranges.
        HirKind::Class(Class::Unicode(class)) if !class.is_ascii() => 6,
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min)).max(1);
            states(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(0, u64::saturating_add)
        }
    }
}

/// Counts below this keep the automaton small.
const FEW: u64 = 8;
