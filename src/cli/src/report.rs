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
        (Some(source), Some(at)) => group.element(
            Snippet::source(&source.text)
                .path(&source.name)
                .annotation(AnnotationKind::Primary.span(first_line(&source.text, at))),
        ),
        (Some(source), None) => group.element(Origin::path(&source.name)),
        (None, _) => group,
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The part of a span on its first line: a block of fifty lines says no more than its first.
fn first_line(text: &str, at: &Range<usize>) -> Range<usize> {
    let spanned = text.get(at.clone()).unwrap_or_default();
    let length = spanned.find('\n').unwrap_or(spanned.len());
    let start = (0..=at.start.min(text.len()))
        .rev()
        .find(|&i| text.is_char_boundary(i));
    let start = start.unwrap_or_default();
    start..start.saturating_add(length)
}
