//! Access logs, line by line in bounded memory.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal as _, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use engine::record::Past;
use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, de::IgnoredAny};

/// A log that is being read.
pub(super) type Log = Box<dyn BufRead>;

/// Opens logs, and what that looks like.
pub(super) struct Progress {
    bar: ProgressBar,
    lines: Cell<u64>,
}

impl Progress {
    pub(super) fn new(logs: &[PathBuf]) -> Self {
        let sizes = logs.iter().map(|path| Some(path.metadata().ok()?.len()));
        let length: Option<u64> = sizes.sum();
        // Nothing is drawn where standard error is no terminal.
        let target = ProgressDrawTarget::stderr_with_hz(5);
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => "{percent:>3} %  {msg} lines  {eta} left",
            None => "{msg} lines  {elapsed}",
        };
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            bar,
            lines: Cell::new(0),
        }
    }

    /// Counts a line.
    pub(super) fn count(&self) {
        let lines = self.lines.get().saturating_add(1);
        self.lines.set(lines);
        if lines.is_multiple_of(50_000) {
            self.bar.set_message(lines.to_string());
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Opens a log, which is decompressed if its first bytes say so.
    ///
    /// # Errors
    /// It cannot be opened, or nobody would write to standard input.
    pub(super) fn open(&self, path: &Path) -> anyhow::Result<Log> {
        let raw: Box<dyn Read> = if path == Path::new("-") {
            if io::stdin().is_terminal() {
                bail!("no log is given: name one, or pipe one in");
            }
            Box::new(io::stdin())
        } else {
            let file = File::open(path);
            Box::new(file.with_context(|| format!("cannot open `{}`", path.display()))?)
        };
        let mut log = BufReader::with_capacity(BUFFER, self.bar.wrap_read(raw));
        let first = log.fill_buf();
        let first = first.with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(match first.starts_with(GZIP) {
            true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(log))),
            false => Box::new(log),
        })
    }
}

/// The lines of a log.
pub(super) struct Lines {
    log: Log,
    line: Vec<u8>,
}

/// One line.
pub(super) enum Line<'a> {
    Record(Box<Past<'a>>),
    /// It holds no record: another listener's, or what is no access log at all.
    Other,
    /// It holds a record that cannot be read.
    Malformed(String),
}

impl Lines {
    pub(super) const fn new(log: Log) -> Self {
        Self {
            log,
            line: Vec::new(),
        }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut bounded = (&mut self.log).take(MAX_LINE);
        let length = bounded.read_until(b'\n', &mut self.line)?;
        if length == 0 {
            return Ok(None);
        }
        if length as u64 == MAX_LINE && !self.line.ends_with(b"\n") {
            self.log.skip_until(b'\n')?;
            let message = format!("the line is longer than {MAX_LINE} bytes");
            return Ok(Some(Line::Malformed(message)));
        }
        Ok(Some(Line::read(self.line.trim_ascii())))
    }
}

impl<'a> Line<'a> {
    fn read(line: &'a [u8]) -> Self {
        #[derive(Deserialize)]
        struct Entry<'a> {
            #[serde(borrow)]
            toolgate: Option<Box<Past<'a>>>,
            decision: Option<IgnoredAny>,
        }

        if !line.starts_with(b"{") {
            return Self::Other;
        }
        match serde_json::from_slice::<Entry<'_>>(line) {
            Ok(Entry {
                toolgate: Some(record),
                ..
            }) => Self::of(record),
            Ok(Entry {
                decision: Some(_), ..
            }) => match serde_json::from_slice(line) {
                Ok(record) => Self::of(record),
                Err(error) => Self::Malformed(told(&error)),
            },
            Ok(_) => Self::Other,
            // How Envoy writes that a filter left nothing.
            Err(_) if line.ends_with(br#""toolgate":-}"#) => Self::Other,
            Err(error) => Self::Malformed(told(&error)),
        }
    }

    fn of(record: Box<Past<'a>>) -> Self {
        match record.decision {
            Some(_) => Self::Record(record),
            None => Self::Other,
        }
    }
}

/// What is wrong with a line. It is one line: its number says nothing.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line 1 column ") {
        Some((what, column)) => format!("{what} (column {column})"),
        None => text,
    }
}

/// RFC 1952, section 2.3.1.
const GZIP: &[u8] = &[0x1f, 0x8b];
const BUFFER: usize = 262_144;
const MAX_LINE: u64 = 1_048_576;
