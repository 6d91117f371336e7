//! What a change does: the same calls under both policies.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    callers::{Caller, callers},
    change::{Change, Direction},
    space::{Space, Table},
    witness::Witness,
};
use engine::{
    approval::{Approver, Need},
    call::{Call, Partial, Principal},
    condition::{Condition, Mention},
    cx::Timestamp,
    json::{self, Doc, Node},
    policy::{Policy, Rule, Verdict},
    registry::{Entry, Kind},
};
use serde_json::Value as Json;

/// One entry under both policies.
pub(super) struct Pair<'p> {
    /// How changes name it.
    pub(super) subject: String,
    pub(super) old: Side<'p>,
    pub(super) new: Side<'p>,
    pub(super) now: Timestamp,
}

/// An entry under one policy; `None`: it does not exist there.
#[derive(Clone, Copy)]
pub(super) struct Side<'p> {
    pub(super) policy: &'p Policy,
    pub(super) entry: Option<&'p Entry>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) changes: Vec<Change>,
    /// Ids of rules that took part in a difference.
    pub(super) rules: BTreeSet<String>,
    /// Calls that were judged.
    pub(super) judged: usize,
    /// Whether there were more calls than were judged.
    pub(super) capped: bool,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Outcome {
    permission: Permission,
    rule: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Permission {
    /// There is no such entry.
    Absent,
    Deny,
    /// Once these have approved it.
    Ask(Vec<Need>),
    Allow,
    Unlisted,
    Listed,
}

type Difference = (Outcome, Outcome);

impl<'p> Pair<'p> {
    /// Judges the calls that may tell the policies apart.
    pub(super) fn compare(&self) -> Effects {
        let mut effects = Effects::default();
        let [old, new] = [self.old, self.new].map(|side| side.rules().collect::<Vec<_>>());
        let [before, after] = [&old, &new].map(|rules| mentions(rules));
        let rules = [old, new].concat();
        let mentions = [before.as_slice(), &after].concat();
        let changed = mentions
            .iter()
            .filter(|one| before.contains(one) != after.contains(one));
        let focus = changed.map(|mention| mention.fact.to_string()).collect();
        // What is new first: contracts are told as they will be.
        let entries: Vec<&Entry> = [self.new.entry, self.old.entry]
            .into_iter()
            .flatten()
            .collect();
        let (callers, capped) = callers(&entries, &rules, &mentions);
        let space = Space::new(
            &entries,
            &mentions,
            focus,
            self.now,
            MAX_CALLS / callers.len().max(1),
        );
        effects.capped = capped || space.capped;
        // Where no call could be made up that a contract takes, all are judged by the rules alone.
        let mut taken = BTreeMap::new();
        let made = self.takes(&space.base, &mut taken);
        let mut found: BTreeMap<(Difference, String), Vec<&Caller>> = BTreeMap::new();
        for caller in &callers {
            let who = &caller.principal;
            let table = Table::new(&space, who, |witness| {
                effects.judged = effects.judged.saturating_add(1);
                let takes = !made || self.takes(&witness.args, &mut taken);
                let difference = || self.difference(who, witness, &mut effects.rules);
                takes.then(difference).flatten()
            });
            let mut differences = table.differences();
            if differences.is_empty() {
                let listed = space.moments().find_map(|now| self.listed(who, now));
                differences.extend(listed.map(|difference| (difference, String::new())));
            }
            for (difference, place) in differences {
                found.entry((difference, place)).or_default().push(caller);
            }
        }
        drop_lists(&mut found);
        for ((difference, place), who) in found {
            let who = label(&who, &callers);
            effects.changes.push(self.change(&difference, &place, &who));
        }
        effects
    }

    /// Whether one of the contracts takes these arguments.
    fn takes(&self, args: &Json, known: &mut BTreeMap<String, bool>) -> bool {
        let text = args.to_string();
        if let Some(takes) = known.get(&text) {
            return *takes;
        }
        let doc = Doc::parse(text.clone().into_bytes());
        let takes = doc.is_ok_and(|doc| {
            let args = given(doc.root());
            [self.old, self.new].iter().any(|side| side.takes(args))
        });
        known.insert(text, takes);
        takes
    }

    /// How the policies tell a call apart, if they do.
    fn difference(
        &self,
        who: &Principal,
        witness: &Witness,
        rules: &mut BTreeSet<String>,
    ) -> Option<Difference> {
        let args = Doc::parse(witness.args.to_string().into_bytes()).ok()?;
        let meta = Doc::parse(witness.meta.to_string().into_bytes()).ok()?;
        let known = Known {
            args: given(args.root()),
            meta: given(meta.root()),
        };
        let sides = [self.old, self.new];
        let [old, new] = sides.map(|side| side.judge(who, witness, known));
        if old.0.permission.same(&new.0.permission) {
            return None;
        }
        rules.extend(old.1.symmetric_difference(&new.1).cloned());
        rules.extend([&old.0.rule, &new.0.rule].into_iter().flatten().cloned());
        Some((old.0, new.0))
    }

    /// Whether lists tell the policies apart.
    fn listed(&self, who: &Principal, now: Timestamp) -> Option<Difference> {
        let [old, new] = [self.old, self.new].map(|side| Outcome {
            permission: match side.entry {
                Some(entry) if side.policy.visible(&call(entry, who, now)) => Permission::Listed,
                Some(_) | None => Permission::Unlisted,
            },
            rule: None,
        });
        (old != new).then_some((old, new))
    }

    fn change(&self, difference: &Difference, place: &str, who: &str) -> Change {
        let (old, new) = difference;
        let rule = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
        let rules = match (&old.rule, &new.rule) {
            (None, None) => String::new(),
            (old, new) if old == new => format!("(rule {})", rule(old)),
            (old, new) => format!("(rule {} -> {})", rule(old), rule(new)),
        };
        let note = format!("{place} {rules}").trim().to_owned();
        let of_rule = new.rule.as_ref().and_then(|id| {
            let rule = self.new.policy.rules().iter().find(|rule| rule.id == *id)?;
            Some(rule.at.clone())
        });
        let of_entry = || Some(self.new.policy.place_of(self.new.entry?).to_owned());
        let message = format!("{who}: {} -> {}", old.permission, new.permission);
        Change {
            note: (!note.is_empty()).then_some(note),
            ..Change::new(
                direction(difference),
                self.subject.as_str(),
                message,
                of_rule.or_else(of_entry),
            )
        }
    }
}

#[derive(Clone, Copy)]
struct Known<'d> {
    args: Option<Node<'d>>,
    meta: Option<Node<'d>>,
}

/// Takes out what lists show where decisions show it already.
fn drop_lists<V>(found: &mut BTreeMap<(Difference, String), V>) {
    let decided: BTreeSet<_> = found
        .keys()
        .filter(|((_, new), _)| !new.permission.lists())
        .map(|(difference, _)| direction(difference))
        .collect();
    found.retain(|(difference, _), _| {
        !difference.1.permission.lists() || !decided.contains(&direction(difference))
    });
}

fn direction((old, new): &Difference) -> Direction {
    if let (Permission::Ask(old), Permission::Ask(new)) = (&old.permission, &new.permission)
        && old
            .iter()
            .all(|old| new.iter().any(|new| stands_for(new, old)))
    {
        return Direction::Narrower;
    }
    match old.permission.rank().cmp(&new.permission.rank()) {
        Ordering::Greater => Direction::Narrower,
        // Somebody else may approve.
        Ordering::Less | Ordering::Equal => Direction::Wider,
    }
}

/// Whether one need is at least as strict as another: anybody with a role is stricter than the user.
fn stands_for(one: &Need, other: &Need) -> bool {
    other.approver == Approver::User
        || (one.approver == other.approver && one.approvals >= other.approvals)
}

fn given(value: Node<'_>) -> Option<Node<'_>> {
    (value.kind() != json::Kind::Null).then_some(value)
}

fn call<'a>(entry: &'a Entry, principal: &'a Principal, now: Timestamp) -> Call<'a> {
    Call {
        principal,
        entry,
        args: Partial::Unknown,
        meta: Partial::Unknown,
        session: None,
        now,
    }
}

fn mentions(rules: &[&Rule]) -> Vec<Mention> {
    let conditions = rules.iter().filter_map(|rule| rule.when.as_ref());
    conditions.flat_map(Condition::mentions).collect()
}

impl<'p> Side<'p> {
    /// The rules about the entry that decide.
    fn rules(self) -> impl Iterator<Item = &'p Rule> {
        let Self { policy, entry } = self;
        let about = entry.into_iter().flat_map(|entry| policy.about(entry));
        about.filter(|rule| rule.live)
    }

    /// Whether these arguments keep to the contract; those of a resource name it.
    fn takes(&self, args: Option<Node<'_>>) -> bool {
        self.entry.is_some_and(|entry| match entry.kind {
            Kind::Tool | Kind::Prompt => entry.input.violations(args, 1).is_ok(),
            Kind::Resource => {
                let uri = args.and_then(|args| args.get("uri")?.str());
                let found = uri.and_then(|uri| {
                    let registry = self.policy.registry();
                    registry.resource(&entry.server, &uri)
                });
                found.is_some_and(|found| found.name == entry.name)
            }
        })
    }

    /// What becomes of a call, and the rules that matched.
    fn judge(
        &self,
        who: &Principal,
        witness: &Witness,
        known: Known<'_>,
    ) -> (Outcome, BTreeSet<String>) {
        let Some(entry) = self.entry else {
            let permission = Permission::Absent;
            return (
                Outcome {
                    permission,
                    rule: None,
                },
                BTreeSet::new(),
            );
        };
        let verdict = self.policy.decide(&Call {
            args: Partial::Known(known.args),
            meta: Partial::Known(known.meta),
            session: witness.session.as_deref(),
            ..call(entry, who, witness.now)
        });
        let decision = verdict.decision();
        let (rule, matched) = (decision.rule.clone(), decision.matched.iter().cloned());
        let matched = matched.collect();
        let permission = match verdict {
            Verdict::Allow(_) => Permission::Allow,
            Verdict::Ask { needs, .. } => Permission::Ask(needs),
            Verdict::Deny { .. } => Permission::Deny,
        };
        (Outcome { permission, rule }, matched)
    }
}

impl Permission {
    /// From the strictest.
    const fn rank(&self) -> u8 {
        match self {
            Self::Absent | Self::Deny | Self::Unlisted => 0,
            Self::Ask(_) => 1,
            Self::Allow | Self::Listed => 2,
        }
    }

    /// Whether it is about lists only.
    const fn lists(&self) -> bool {
        matches!(self, Self::Listed | Self::Unlisted)
    }

    fn same(&self, other: &Self) -> bool {
        self == other || (self.rank() == 0 && other.rank() == 0)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("not there"),
            Self::Deny => f.write_str("deny"),
            Self::Ask(needs) => {
                let all: Vec<_> = needs.iter().map(ToString::to_string).collect();
                write!(f, "approval_required by {}", all.join(" and "))
            }
            Self::Allow => f.write_str("allow"),
            Self::Unlisted => f.write_str("not listed"),
            Self::Listed => f.write_str("listed"),
        }
    }
}

/// Who: those that no other stands for already.
fn label(who: &[&Caller], all: &[Caller]) -> String {
    if who.len() == all.len() {
        return "anybody".to_owned();
    }
    let whole =
        |callers: &mut dyn Iterator<Item = &Caller>| callers.filter(|one| !one.lacks).count();
    if whole(&mut who.iter().copied()) == whole(&mut all.iter()) {
        return "anybody known".to_owned();
    }
    let stands = |one: &Caller| {
        let further = who.iter().filter(|other| other.traits != one.traits);
        !further
            .clone()
            .any(|other| other.traits.is_subset(&one.traits))
    };
    let mut labels: Vec<String> = who
        .iter()
        .filter(|one| stands(one))
        .map(|one| match one.traits.is_empty() {
            true => "anybody else".to_owned(),
            false => one.traits.iter().cloned().collect::<Vec<_>>().join(", "),
        })
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let more = labels.len().saturating_sub(MAX_LABELS);
    labels.truncate(MAX_LABELS);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", labels.join("; "))
}

/// Calls that are judged for one entry.
const MAX_CALLS: usize = 20_000;
/// Callers that are named for one difference.
const MAX_LABELS: usize = 4;
