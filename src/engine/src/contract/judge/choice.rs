//! Keywords that apply other schemas to the same value.

use super::{
    super::{explain::Report, program::Id},
    Judge, Marks, Spent,
};
use crate::json::Node;

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
            self.no_form(name, ids, node)?;
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
            self.no_form(name, ids, node)?;
        }
        Ok(held == 1)
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

    /// Tells what is wrong where no form fits.
    fn no_form(&mut self, name: &'static str, ids: &[Id], node: Node<'_>) -> Result<(), Spent> {
        let Some(mut report) = self.report.take() else {
            return Ok(());
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
        result
    }
}
