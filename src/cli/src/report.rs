//! Findings: what is wrong with files that people write, for their eyes, their editor and their CI.

use std::{io::Write as _, ops::Range, process::ExitCode};

use annotate_snippets::{AnnotationKind, Group, Level as Style, Origin, Renderer, Snippet};
use anyhow::Context as _;
use clap::ValueEnum;
use engine::problem::Problem;
use serde_json::{Value, json};

use crate::{COULD_NOT_RUN, source::Source};

mod sarif;

/// What is wrong with some files.
#[derive(Default)]
pub(crate) struct Findings {
    /// The files.
    pub(crate) sources: Vec<Source>,
    /// What is wrong with them.
    pub(crate) list: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How much it matters.
    pub(crate) level: Level,
    /// The name under which it is explained and silenced; `None`: the input does not hold together.
    pub(crate) code: Option<&'static str>,
    /// What is wrong; its path is relative to its file.
    pub(crate) problem: Problem,
    /// The index of the file among the sources; `None`: no single file has it.
    pub(crate) source: Option<usize>,
    /// Where in the file, in bytes; `None`: the file has no such place.
    pub(crate) at: Option<Range<usize>>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warning,
    Note,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: each with the line it is about.
    #[default]
    Text,
    /// One JSON array of objects.
    Json,
    /// Workflow commands, which GitHub shows beside the changed lines.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// How an answer is written that is no list of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl Finding {
    /// An error: the input does not hold together.
    pub(crate) const fn error(problem: Problem) -> Self {
        Self {
            level: Level::Error,
            code: None,
            problem,
            source: None,
            at: None,
        }
    }

    fn title(&self) -> String {
        match self.problem.path.as_str() {
            "" => self.problem.message.clone(),
            path => format!("{path}: {}", self.problem.message),
        }
    }
}

impl Findings {
    /// Problems that no single file has.
    pub(crate) fn unplaced(problems: Vec<Problem>) -> Self {
        Self {
            sources: Vec::new(),
            list: problems.into_iter().map(Finding::error).collect(),
        }
    }

    /// Problems of one file, each at its place.
    pub(crate) fn of(source: Source, problems: Vec<Problem>) -> Self {
        let list = problems.into_iter().map(|problem| Finding {
            at: source.locate(&problem),
            source: Some(0),
            ..Finding::error(problem)
        });
        Self {
            list: list.collect(),
            sources: vec![source],
        }
    }

    /// Tells people, on standard error, why nothing could be done.
    pub(crate) fn refuse(&self) -> ExitCode {
        let mut to = anstream::stderr().lock();
        // Where nobody listens any more, there is nobody to tell.
        let _ = write!(to, "{}", self.text());
        ExitCode::from(COULD_NOT_RUN)
    }

    /// Tells why nothing could be done: people as [`Findings::refuse`] does, programs where they
    /// read findings.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn refuse_as(&self, format: Format) -> anyhow::Result<ExitCode> {
        match format {
            Format::Text => return Ok(self.refuse()),
            Format::Json | Format::Github | Format::Sarif => self.print(format)?,
        }
        Ok(ExitCode::from(COULD_NOT_RUN))
    }

    /// Writes all findings to standard output.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn print(&self, format: Format) -> anyhow::Result<()> {
        let text = match format {
            Format::Text => self.text(),
            Format::Json => {
                let list = self.list.iter().map(|finding| self.json(finding));
                format!("{:#}\n", Value::Array(list.collect()))
            }
            Format::Github => self.list.iter().map(|one| self.github(one)).collect(),
            Format::Sarif => format!("{:#}\n", sarif::document(self)),
        };
        write!(anstream::stdout().lock(), "{text}").context("cannot write to standard output")
    }

    /// One after another, each with the line it is about, and how many there are of each level.
    fn text(&self) -> String {
        let mut text = self.snippets();
        let tally: Vec<_> = Level::ALL
            .into_iter()
            .filter_map(|level| {
                let count = self.list.iter().filter(|one| one.level == level).count();
                let plural = if count == 1 { "" } else { "s" };
                (count > 0).then(|| format!("{count} {}{plural}", level.name()))
            })
            .collect();
        if !tally.is_empty() {
            text.push_str(&tally.join(", "));
            text.push('\n');
        }
        text
    }

    /// One after another, each with the line it is about.
    pub(crate) fn snippets(&self) -> String {
        self.list
            .iter()
            .map(|finding| format!("{}\n\n", self.snippet(finding, &Renderer::styled())))
            .collect()
    }

    fn snippet(&self, finding: &Finding, renderer: &Renderer) -> String {
        let title = finding.title();
        let mut primary = finding.level.style().primary_title(&title);
        if let Some(code) = finding.code {
            primary = primary.id(code);
        }
        let mut group = Group::with_title(primary);
        group = match (self.source(finding), &finding.at) {
            (Some(source), Some(at)) => {
                let (number, line, span) = source.line(at);
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
        if let Some(help) = &finding.problem.help {
            group = group.element(Style::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// One finding as JSON.
    pub(crate) fn json(&self, finding: &Finding) -> Value {
        let mut object = json!({
            "level": finding.level.name(),
            "code": finding.code,
            "path": finding.problem.path,
            "message": finding.problem.message,
            "help": finding.problem.help,
            "file": self.source(finding).map(|source| &source.name),
        });
        if let (Some(region), Some(members)) = (self.region(finding), object.as_object_mut()) {
            members.extend(
                region
                    .members()
                    .map(|(name, n)| (name.to_owned(), n.into())),
            );
        }
        object
    }

    /// A workflow command; see GitHub's "Workflow commands" for what has to be escaped.
    fn github(&self, finding: &Finding) -> String {
        let data = |text: &str| {
            text.replace('%', "%25")
                .replace('\r', "%0D")
                .replace('\n', "%0A")
        };
        let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
        let command = match finding.level {
            Level::Error | Level::Warning => finding.level.name(),
            Level::Note => "notice",
        };
        let mut properties = Vec::new();
        if let Some(source) = self.source(finding) {
            properties.push(format!("file={}", property(&source.name)));
        }
        if let Some(region) = self.region(finding) {
            let names = ["line", "col", "endLine", "endColumn"];
            let places = names.iter().zip(region.members());
            properties.extend(places.map(|(name, (_, n))| format!("{name}={n}")));
        }
        properties.extend(finding.code.map(|code| format!("title={}", property(code))));
        let mut message = finding.title();
        if let Some(help) = &finding.problem.help {
            message.push_str("\nhelp: ");
            message.push_str(help);
        }
        let space = if properties.is_empty() { "" } else { " " };
        let properties = properties.join(",");
        format!("::{command}{space}{properties}::{}\n", data(&message))
    }

    /// Where a finding is: `file:line:column`.
    pub(crate) fn place(&self, finding: &Finding) -> String {
        let source = self.source(finding);
        source.map_or_else(String::new, |source| source.place(finding.at.as_ref()))
    }

    fn source(&self, finding: &Finding) -> Option<&Source> {
        self.sources.get(finding.source?)
    }

    fn region(&self, finding: &Finding) -> Option<Region> {
        let at = finding.at.as_ref()?;
        let source = self.source(finding)?;
        Some(Region {
            start: source.position(at.start),
            end: source.position(at.end),
        })
    }
}

/// A part of a file: lines and columns from 1, columns in characters, the end exclusive.
struct Region {
    start: (usize, usize),
    end: (usize, usize),
}

impl Region {
    fn members(&self) -> impl Iterator<Item = (&'static str, usize)> {
        [
            ("startLine", self.start.0),
            ("startColumn", self.start.1),
            ("endLine", self.end.0),
            ("endColumn", self.end.1),
        ]
        .into_iter()
    }
}

impl Level {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    const fn style(self) -> Style<'static> {
        match self {
            Self::Error => Style::ERROR,
            Self::Warning => Style::WARNING,
            Self::Note => Style::NOTE,
        }
    }
}

#[cfg(test)]
mod tests;
