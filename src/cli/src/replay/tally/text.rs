//! Findings for people.

use std::fmt::Write as _;

use engine::policy::Policy;

use crate::visible::visible;

use super::{Doubt, Group, Groups, Tally, Verdict};

impl Tally {
    /// For people: what would change first.
    pub(in crate::replay) fn text(&mut self, policy: &Policy) -> String {
        self.sort();
        let mut out = String::new();
        // A `String` takes everything.
        let _ = self.write(&mut out, policy);
        out
    }

    fn write(&self, out: &mut String, policy: &Policy) -> std::fmt::Result {
        self.changes
            .write(out, "would be decided otherwise", |out, change| {
                writeln!(
                    out,
                    "  {}: {} -> {}",
                    change.target, change.was, change.would_be
                )
            })?;
        self.undecided.write(
            out,
            "cannot be decided from what is recorded",
            |out, doubt| doubt.write(out, policy),
        )?;
        let (calls, lines) = (count(self.calls), count(self.lines));
        writeln!(out, "{calls} of {lines} lines are calls that rules decided")?;
        for (number, what) in [
            (self.changed, "would be decided otherwise"),
            (self.undecidable, "cannot be decided from what is recorded"),
            (self.same, "would be decided as they were"),
        ] {
            writeln!(out, "{:>13}  {what}", count(number))?;
        }
        let skipped = [
            (
                self.not_decided.before_rules,
                "refused before the rules: unreadable, not authenticated, or against the contract",
            ),
            (
                self.not_decided.limited,
                "refused by limits and breakers, which are not replayed",
            ),
            (
                self.not_decided.protocol,
                "protocol: handshakes, lists, notifications",
            ),
            (self.not_decided.dry_runs, "dry runs"),
            (self.other_lines, "lines without a record"),
            (self.malformed, "lines that cannot be read"),
        ];
        if skipped.iter().any(|(number, _)| *number > 0) {
            writeln!(out, "not replayed:")?;
        }
        for (number, what) in skipped.iter().filter(|(number, _)| *number > 0) {
            writeln!(out, "{:>13}  {what}", count(*number))?;
        }
        for problem in &self.problems {
            let (file, line) = (&problem.at.file, problem.at.line);
            writeln!(out, "               {file}:{line}: {}", problem.message)?;
        }
        Ok(())
    }
}

impl<T> Groups<T> {
    fn write(
        &self,
        out: &mut String,
        title: &str,
        what: impl Fn(&mut String, &T) -> std::fmt::Result,
    ) -> std::fmt::Result {
        if self.groups.is_empty() {
            return Ok(());
        }
        writeln!(out, "{title}:\n")?;
        for group in self.groups.iter().take(SHOWN) {
            what(out, &group.what)?;
            group.write(out)?;
        }
        let rest = self.groups.iter().skip(SHOWN).map(|group| group.calls);
        let others = rest.sum::<u64>() + self.others;
        if others > 0 {
            writeln!(
                out,
                "  and {} of other kinds; `--format json` tells more\n",
                calls(others)
            )?;
        }
        Ok(())
    }
}

impl<T> Group<T> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "    {} by", calls(self.calls))?;
        for (n, caller) in self.callers.iter().take(CALLERS).enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(
                out,
                "{comma} {} ({})",
                shown(&caller.name),
                count(caller.calls)
            )?;
        }
        let rest = self.callers.iter().skip(CALLERS).map(|caller| caller.calls);
        let others = rest.sum::<u64>() + self.other_callers;
        if others > 0 {
            write!(out, ", others ({})", count(others))?;
        }
        writeln!(out)?;
        for example in &self.examples {
            write!(out, "    {}:{}", example.at.file, example.at.line)?;
            if let Some(time) = &example.time {
                write!(out, "  {}", shown(time))?;
            }
            if let Some(id) = &example.request_id {
                write!(out, "  request {}", shown(id))?;
            }
            writeln!(out)?;
        }
        writeln!(out)
    }
}

impl Doubt {
    fn write(&self, out: &mut String, policy: &Policy) -> std::fmt::Result {
        write!(out, "  {}: {} -> ", shown(&self.target), self.was)?;
        let between: Vec<_> = self
            .between
            .iter()
            .map(|one| one.decision.as_str())
            .collect();
        match between.as_slice() {
            [] => writeln!(out, "?")?,
            between => writeln!(out, "{}?", between.join(" or "))?,
        }
        if !self.untold.is_empty() {
            writeln!(
                out,
                "    the records do not tell {}",
                self.untold.join(", ")
            )?;
        }
        for rule in policy.rules().iter().filter(|rule| rule.live) {
            if let (true, Some(when)) = (self.rules.contains(&rule.id), &rule.when) {
                writeln!(out, "    rule `{}` asks for {}", rule.id, when.source())?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.decision.as_str())?;
        if !self.approvers.is_empty() {
            write!(f, " of {}", shown(&self.approvers.join(" and ")))?;
        }
        match &self.rule {
            Some(rule) => write!(f, " by rule `{}`", shown(rule)),
            None => write!(f, " ({})", shown(&self.reason)),
        }
    }
}

fn calls(number: u64) -> String {
    match number {
        1 => "1 call".to_owned(),
        number => format!("{} calls", count(number)),
    }
}

/// `1234567` as `1,234,567`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What was recorded came from a client; it is neither obeyed by a terminal nor forges lines.
fn shown(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

/// Groups that people are shown, and callers of each.
const SHOWN: usize = 20;
const CALLERS: usize = 5;
