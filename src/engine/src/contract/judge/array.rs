//! Keywords about the items of an array.

use super::{
    super::{assertion::Limit, explain::count, program::Id},
    Judge, Marks, Spent,
};
use crate::json::Node;

impl Judge<'_> {
    pub(super) fn items(
        &mut self,
        name: &'static str,
        prefix: &[Id],
        rest: Option<Id>,
        node: Node<'_>,
        marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut holds = true;
        for (index, item) in node.items().enumerate() {
            let Some(id) = prefix.get(index).copied().or(rest) else {
                break;
            };
            if name == "additionalItems" && index >= prefix.len() && self.is_never(id) {
                self.fail(name, || TOO_MANY.to_owned())?;
                holds = false;
                break;
            }
            holds &= self.child(id, || index.to_string(), item)?;
            if !holds && self.report.is_none() {
                break;
            }
        }
        match marks {
            Some(marks) if rest.is_some() => marks.set_all(),
            Some(marks) => (0..prefix.len()).for_each(|index| marks.set(index)),
            None => {}
        }
        Ok(holds)
    }

    pub(super) fn contains(
        &mut self,
        name: &'static str,
        item: Id,
        limits: &[Limit],
        node: Node<'_>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let mut found = 0;
        for (index, value) in node.items().enumerate() {
            if !self.passes(item, value, None)? {
                continue;
            }
            found += 1;
            match (&mut marks, limits) {
                (Some(marks), _) => marks.set(index),
                (None, [Limit::Least(least)]) if found as u64 >= *least => break,
                (None, _) => {}
            }
        }
        let Some(limit) = limits.iter().find(|limit| !limit.holds(found)) else {
            return Ok(true);
        };
        self.fail(name, || match limit {
            Limit::Least(1) => "must contain an item of the required form".to_owned(),
            Limit::Least(limit) => {
                format!(
                    "must contain at least {} of the required form",
                    count(*limit, "item")
                )
            }
            Limit::Most(limit) => {
                format!(
                    "must contain at most {} of the given form",
                    count(*limit, "item")
                )
            }
        })?;
        Ok(false)
    }

    pub(super) fn unevaluated_items(
        &mut self,
        name: &'static str,
        id: Id,
        node: Node<'_>,
        marks: Option<&mut Marks>,
    ) -> Result<bool, Spent> {
        let Some(marks) = marks else { return Ok(true) };
        let mut holds = true;
        for (index, item) in node.items().enumerate() {
            self.spend(1)?;
            if marks.has(index) {
                continue;
            }
            if self.is_never(id) {
                self.fail(name, || TOO_MANY.to_owned())?;
                holds = false;
                break;
            }
            holds &= self.child(id, || index.to_string(), item)?;
            if !holds && self.report.is_none() {
                break;
            }
        }
        marks.set_all();
        Ok(holds)
    }
}

const TOO_MANY: &str = "has more items than allowed";
