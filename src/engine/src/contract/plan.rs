//! How much work it is to judge given arguments, reckoned before it is done.
//!
//! The validating library does its work in linear time for most schemas, but alternatives in
//! recursive schemas multiply with every level, and it cannot be stopped half way. This walks the
//! same schema over the same arguments, counting steps, and stops when they are spent. It decides
//! nothing about validity.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{Registry, Uri};
use serde_json::{Map, Value};

use crate::problem::Problem;

mod draw;

/// Where each part of a schema applies, and what it costs.
pub(super) struct Plan {
    /// The schema itself is the first.
    parts: Vec<Part>,
}

/// What was reckoned.
pub(super) struct Work {
    /// Steps in all.
    pub(super) steps: u64,
    /// Steps within the costliest list of alternatives.
    pub(super) widest: u64,
}

/// One subschema.
#[derive(Default)]
struct Part {
    /// JSON Pointer of the part, for problems.
    at: String,
    /// Whether it has an `x-mcp-header`.
    mirrored: bool,
    /// Steps for one value.
    cost: u64,
    /// Parts that apply to the same value.
    here: Vec<usize>,
    /// Alternatives for the same value.
    forms: Vec<usize>,
    members: BTreeMap<String, usize>,
    patterns: Vec<usize>,
    /// Apply to members that are not among `members`.
    others: Vec<usize>,
    names: Vec<usize>,
    prefix: Vec<usize>,
    items: Vec<usize>,
    /// Steps for each member or item of the parts that were folded into this one.
    each: u64,
    /// Steps for each byte of a string, or of a member's name.
    text: u64,
    unique: bool,
    multiple: bool,
}

impl Plan {
    /// The plan of a schema that compiles.
    pub(super) fn new(registry: &Registry<'_>, base: Uri<String>, source: &Value) -> Self {
        let mut plan = Self {
            parts: draw::draw(registry, base, source),
        };
        plan.fold();
        plan
    }

    /// Adds the cost of parts without parts of their own to those that they belong to.
    fn fold(&mut self) {
        let leaves: Vec<_> = self.parts.iter().map(Part::leaf).collect();
        let leaf = |id: &usize| leaves.get(*id).copied().flatten();
        for part in &mut self.parts {
            for list in [&mut part.here, &mut part.forms] {
                part.cost += list.iter().filter_map(leaf).sum::<u64>();
                list.retain(|id| leaf(id).is_none());
            }
            for list in [&mut part.patterns, &mut part.others, &mut part.items] {
                part.each += list.iter().filter_map(leaf).sum::<u64>();
                list.retain(|id| leaf(id).is_none());
            }
        }
    }

    /// Whether a short text can be costly.
    pub(super) fn has_costly_pattern(&self) -> bool {
        self.parts.iter().any(|part| part.text > DEAR)
    }

    /// The work of listing every violation, which is more than that of judging; `None` where it is
    /// too much.
    pub(super) fn listing(&self, arguments: &Value, steps: u64) -> Option<Work> {
        self.walk(arguments, steps, false)
    }

    /// Whether a plain yes or no is cheap enough: the library remembers what it found behind a
    /// reference.
    pub(super) fn can_judge(&self, arguments: &Value, steps: u64) -> bool {
        self.walk(arguments, steps, true).is_some()
    }

    /// Subschemas with an `x-mcp-header`, as JSON Pointers.
    pub(super) fn mirrored(&self) -> impl Iterator<Item = &str> {
        let mirrored = self.parts.iter().filter(|part| part.mirrored);
        mirrored.map(|part| part.at.as_str())
    }

    /// What makes the schema costly for any arguments.
    pub(super) fn problems(&self) -> Vec<Problem> {
        if self.parts.len() > MAX_PARTS {
            let message = format!("has more than {MAX_PARTS} subschemas");
            return vec![Problem::new("", message)];
        }
        let mut known = vec![None; self.parts.len()];
        let spread = |id| self.spread(id, 0, &mut known).err();
        (0..self.parts.len()).find_map(spread).into_iter().collect()
    }

    /// How many parts apply to a value that `id` applies to, and how many in a row.
    fn spread(
        &self,
        id: usize,
        depth: usize,
        known: &mut [Option<(u64, usize)>],
    ) -> Result<(u64, usize), Problem> {
        let Some(part) = self.parts.get(id) else {
            return Ok((0, 0));
        };
        let found = known.get(id).copied().flatten();
        let (mut size, mut row) = found.unwrap_or((1, 1));
        if found.is_none() && depth <= MAX_ROW {
            for next in part.here.iter().chain(&part.forms) {
                let (further, longer) = self.spread(*next, depth + 1, known)?;
                size = size.saturating_add(further);
                row = row.max(longer + 1);
            }
        }
        if depth + row > MAX_ROW {
            let message = format!(
                "refers to itself, or to more than {MAX_ROW} schemas in a row, without a member or an item between"
            );
            return Err(Problem::new(part.at.as_str(), message));
        }
        if size > MAX_SPREAD {
            let message = format!("applies more than {MAX_SPREAD} subschemas to one value");
            return Err(Problem::new(part.at.as_str(), message));
        }
        if let Some(slot) = known.get_mut(id) {
            *slot = Some((size, row));
        }
        Ok((size, row))
    }

    fn walk(&self, arguments: &Value, allowed: u64, remember: bool) -> Option<Work> {
        let mut walker = Walker {
            plan: self,
            left: allowed,
            widest: 0,
            within: false,
            seen: remember.then(BTreeSet::new),
        };
        walker.visit(0, arguments)?;
        Some(Work {
            steps: allowed - walker.left,
            widest: walker.widest,
        })
    }
}

struct Walker<'a> {
    plan: &'a Plan,
    left: u64,
    widest: u64,
    within: bool,
    /// Pairs of a part and a container (by its address) that were visited.
    seen: Option<BTreeSet<(usize, usize)>>,
}

impl Walker<'_> {
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    fn visit(&mut self, id: usize, value: &Value) -> Option<()> {
        let part = self.plan.parts.get(id)?;
        self.spend(part.cost)?;
        if let (Some(seen), Value::Array(_) | Value::Object(_)) = (&mut self.seen, value)
            && !(part.here.is_empty() && part.forms.is_empty())
            && !seen.insert((id, std::ptr::from_ref(value) as usize))
        {
            return Some(());
        }
        match value {
            Value::Object(members) => {
                self.spend(part.each * members.len() as u64)?;
                self.members(part, members)?;
            }
            Value::Array(items) => {
                self.spend(part.each * items.len() as u64)?;
                if part.unique {
                    let mut nodes = 0;
                    count(value, &mut nodes);
                    self.spend(nodes * UNIQUE)?;
                }
                for (item, id) in items.iter().zip(&part.prefix) {
                    self.visit(*id, item)?;
                }
                if !part.items.is_empty() {
                    for item in items.iter().skip(part.prefix.len()) {
                        self.all(&part.items, item)?;
                    }
                }
            }
            Value::String(text) => self.text(part, text)?,
            Value::Number(number) => {
                if part.multiple && !number.is_i64() {
                    let big = number.as_f64().is_none_or(|n| n.abs() >= EXACT);
                    self.spend(if big { BIG_MULTIPLE } else { MULTIPLE })?;
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
        self.all(&part.here, value)?;
        if self.within || part.forms.is_empty() {
            return self.all(&part.forms, value);
        }
        let before = self.left;
        self.within = true;
        self.all(&part.forms, value)?;
        self.within = false;
        self.widest = self.widest.max(before - self.left);
        Some(())
    }

    fn members(&mut self, part: &Part, members: &Map<String, Value>) -> Option<()> {
        let every = !(part.patterns.is_empty() && part.others.is_empty() && part.names.is_empty());
        if !every && part.members.is_empty() {
            return Some(());
        }
        for (name, value) in members {
            match part.members.get(name) {
                Some(id) => self.visit(*id, value)?,
                None => self.all(&part.others, value)?,
            }
            if every {
                self.text(part, name)?;
                self.all(&part.patterns, value)?;
                for id in &part.names {
                    let named = self.plan.parts.get(*id)?;
                    self.spend(named.cost)?;
                    self.text(named, name)?;
                }
            }
        }
        Some(())
    }

    fn all(&mut self, parts: &[usize], value: &Value) -> Option<()> {
        parts.iter().try_for_each(|id| self.visit(*id, value))
    }

    /// Steps of the patterns and formats of a part.
    fn text(&mut self, part: &Part, text: &str) -> Option<()> {
        if part.text == 0 {
            return Some(());
        }
        self.spend((text.len() as u64).saturating_mul(part.text) / SHARE)
    }
}

impl Part {
    /// The cost, where that is all there is to it.
    fn leaf(&self) -> Option<u64> {
        let parts = [
            &self.here,
            &self.forms,
            &self.patterns,
            &self.others,
            &self.names,
            &self.prefix,
            &self.items,
        ];
        let alone = parts.iter().all(|list| list.is_empty()) && self.members.is_empty();
        let plain = self.text == 0 && !self.unique && !self.multiple;
        (alone && plain).then_some(self.cost)
    }
}

/// Steps that judging may take: in proportion to what reading the arguments took.
pub(super) fn allowance(arguments: &Value, size: usize) -> u64 {
    let mut nodes = 0;
    count(arguments, &mut nodes);
    FLAT.max(PER_NODE * nodes + size as u64 / 2)
}

/// Values in `value`, itself included.
fn count(value: &Value, nodes: &mut u64) {
    *nodes += 1;
    match value {
        Value::Array(items) => items.iter().for_each(|item| count(item, nodes)),
        Value::Object(members) => members.values().for_each(|value| count(value, nodes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

// One step is about 10 ns of native code.

/// Steps that any arguments may take.
const FLAT: u64 = 1_000_000;

/// Steps for each value in the arguments; reading one takes one or two.
const PER_NODE: u64 = 3;

/// Text costs are counted in this part of a step.
const SHARE: u64 = 4;

/// Text costs from which on a short text matters.
const DEAR: u64 = 400 * SHARE;

/// Steps for each value under `uniqueItems`.
const UNIQUE: u64 = 8;

/// Steps of dividing a decimal number exactly.
const MULTIPLE: u64 = 20;

/// From here on the library divides in big integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Steps of such a division.
const BIG_MULTIPLE: u64 = 600;

/// Subschemas in a schema.
const MAX_PARTS: usize = 10_000;

/// Subschemas that apply to one value.
const MAX_SPREAD: u64 = 1_000;

/// Subschemas that lead to each other and apply to one value; bounds the stack.
const MAX_ROW: usize = 24;
