//! Keywords about the members of an object.

use std::collections::BTreeMap;

use super::{
    super::{
        explain::{Report, member_name, unexpected},
        headers::escape,
        pattern::Pattern,
        program::{Dependent, Id},
    },
    Judge, Marks, Spent,
};
use crate::json::{Member, Node};

impl Judge<'_> {
    pub(super) fn required(
        &mut self,
        name: &'static str,
        names: &[String],
        node: Node<'_>,
    ) -> Result<bool, Spent> {
        let mut holds = true;
        for member in names {
            self.spend(1 + node.len() as u64 / SCANNED)?;
            if node.member(member).is_none() {
                holds = false;
                if self.report.is_none() {
                    break;
                }
                self.fail(name, || format!("missing member `{member}`"))?;
            }
        }
        Ok(holds)
    }

    pub(super) fn dependent(
        &mut self,
        name: &'static str,
        list: &[Dependent],
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut holds = true;
        for dependent in list {
            self.spend(1 + node.len() as u64 / SCANNED)?;
            if node.member(&dependent.on).is_none() {
                continue;
            }
            holds &= self.required(name, &dependent.required, node)?;
            if let Some(id) = dependent.schema {
                holds &= self.part(id, node, marks.as_deref_mut())?;
            }
            if !holds && self.report.is_none() {
                break;
            }
        }
        Ok(holds)
    }

    pub(super) fn members(
        &mut self,
        named: &BTreeMap<String, Id>,
        patterns: &[(Pattern, Id)],
        rest: Option<Id>,
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut holds = true;
        let mut surplus = Vec::new();
        for (index, member) in node.members().enumerate() {
            self.spend(1)?;
            let key = member.key();
            let found = named.get(&*key);
            let mut known = found.is_some();
            if let Some(id) = found {
                holds &= self.child(*id, || escape(&key), member.value())?;
            }
            for (pattern, id) in patterns {
                self.spend(1 + pattern.cost(key.len()))?;
                if pattern.is_match(&key) {
                    known = true;
                    holds &= self.member(*id, member)?;
                }
            }
            if let (false, Some(rest)) = (known, rest) {
                known = true;
                if self.passes_over(rest) {
                    surplus.push(index);
                } else {
                    holds &= self.further("additionalProperties", rest, member)?;
                }
            }
            if let (true, Some(marks)) = (known, &mut marks) {
                marks.set(index);
            }
            if !holds && self.report.is_none() {
                break;
            }
        }
        self.pass_over(node, &surplus);
        Ok(holds)
    }

    pub(super) fn unevaluated_properties(
        &mut self,
        id: Id,
        node: Node<'_>,
        marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let Some(marks) = marks else { return Ok(true) };
        let mut holds = true;
        let mut surplus = Vec::new();
        for (index, member) in node.members().enumerate() {
            self.spend(1)?;
            if marks.has(index) {
                continue;
            }
            if self.passes_over(id) {
                surplus.push(index);
                continue;
            }
            holds &= self.further("unevaluatedProperties", id, member)?;
            if !holds && self.report.is_none() {
                break;
            }
        }
        self.pass_over(node, &surplus);
        marks.set_all();
        Ok(holds)
    }

    pub(super) fn property_names(
        &mut self,
        name: &'static str,
        id: Id,
        node: Node<'_>,
    ) -> Result<bool, Spent> {
        let mut holds = true;
        for member in node.members() {
            if self.passes(id, member.name(), None)? {
                continue;
            }
            holds = false;
            let Some(report) = self.report.take() else {
                break;
            };
            self.report = Some(report.apart());
            let result = self.part(id, member.name(), None);
            let found = self
                .report
                .replace(report)
                .map(Report::found)
                .unwrap_or_default();
            result?;
            for finding in found {
                let message = finding.violation.message;
                let named = self.names.then(|| member.key());
                self.fail(name, || {
                    format!("{}: {message}", member_name(named.as_deref()))
                })?;
            }
        }
        Ok(holds)
    }

    /// Whether a member for which this part is meant is one to be removed.
    fn passes_over(&self, id: Id) -> bool {
        self.surplus.is_some() && self.is_never(id)
    }

    fn pass_over(&mut self, node: Node<'_>, members: &[usize]) {
        if let Some(surplus) = &mut self.surplus {
            surplus.extend(node.remove_members(members));
        }
    }

    /// A member that no other keyword is about.
    fn further(&mut self, name: &'static str, id: Id, member: Member<'_>) -> Result<bool, Spent> {
        if self.is_never(id) {
            let named = self.names.then(|| member.key());
            self.fail(name, || unexpected(named.as_deref()))?;
            return Ok(false);
        }
        self.member(id, member)
    }

    /// A member that the schema does not name.
    fn member(&mut self, id: Id, member: Member<'_>) -> Result<bool, Spent> {
        let named = self.names.then(|| member.key());
        let name = || named.map_or_else(|| "*".to_owned(), |name| escape(&name));
        self.child(id, name, member.value())
    }
}

/// Members that are looked through in one step.
const SCANNED: u64 = 4;
