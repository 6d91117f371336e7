//! Findings as people read them: the message, file, line and column, and the line itself.

use std::{io::IsTerminal, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::source::{Finding, Source};

/// One finding after another, each with the line it is about, in colour on a terminal.
pub(crate) fn print<'a>(
    findings: impl ExactSizeIterator<Item = (Option<&'a Source>, &'a Finding)>,
) {
    let renderer = if std::io::stderr().is_terminal() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let count = findings.len();
    for (source, finding) in findings {
        eprintln!("{}\n", text(source, finding, &renderer));
    }
    match count {
        0 => {}
        1 => eprintln!("1 problem"),
        n => eprintln!("{n} problems"),
    }
}

fn text(source: Option<&Source>, finding: &Finding, renderer: &Renderer) -> String {
    let problem = &finding.problem;
    let title = match problem.path.as_str() {
        "" => problem.message.clone(),
        path => format!("{path}: {}", problem.message),
    };
    let mut group = Group::with_title(Level::ERROR.primary_title(&title));
    group = match (source, &finding.at) {
        (Some(source), Some(at)) => {
            let (number, line, span) = first_line(&source.text, at);
            group.element(
                Snippet::source(line)
                    .line_start(number)
                    .path(&source.name)
                    .annotation(AnnotationKind::Primary.span(span)),
            )
        }
        (Some(source), None) => group.element(Origin::path(&source.name)),
        (None, _) => group,
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The line that a span begins on, with its number, and the part of the span on it: a block of fifty
/// lines says no more than its first.
fn first_line<'a>(text: &'a str, at: &Range<usize>) -> (usize, &'a str, Range<usize>) {
    let before = text.get(..at.start).unwrap_or(text);
    let number = before.matches('\n').count().saturating_add(1);
    let begin = before
        .rfind('\n')
        .map_or(0, |newline| newline.saturating_add(1));
    let line = text
        .get(begin..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let start = before.len().saturating_sub(begin).min(line.len());
    let end = at.end.saturating_sub(begin).clamp(start, line.len());
    (number, line, start..end)
}

#[cfg(test)]
mod tests;
