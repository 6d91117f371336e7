//! Keywords that apply other schemas to the same value.

use super::{
    super::{explain::Report, program::Id},
    Judge, Marks, Spent,
};
use crate::json::{Node, Splice};

impl Judge<'_> {
    pub(super) fn all_of(
        &mut self,
        ids: &[Id],
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut holds = true;
        for id in ids {
            holds &= self.part(*id, node, marks.as_deref_mut())?;
            if !holds && self.report.is_none() {
                break;
            }
        }
        Ok(holds)
    }

    pub(super) fn any_of(
        &mut self,
        name: &'static str,
        ids: &[Id],
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut holds = false;
        for id in ids {
            holds |= self.passes(*id, node, marks.as_deref_mut())?;
            // Each form that holds may look at other members.
            if holds && marks.is_none() {
                return Ok(true);
            }
        }
        if !holds {
            return self.no_form(name, ids, node, marks);
        }
        Ok(holds)
    }

    pub(super) fn one_of(
        &mut self,
        name: &'static str,
        ids: &[Id],
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut held = 0;
        for id in ids {
            held += usize::from(self.passes(*id, node, marks.as_deref_mut())?);
            if held > 1 {
                self.fail(name, || {
                    "matches more than one form where exactly one is allowed".to_owned()
                })?;
                return Ok(false);
            }
        }
        if held == 0 {
            return self.no_form(name, ids, node, marks);
        }
        Ok(true)
    }

    pub(super) fn conditional(
        &mut self,
        test: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let next = if self.passes(test, node, marks.as_deref_mut())? {
            then
        } else {
            otherwise
        };
        match next {
            Some(id) => self.part(id, node, marks),
            None => Ok(true),
        }
    }

    /// No form fits as it is: tells what is wrong, or finds the one that fits without the least.
    fn no_form(
        &mut self,
        name: &'static str,
        ids: &[Id],
        node: Node<'_>,
        marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        if let Some(surplus) = self.surplus.take() {
            return self.leanest(surplus, ids, node, marks);
        }
        let Some(mut report) = self.report.take() else {
            return Ok(false);
        };
        let mut forms = Vec::new();
        let mut result = Ok(());
        for id in ids {
            self.report = Some(report.apart());
            result = self.part(*id, node, None).map(drop);
            let form = self.report.take().map(Report::found).unwrap_or_default();
            if result.is_err() {
                break;
            }
            forms.push(form);
        }
        if result.is_ok() {
            result = report.choose(name, forms);
        }
        self.report = Some(report);
        result.map(|()| false)
    }

    /// Whether a form fits once something is removed, which is added to `surplus`.
    fn leanest(
        &mut self,
        mut surplus: Vec<Splice>,
        ids: &[Id],
        node: Node<'_>,
        marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut least: Option<(Vec<Splice>, Option<Marks>)> = None;
        for id in ids {
            self.surplus = Some(Vec::new());
            let mut own = self.marks(marks.is_some(), node)?;
            let holds = self.part(*id, node, own.as_mut())?;
            let found = self.surplus.take().unwrap_or_default();
            let less = |(least, _): &(Vec<Splice>, _)| found.len() < least.len();
            if holds && least.as_ref().is_none_or(less) {
                least = Some((found, own));
            }
        }
        let holds = least.is_some();
        if let Some((found, own)) = least {
            surplus.extend(found);
            if let (Some(marks), Some(own)) = (marks, &own) {
                marks.add(own);
            }
        }
        self.surplus = Some(surplus);
        Ok(holds)
    }
}
