//! The access log as it grows: one line for each decision.

use std::{
    fs::{File, OpenOptions},
    io::{IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _, stdout},
    path::Path,
};

use anyhow::Context as _;
use serde_json::Value;

/// Reads what Envoy adds to its access log.
pub(super) struct Follower {
    file: File,
    /// A line that is not complete yet.
    rest: Vec<u8>,
    colour: bool,
}

impl Follower {
    /// Follows from the present end of the file, which is created where it is absent.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .with_context(|| format!("cannot open the access log `{}`", path.display()))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            rest: Vec::new(),
            colour: stdout().is_terminal(),
        })
    }

    /// Prints the decisions that came since the last time.
    pub(super) fn print_new(&mut self) -> anyhow::Result<()> {
        self.file
            .read_to_end(&mut self.rest)
            .context("cannot read the access log")?;
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else {
            return Ok(());
        };
        let rest = self.rest.split_off(end.saturating_add(1));
        let lines = std::mem::replace(&mut self.rest, rest);
        let mut out = stdout().lock();
        for line in lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            match serde_json::from_slice::<Value>(line) {
                Ok(entry) => {
                    writeln!(out, "{}", summary(&entry, self.colour))?;
                    for line in breakers(&entry) {
                        writeln!(out, "{line}")?;
                    }
                }
                Err(_) => writeln!(out, "{}", String::from_utf8_lossy(line))?,
            }
        }
        out.flush()?;
        Ok(())
    }
}

/// `05:41:07  alice@corp  tools/call refund_customer  deny  large-refunds (rule)  3.1 ms`
fn summary(entry: &Value, colour: bool) -> String {
    let record = entry.get("toolgate").unwrap_or(entry);
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    let time = time(entry, record);
    let who = text("userId").or_else(|| text("agentId")).unwrap_or("-");
    let what = ["toolName", "resourceUri", "promptName"]
        .iter()
        .find_map(|key| text(key));
    let method = text("method").or_else(|| text("httpMethod")).unwrap_or("-");
    let decision = text("decision").unwrap_or("-");
    let (paint, plain) = match (colour, decision) {
        (false, _) => ("", ""),
        (true, "allow") => ("\u{1b}[32m", "\u{1b}[0m"),
        (true, "approval_required") => ("\u{1b}[33m", "\u{1b}[0m"),
        (true, _) => ("\u{1b}[31m", "\u{1b}[0m"),
    };
    let mut line = format!("{time}  {}  {method}", shown(who));
    if let Some(what) = what {
        line.push_str(&format!(" {}", shown(what)));
    }
    line.push_str(&format!("  {paint}{decision}{plain}"));
    if record.get("dryRun").is_some() {
        line.push_str(" (dry run)");
    }
    if let Some(rule) = text("rule") {
        line.push_str(&format!("  {rule}"));
    }
    if let Some(reason) = text("reason") {
        line.push_str(&format!("  {reason}"));
    }
    if let Some(limit) = text("limit") {
        line.push_str(&format!(" by {}", shown(limit)));
        if let Some(wait) = record.get("retryAfterMs").and_then(Value::as_u64) {
            line.push_str(&format!(", for {} s", wait.div_ceil(1_000)));
        }
    }
    if let Some(approver) = text("approver") {
        line.push_str(&format!(" by {}", shown(approver)));
    }
    if let Some(message) = text("message") {
        line.push_str(&format!(": {}", shown(message)));
    }
    if let Some(shadow) = record.get("shadow") {
        let text = |key: &str| shadow.get(key).and_then(Value::as_str).unwrap_or("-");
        line.push_str(&format!("  shadow: {} {}", text("decision"), text("rule")));
    }
    if let Some(took) = record.get("durationMs").and_then(Value::as_f64) {
        line.push_str(&format!("  {took:.1} ms"));
    }
    line
}

/// `05:41:07  breaker tool:refund_customer: closed -> open`, for each that lets pass something else
/// since this call.
fn breakers(entry: &Value) -> impl Iterator<Item = String> {
    let record = entry.get("toolgate").unwrap_or(entry);
    let all = record.get("breakers").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(move |breaker| {
        let text = |key: &str| breaker.get(key).and_then(Value::as_str);
        let (name, was, state) = (text("name")?, text("was")?, text("state")?);
        let time = time(entry, record);
        Some(format!("{time}  breaker {name}: {was} -> {state}"))
    })
}

/// The time of day.
fn time<'a>(entry: &'a Value, record: &'a Value) -> &'a str {
    let time = record.get("timestamp").or_else(|| entry.get("time"));
    let time = time.and_then(Value::as_str).unwrap_or_default();
    time.get(11..19).unwrap_or(time)
}

/// A client's text may hold anything; a terminal must not obey it.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
