//! Judges a value by a program.
//!
//! One walk answers three questions: whether the value is valid, where it stops at the first thing
//! that is wrong; what all is wrong with it, where it keeps a [`Report`]; and what it has too much,
//! where it passes over that. Every step is paid for, so that arguments that multiply the work run
//! out of fuel.

use std::collections::BTreeMap;

use super::{
    explain::{self, Finding, Report},
    program::{Id, Keyword, Program, Rule},
};
use crate::json::{Kind, Node, Splice};

mod array;
mod choice;
mod object;

/// No need or no way to go on: all that is wanted was found, the fuel is spent, or values nest too
/// deeply.
pub(super) struct Spent;

/// The judgement of one document.
pub(super) struct Judge<'p> {
    program: &'p Program,
    fuel: u64,
    /// Parts around the one that is judged.
    depth: usize,
    /// Schema resources around it, outermost first; kept where dynamic references ask for them.
    scope: Vec<usize>,
    /// What was found out about shared parts and containers (by their offset), where it was dear.
    known: BTreeMap<(Id, usize), bool>,
    /// Kept where what is wrong is listed.
    report: Option<Report>,
    /// What removes members that a schema is closed to; kept where they are passed over.
    surplus: Option<Vec<Splice>>,
    /// Whether names that the schema does not know are told.
    names: bool,
}

/// The members or items of a value that some keyword looked at.
pub(super) struct Marks(Vec<bool>);

impl Marks {
    fn set(&mut self, index: usize) {
        if let Some(mark) = self.0.get_mut(index) {
            *mark = true;
        }
    }

    fn has(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|mark| *mark)
    }

    fn set_all(&mut self) {
        self.0.fill(true);
    }

    fn add(&mut self, other: &Self) {
        for (mark, other) in self.0.iter_mut().zip(&other.0) {
            *mark |= other;
        }
    }
}

impl<'p> Judge<'p> {
    pub(super) fn new(program: &'p Program, fuel: u64, names: bool) -> Self {
        Self {
            program,
            fuel,
            depth: 0,
            scope: Vec::new(),
            known: BTreeMap::new(),
            report: None,
            surplus: None,
            names,
        }
    }

    /// Whether the value is valid.
    ///
    /// # Errors
    /// It would take too long.
    pub(super) fn is_valid(&mut self, node: Node<'_>) -> Result<bool, Spent> {
        self.part(0, node, None)
    }

    /// What is wrong with the value, as far as the fuel lasts.
    pub(super) fn list(mut self, node: Node<'_>, max: usize, fuel: u64) -> Vec<Finding> {
        self.fuel = fuel;
        self.report = Some(Report::new(max));
        // What was found before the fuel was spent is wrong all the same.
        let _ = self.part(0, node, None);
        self.report.map(Report::found).unwrap_or_default()
    }

    /// What removes the members that the value has too much; nothing where something else is wrong
    /// with it.
    pub(super) fn surplus(mut self, node: Node<'_>) -> Vec<Splice> {
        self.surplus = Some(Vec::new());
        match self.part(0, node, None) {
            Ok(true) => self.surplus.unwrap_or_default(),
            Ok(false) | Err(Spent) => Vec::new(),
        }
    }

    /// Marks for the members or items of a value, where they are wanted.
    fn marks(&mut self, wanted: bool, node: Node<'_>) -> Result<Option<Marks>, Spent> {
        if !wanted {
            return Ok(None);
        }
        self.spend(node.len() as u64 / MARKED)?;
        Ok(Some(Marks(vec![false; node.len()])))
    }

    fn spend(&mut self, steps: u64) -> Result<(), Spent> {
        self.fuel = self.fuel.checked_sub(steps).ok_or(Spent)?;
        Ok(())
    }

    fn part(
        &mut self,
        id: Id,
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let part = self.program.parts.get(id).ok_or(Spent)?;
        self.spend(1)?;
        let container = matches!(node.kind(), Kind::Array | Kind::Object);
        // What holds for a value may depend on the way there only where references are dynamic.
        let remembers = part.shared
            && container
            && marks.is_none()
            && self.program.anchors.is_empty()
            && self.surplus.is_none();
        let key = (id, node.span().start);
        if remembers {
            self.spend(LOOKUP)?;
            match self.known.get(&key) {
                Some(false) if self.report.is_some() => {}
                Some(known) => return Ok(*known),
                None => {}
            }
        }
        if self.depth >= MAX_DEPTH {
            return Err(Spent);
        }
        let before = self.fuel;
        let enters = !self.program.anchors.is_empty() && self.scope.last() != Some(&part.resource);
        if enters {
            self.scope.push(part.resource);
        }
        self.depth += 1;
        let mut own = self.marks(part.looks_back, node)?;
        let mut holds = true;
        for keyword in &part.keywords {
            let marks = own.as_mut().or(marks.as_deref_mut());
            holds &= self.keyword(keyword, node, marks)?;
            if !holds && self.report.is_none() {
                break;
            }
        }
        if let (Some(marks), Some(own)) = (marks, &own) {
            marks.add(own);
        }
        self.depth -= 1;
        if enters {
            self.scope.pop();
        }
        if remembers && before - self.fuel > DEAR {
            self.spend(DEAR / 2)?;
            self.known.insert(key, holds);
        }
        Ok(holds)
    }

    fn keyword(
        &mut self,
        keyword: &'p Keyword,
        node: Node<'_>,
        marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let kind = node.kind();
        match &keyword.rule {
            Rule::Assert(assertion) => {
                self.spend(1 + assertion.cost(node))?;
                if assertion.holds(node) {
                    return Ok(true);
                }
                self.fail(keyword.name, || explain::message(keyword.name, assertion))?;
                if let Some(report) = &mut self.report {
                    report.note_type(assertion);
                }
                Ok(false)
            }
            Rule::Ref(id) => self.part(*id, node, marks),
            Rule::DynamicRef(id, name) => {
                let mut outermost = self.scope.iter();
                let anchor = |resource: &usize| self.program.anchors.get(&(*resource, *name));
                let id = outermost.find_map(anchor).unwrap_or(id);
                self.part(*id, node, marks)
            }
            Rule::AllOf(ids) => self.all_of(ids, node, marks),
            Rule::AnyOf(ids) => self.any_of(keyword.name, ids, node, marks),
            Rule::OneOf(ids) => self.one_of(keyword.name, ids, node, marks),
            Rule::Not(id) => {
                let holds = !self.passes(*id, node, None)?;
                if !holds {
                    self.fail(keyword.name, || "has a form that is ruled out".to_owned())?;
                }
                Ok(holds)
            }
            Rule::If {
                test,
                then,
                otherwise,
            } => self.conditional(*test, *then, *otherwise, node, marks),
            Rule::Required(names) if kind == Kind::Object => {
                self.required(keyword.name, names, node)
            }
            Rule::Dependent(list) if kind == Kind::Object => {
                self.dependent(keyword.name, list, node, marks)
            }
            Rule::Members {
                named,
                patterns,
                rest,
            } if kind == Kind::Object => self.members(named, patterns, *rest, node, marks),
            Rule::PropertyNames(id) if kind == Kind::Object => {
                self.property_names(keyword.name, *id, node)
            }
            Rule::UnevaluatedProperties(id) if kind == Kind::Object => {
                self.unevaluated_properties(*id, node, marks)
            }
            Rule::Items { prefix, rest } if kind == Kind::Array => {
                self.items(keyword.name, prefix, *rest, node, marks)
            }
            Rule::Contains {
                item,
                limits,
                evaluates,
            } if kind == Kind::Array => {
                let marks = marks.filter(|_| *evaluates);
                self.contains(keyword.name, *item, limits, node, marks)
            }
            Rule::UnevaluatedItems(id) if kind == Kind::Array => {
                self.unevaluated_items(keyword.name, *id, node, marks)
            }
            Rule::Required(_)
            | Rule::Dependent(_)
            | Rule::Members { .. }
            | Rule::PropertyNames(_)
            | Rule::UnevaluatedProperties(_)
            | Rule::Items { .. }
            | Rule::Contains { .. }
            | Rule::UnevaluatedItems(_) => Ok(true),
        }
    }

    /// Whether a part holds, without a word about it, and nothing passed over; what it looked at
    /// counts where it does.
    fn passes(&mut self, id: Id, node: Node<'_>, marks: Option<&mut Marks>) -> Result<bool, Spent> {
        let report = self.report.take();
        let surplus = self.surplus.take();
        let mut own = self.marks(marks.is_some(), node)?;
        let result = self.part(id, node, own.as_mut());
        self.report = report;
        self.surplus = surplus;
        let holds = result?;
        if let (true, Some(marks), Some(own)) = (holds, marks, &own) {
            marks.add(own);
        }
        Ok(holds)
    }

    /// Notes that a keyword does not hold.
    fn fail(&mut self, name: &'static str, message: impl FnOnce() -> String) -> Result<(), Spent> {
        if self.report.is_some() {
            self.spend(FINDING)?;
        }
        match &mut self.report {
            Some(report) => report.add(name, message()),
            None => Ok(()),
        }
    }

    /// A part for a member or an item of the value at hand.
    fn child(
        &mut self,
        id: Id,
        name: impl FnOnce() -> String,
        node: Node<'_>,
    ) -> Result<bool, Spent> {
        let Some(report) = &mut self.report else {
            return self.part(id, node, None);
        };
        let outer = report.enter(&name());
        let result = self.part(id, node, None);
        if let Some(report) = &mut self.report {
            report.leave(outer);
        }
        result
    }

    fn is_never(&self, id: Id) -> bool {
        self.program
            .parts
            .get(id)
            .is_some_and(|part| part.is_never())
    }
}

/// Parts within parts; bounds the stack.
const MAX_DEPTH: usize = 512;

/// Steps from which on an answer is worth remembering.
const DEAR: u64 = 64;

/// Members or items that are marked in one step.
const MARKED: u64 = 16;

/// Steps of looking up what is known.
const LOOKUP: u64 = 4;

/// Steps of telling one thing.
const FINDING: u64 = 50;
