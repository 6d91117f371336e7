//! `# lint: allow CODE - reason`: findings that somebody has looked at and keeps.
//!
//! Only a comment counts: what stands in a text, such as a description that a server sent, silences
//! nothing.

use std::ops::Range;

use engine::problem::{Problem, closest};

use super::{Lint, lints};
use crate::{
    report::{Finding, Level},
    source::Source,
};

pub(super) const LINTS: &[&Lint] = &[&UNEXPLAINED, &UNUSED];

const UNEXPLAINED: Lint = Lint {
    code: "unexplained-allow",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unexplained-allow.md"),
};

const UNUSED: Lint = Lint {
    code: "unused-allow",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unused-allow.md"),
};

/// One code of one comment.
struct Allow<'s> {
    source: usize,
    /// Where the code stands.
    at: Range<usize>,
    code: &'s str,
    reason: &'s str,
    /// The line that it is about.
    line: usize,
    used: bool,
}

/// What is left of `findings`, and what is wrong with the comments.
pub(super) fn apply(sources: &[Source], findings: Vec<Finding>) -> Vec<Finding> {
    let mut allows: Vec<_> = sources
        .iter()
        .enumerate()
        .flat_map(|(index, source)| read(index, source))
        .collect();
    let mut left = Vec::new();
    for finding in findings {
        let place = finding.source.zip(finding.at.as_ref());
        let line = place.and_then(|(index, at)| Some(sources.get(index)?.position(at.start).0));
        let allow = allows.iter_mut().find(|allow| {
            Some(allow.code) == finding.code
                && Some(allow.source) == finding.source
                && Some(allow.line) == line
        });
        match allow {
            Some(allow) => allow.used = true,
            None => left.push(finding),
        }
    }
    for allow in allows {
        let code = allow.code;
        let (lint, problem) = if lints().all(|lint| lint.code != code) {
            let near = closest(code, lints().map(|lint| lint.code));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let problem = Problem::new("", format!("no lint is called `{code}`"));
            (&UNUSED, Problem { help, ..problem })
        } else if !allow.used {
            let problem = Problem::new("", format!("`{code}` is not found here any more"));
            (&UNUSED, problem.help("take the comment out"))
        } else if allow.reason.is_empty() {
            let problem = Problem::new("", format!("nobody says why `{code}` is allowed here"));
            let help = format!("write `# {MARK} {code} - the reason`");
            (&UNEXPLAINED, problem.help(help))
        } else {
            continue;
        };
        left.push(Finding {
            source: Some(allow.source),
            at: Some(allow.at),
            ..lint.finding(problem)
        });
    }
    left
}

/// The comments of a file.
fn read(index: usize, source: &Source) -> Vec<Allow<'_>> {
    let mut allows = Vec::new();
    for (found, _) in source.text.match_indices(MARK) {
        let (number, line, at) = source.line(&(found..found));
        let before = line.get(..at.start).unwrap_or_default().trim_end();
        let Some(before) = before.strip_suffix('#') else {
            continue;
        };
        let opens = before.is_empty() || before.ends_with([' ', '\t']);
        if !opens || source.is_within_text(found) {
            continue;
        }
        let rest = line.get(at.start.saturating_add(MARK.len())..);
        let rest = rest.unwrap_or_default();
        let (codes, reason) = rest.split_once(" - ").unwrap_or((rest, ""));
        // Alone on its line it is about the next that says something.
        let line = if before.trim().is_empty() {
            let below = source.text.lines().enumerate().skip(number);
            let mut says = below.filter(|(_, line)| !line.trim().is_empty() && !is_comment(line));
            says.next()
                .map_or(number, |(below, _)| below.saturating_add(1))
        } else {
            number
        };
        let mut start = found.saturating_add(MARK.len());
        for part in codes.split(',') {
            let code = part.trim();
            let lead = part.len().saturating_sub(part.trim_start().len());
            let begin = start.saturating_add(lead);
            allows.push(Allow {
                source: index,
                at: begin..begin.saturating_add(code.len()),
                code,
                reason: reason.trim(),
                line,
                used: false,
            });
            start = start.saturating_add(part.len()).saturating_add(1);
        }
    }
    allows
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

const MARK: &str = "lint: allow";
