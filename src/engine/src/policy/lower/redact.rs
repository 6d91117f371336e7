//! What rules take out as it is written into what is taken out.

use std::{collections::BTreeMap, sync::Arc};

use super::Lowering;
use crate::{
    config::{self, Audit, AuditLevel, Effect, OneOrMany, Redact, RedactItem, Within},
    detect::{Form, Kind, Pattern},
    json::Pointer,
    policy::Redactions,
    problem::{Problem, closest},
    redact::{FIELD, Redaction},
};

/// What rules can look for, by name.
pub(in crate::policy) type Forms = BTreeMap<String, Form>;

impl Lowering<'_> {
    /// What is built in, and the policy's own.
    pub(in crate::policy) fn detectors(&mut self, own: BTreeMap<String, config::Detector>) {
        let built_in = Kind::ALL.map(|kind| (kind.as_str().to_owned(), Form::Kind(kind)));
        self.forms.extend(built_in);
        for (name, config::Detector { pattern, at }) in own {
            let compiled = match name.as_str() {
                _ if self.forms.contains_key(&name) => {
                    Err(format!("`{name}` is built in: give yours another name"))
                }
                FIELD => Err(format!(
                    "`{name}` is what values in known places are called"
                )),
                _ if !is_name(&name) => Err(format!(
                    "`{name}` is no name of a kind of values: lower-case letters, digits, `_`"
                )),
                _ => Pattern::new(&name, &pattern),
            };
            match compiled {
                Ok(pattern) => {
                    self.forms.insert(name, Form::Pattern(Arc::new(pattern)));
                }
                Err(message) => self.problems.push(Problem::new(at, message)),
            }
        }
    }

    pub(super) fn redactions(
        &mut self,
        at: &str,
        effect: Effect,
        written: Vec<Redact>,
        audit: Option<Audit>,
    ) -> Redactions {
        let mut redactions = Redactions {
            values: audit.is_some_and(|audit| audit.level == AuditLevel::Full),
            ..Redactions::default()
        };
        for (i, item) in written.into_iter().enumerate() {
            self.item(&format!("{at}.redact[{i}]"), effect, item, &mut redactions);
        }
        redactions
    }

    fn item(&mut self, at: &str, effect: Effect, written: Redact, redactions: &mut Redactions) {
        let field = |name: &str| match &written {
            Redact::Kind(_) => at.to_owned(),
            Redact::Item(_) => format!("{at}.{name}"),
        };
        let [find_at, at_at, in_at] = ["find", "at", "in"].map(field);
        let RedactItem {
            find,
            at: places,
            by,
            within,
        } = written.item();
        let mut problems = Vec::new();
        if find.is_none() && places.is_none() {
            let problem = Problem::new(at, "it does not say what is taken out");
            problems.push(problem.help("name kinds of values with `find`, or places with `at`"));
        }
        let within = within.unwrap_or(OneOrMany::One(Within::Results));
        let lists = [
            (
                &find_at,
                find.as_ref().is_some_and(|list| list.as_slice().is_empty()),
            ),
            (
                &at_at,
                places
                    .as_ref()
                    .is_some_and(|list| list.as_slice().is_empty()),
            ),
            (&in_at, within.as_slice().is_empty()),
        ];
        for (at, _) in lists.into_iter().filter(|(_, empty)| *empty) {
            problems.push(Problem::new(at, "an empty list takes nothing out"));
        }
        if effect == Effect::Deny && within.as_slice() != [Within::Arguments] {
            let message = "the rule denies: nothing goes to a server, and nothing comes back";
            let help = "`in: arguments` is what the audit record shows";
            problems.push(Problem::new(&in_at, message).help(help));
        }
        let mut wanted = Redaction::default();
        for name in find.iter().flat_map(OneOrMany::iter) {
            match self.forms.get(name) {
                Some(form) => wanted.find(form, by),
                None => problems.push(self.unknown(&find_at, name)),
            }
        }
        for text in places.iter().flat_map(OneOrMany::iter) {
            match Pointer::parse(text) {
                Some(place) => wanted.place(place, by),
                None => {
                    let problem = Problem::new(&at_at, format!("`{text}` is no JSON Pointer"));
                    problems.push(problem.help("as `/customer/ssn` or `/items/*/card`"));
                }
            }
        }
        for within in within.iter() {
            match within {
                Within::Results => redactions.results.join(&wanted),
                Within::Arguments => redactions.arguments.join(&wanted),
                Within::Upstream => {
                    redactions.arguments.join(&wanted);
                    redactions.upstream.join(&wanted);
                }
            }
        }
        self.problems.append(&mut problems);
    }

    fn unknown(&self, at: &str, name: &str) -> Problem {
        let message = format!("`{name}` is no kind of sensitive values");
        let help = match closest(name, self.forms.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "define it under `detectors`".to_owned(),
        };
        Problem::new(at, message).help(help)
    }
}

/// As the kinds that are built in are named; it is a tag of metrics.
fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(word)
}

const MAX_NAME: usize = 64;
