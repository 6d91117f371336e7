//! What has been found so far, in bounded memory.

use std::{collections::HashMap, path::Path};

use engine::{
    approval::Need,
    policy::{Foresight, Summary},
    record::{Decision, Other, Past},
    registry::Kind,
};
use serde::Serialize;

use super::{
    judge::{Judge, Judged},
    log::Line,
};

mod text;

/// All findings.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tally {
    lines: u64,
    /// Calls that the recorded rules decided.
    calls: u64,
    same: u64,
    changed: u64,
    undecidable: u64,
    not_decided: NotDecided,
    /// Lines without a record.
    other_lines: u64,
    malformed: u64,
    changes: Groups<Change>,
    undecided: Groups<Doubt>,
    /// The first lines that could not be read.
    problems: Vec<Unread>,
    #[serde(skip)]
    at: Place,
}

/// Records of what no rule decided.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct NotDecided {
    /// It was refused before the rules were asked.
    before_rules: u64,
    /// A limit or a breaker refused what the rules let through.
    limited: u64,
    /// Handshakes, lists, notifications.
    protocol: u64,
    dry_runs: u64,
}

/// Where the present line is.
#[derive(Clone, Default, Serialize)]
struct Place {
    file: String,
    line: u64,
}

/// A line that could not be read.
#[derive(Serialize)]
struct Unread {
    #[serde(flatten)]
    at: Place,
    message: String,
}

/// Calls of one kind that would be decided otherwise.
#[derive(PartialEq, Eq, Serialize)]
struct Change {
    target: String,
    was: Verdict,
    would_be: Verdict,
}

/// Calls of one kind on which nothing certain can be said.
#[derive(PartialEq, Eq, Serialize)]
struct Doubt {
    target: String,
    was: Verdict,
    /// What they may come to; empty where not even that can be said.
    between: Vec<Verdict>,
    /// The rules that look at what records do not hold.
    rules: Vec<String>,
    /// The facts that these records lack and others hold.
    untold: Vec<&'static str>,
}

/// A decision and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvers: Vec<String>,
}

/// Calls that are alike, the first kinds of them.
#[derive(Serialize)]
struct Groups<T> {
    groups: Vec<Group<T>>,
    /// Calls of further kinds.
    others: u64,
    #[serde(skip)]
    places: HashMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group<T> {
    #[serde(flatten)]
    what: T,
    calls: u64,
    callers: Vec<Caller>,
    /// Calls of further callers.
    other_callers: u64,
    examples: Vec<Example>,
    #[serde(skip)]
    places: HashMap<String, usize>,
}

#[derive(Serialize)]
struct Caller {
    name: String,
    calls: u64,
}

/// A call to look at.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Example {
    #[serde(flatten)]
    at: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Tally {
    /// A log begins.
    pub(super) fn begin(&mut self, path: &Path) {
        self.at = Place {
            file: path.display().to_string(),
            line: 0,
        };
    }

    /// Calls that would be decided otherwise.
    pub(super) const fn changed(&self) -> u64 {
        self.changed
    }

    /// Takes one line.
    pub(super) fn line(&mut self, line: Line<'_>, judge: &mut Judge<'_>) {
        self.lines += 1;
        self.at.line += 1;
        match line {
            Line::Record(past) => self.record(&past, judge),
            Line::Other => self.other_lines += 1,
            Line::Malformed(message) => {
                self.malformed += 1;
                if self.problems.len() < MAX_EXAMPLES {
                    let at = self.at.clone();
                    self.problems.push(Unread { at, message });
                }
            }
        }
    }

    fn record(&mut self, past: &Past<'_>, judge: &mut Judge<'_>) {
        let (was, (kind, name)) = match (past.decided(), past.used()) {
            (Ok(was), Some(used)) => (was, used),
            (Ok(_), None) | (Err(Other::Protocol), _) => return self.not_decided.protocol += 1,
            (Err(Other::BeforeRules), _) => return self.not_decided.before_rules += 1,
            (Err(Other::Limited), _) => return self.not_decided.limited += 1,
            (Err(Other::DryRun), _) => return self.not_decided.dry_runs += 1,
        };
        self.calls += 1;
        if judge.made(past) {
            self.same += 1;
            return;
        }
        let judged = judge.judge(past, kind, name);
        let (between, rules, untold) = match &*judged {
            Judged::Foreseen(Foresight::Certain(now)) => {
                return self.compare(past, was, (kind, name), &Verdict::from(now));
            }
            Judged::Unregistered => {
                let unknown = Verdict {
                    decision: Decision::Deny,
                    rule: None,
                    reason: "unregistered".to_owned(),
                    approvers: Vec::new(),
                };
                return self.compare(past, was, (kind, name), &unknown);
            }
            Judged::Foreseen(Foresight::Undecided { between, because }) => {
                (between.as_slice(), because.as_slice(), &[][..])
            }
            Judged::Untold(untold) => (&[][..], &[][..], untold.as_slice()),
        };
        self.undecidable += 1;
        let parts = [&[key(past, was, name)][..], rules].concat();
        let key = [parts.join("\n"), untold.join("\n")].join("\n");
        let group = self.undecided.group(key, || Doubt {
            target: target(kind, name),
            was: Verdict::of(past, was),
            between: between.iter().map(Verdict::from).collect(),
            rules: rules.to_vec(),
            untold: untold.to_vec(),
        });
        if let Some(group) = group {
            group.add(past, &self.at);
        }
    }

    fn compare(&mut self, past: &Past<'_>, was: Decision, used: (Kind, &str), now: &Verdict) {
        let asked = match was {
            Decision::ApprovalRequired => past.approvers().eq(&now.approvers),
            Decision::Allow | Decision::Deny => true,
        };
        if was == now.decision && asked {
            self.same += 1;
            return;
        }
        self.changed += 1;
        let rule = now.rule.as_deref().unwrap_or_default();
        let key = [&key(past, was, used.1), rule, &now.reason].join("\n");
        let group = self.changes.group(key, || Change {
            target: target(used.0, used.1),
            was: Verdict::of(past, was),
            would_be: now.clone(),
        });
        if let Some(group) = group {
            group.add(past, &self.at);
        }
    }

    /// For programs.
    pub(super) fn json(&mut self) -> String {
        self.sort();
        // Strings, numbers and maps with text keys always serialize.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }

    /// What concerns most calls first.
    fn sort(&mut self) {
        self.changes.sort();
        self.undecided.sort();
    }
}

/// What makes two recorded decisions alike.
fn key(past: &Past<'_>, was: Decision, name: &str) -> String {
    let rule = past.rule.as_deref().unwrap_or_default();
    let approvers = past.approvers().collect::<Vec<_>>().join("\n");
    let reason = past.reason.as_deref().unwrap_or_default();
    [name, was.as_str(), rule, &approvers, reason].join("\n")
}

fn target(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Tool => name.to_owned(),
        Kind::Resource | Kind::Prompt => format!("{} {name}", kind.as_str()),
    }
}

impl Verdict {
    fn of(past: &Past<'_>, was: Decision) -> Self {
        let text = |text: &Option<engine::record::Text<'_>>| Some(text.as_deref()?.to_owned());
        Self {
            decision: was,
            rule: text(&past.rule),
            reason: text(&past.reason).unwrap_or_default(),
            approvers: past.approvers().map(str::to_owned).collect(),
        }
    }
}

impl From<&Summary> for Verdict {
    fn from(summary: &Summary) -> Self {
        Self {
            decision: summary.effect.into(),
            rule: summary.rule.clone(),
            reason: summary.reason.to_owned(),
            approvers: summary
                .needs
                .iter()
                .flat_map(Need::names)
                .map(str::to_owned)
                .collect(),
        }
    }
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            others: 0,
            places: HashMap::new(),
        }
    }
}

impl<T> Groups<T> {
    fn group(&mut self, key: String, what: impl FnOnce() -> T) -> Option<&mut Group<T>> {
        let next = self.groups.len();
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if next >= MAX_GROUPS => {
                self.others += 1;
                return None;
            }
            None => {
                self.places.insert(key, next);
                self.groups.push(Group {
                    what: what(),
                    calls: 0,
                    callers: Vec::new(),
                    other_callers: 0,
                    examples: Vec::new(),
                    places: HashMap::new(),
                });
                next
            }
        };
        self.groups.get_mut(place)
    }

    fn sort(&mut self) {
        self.groups
            .sort_by_key(|group| std::cmp::Reverse(group.calls));
        for group in &mut self.groups {
            group
                .callers
                .sort_by_key(|caller| std::cmp::Reverse(caller.calls));
        }
    }
}

impl<T> Group<T> {
    fn add(&mut self, past: &Past<'_>, at: &Place) {
        self.calls += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(Example {
                at: at.clone(),
                time: past.timestamp.as_deref().map(str::to_owned),
                request_id: past.request_id.as_deref().map(str::to_owned),
            });
        }
        let name = match (past.user_id.as_deref(), past.agent_id.as_deref()) {
            (Some(user), Some(agent)) => format!("{user} via {agent}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "nobody".to_owned(),
        };
        let next = self.callers.len();
        let place = match self.places.get(&name) {
            Some(place) => *place,
            None if next >= MAX_CALLERS => {
                self.other_callers += 1;
                return;
            }
            None => {
                self.places.insert(name.clone(), next);
                self.callers.push(Caller { name, calls: 0 });
                next
            }
        };
        if let Some(caller) = self.callers.get_mut(place) {
            caller.calls += 1;
        }
    }
}

/// Kinds of calls that are told apart.
const MAX_GROUPS: usize = 200;
/// Callers of each that are told apart.
const MAX_CALLERS: usize = 1_000;
const MAX_EXAMPLES: usize = 3;
