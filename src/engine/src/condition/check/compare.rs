//! Equality and membership: what is never equal, and texts that a schema does not list.

use super::Checker;
use crate::{
    condition::{
        Mistake,
        ast::{Expr, ExprKind, Literal},
        function::Kind,
        overload::{can_be, comparable},
        types::Type,
    },
    problem::closest,
};

impl<'s> Checker<'_, 's> {
    pub(super) fn never_equal(
        &mut self,
        expr: &Expr,
        [left, right]: &[Expr; 2],
        a: &Type<'s>,
        b: &Type<'s>,
    ) -> Type<'s> {
        let (left, right) = (self.written(left), self.written(right));
        let (of_left, of_right) = (a.describe(), b.describe());
        let message =
            format!("`{left}` is {of_left}, `{right}` is {of_right}: they are never equal");
        let mistake = Mistake::new(expr.span, message);
        let asked = match (a, b) {
            (_, Type::Null) => left,
            (Type::Null, _) => right,
            _ => return self.report(mistake),
        };
        self.report(mistake.help(format!("to ask whether it is there, write `has({asked})`")))
    }

    pub(super) fn membership(
        &mut self,
        expr: &Expr,
        operands: &[Expr; 2],
        a: &Type<'s>,
        b: &Type<'s>,
    ) -> Type<'s> {
        let [left, right] = operands;
        let mut fits = false;
        let mut searchable = false;
        let mut items = None;
        for one in b.alternatives() {
            match one {
                Type::Dyn | Type::Map(_) => fits = true,
                Type::List(item) => {
                    searchable = true;
                    let item = self.schema.settle(item);
                    fits |= comparable(a, &item);
                    items = Some(item);
                }
                Type::Object(_) | Type::Tool => {
                    searchable = true;
                    fits |= can_be(a, Kind::Str);
                }
                _ => {}
            }
        }
        if !fits && searchable {
            let (left, right) = (self.written(left), self.written(right));
            let of = a.describe();
            let message = format!("`{left}` is {of}: it is never in `{right}`");
            return self.report(Mistake::new(expr.span, message));
        }
        if !fits {
            return self.refuse("in", &[left, right], &[a.clone(), b.clone()]);
        }
        self.listed_value(right, a);
        if let Some(items) = items {
            self.listed_value(left, &items);
        }
        Type::Bool
    }

    /// Reports texts that are compared with something which is never one of them.
    pub(super) fn listed_value(&mut self, expr: &Expr, of: &Type<'s>) {
        let Type::Str(Some(allowed)) = of else { return };
        let literals = match &expr.kind {
            ExprKind::Literal(Literal::List(items)) => items.as_slice(),
            ExprKind::Literal(literal) => std::slice::from_ref(literal),
            _ => return,
        };
        for literal in literals {
            let Literal::Str(text) = literal else {
                continue;
            };
            if allowed.contains(&text.as_str()) {
                continue;
            }
            let message = format!("`{text}` is none of the values that the schema allows");
            let mistake = Mistake::new(expr.span, message);
            self.report(match closest(text, allowed.iter().copied()) {
                Some(close) => mistake.help(format!("did you mean `{close}`?")),
                None => mistake.help(format!("it allows {}", listed(allowed))),
            });
        }
    }
}

/// Names for a message, not too many.
pub(super) fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(8)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = if names.len() > shown.len() {
        ", .."
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}
