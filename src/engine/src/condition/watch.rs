//! Evaluation that tells what the parts came to, for people who ask why.

use super::{
    Condition, Facts, Fault, Fuel, Truth,
    ast::{Expr, ExprKind, Variable},
    collection::{List, Map},
    eval::{Evaluation, Outcome, Watch},
    token::Span,
    truth,
    value::Value,
};
use crate::json::quote;

impl Condition {
    /// Whether it holds, as [`Condition::eval`] says, and what each part of it came to: facts,
    /// comparisons, operands, in the order written. The parts hold values of arguments.
    pub fn watch(
        &self,
        facts: &Facts<'_>,
        fuel: &mut Fuel,
    ) -> (Result<Truth, Fault>, Vec<(String, String)>) {
        let mut seen = Seen::default();
        let outcome = Evaluation::new(&self.source, facts, fuel, &mut seen).eval(&self.expr);
        let whole = self.expr.span;
        let mut steps = seen.steps;
        steps.retain(|(span, _)| *span != whole);
        steps.sort_by_key(|(span, _)| (span.start, u32::MAX - span.end));
        let steps = steps
            .into_iter()
            .map(|(span, value)| (self.written(span), value))
            .collect();
        (outcome.and_then(truth), steps)
    }

    fn written(&self, span: Span) -> String {
        let text = self.source.get(span.start as usize..span.end as usize);
        text.unwrap_or_default().to_owned()
    }
}

/// The parts that were evaluated, innermost first.
#[derive(Default)]
struct Seen {
    steps: Vec<(Span, String)>,
    /// Where the last fault was told.
    fault: Option<Span>,
}

impl<'a> Watch<'a> for &mut Seen {
    fn see(&mut self, expr: &'a Expr, outcome: &Outcome<'a>) {
        if let ExprKind::Select(of, _) | ExprKind::Has(of, _) | ExprKind::Index(of, _) = &expr.kind
        {
            // `args.customer.country` says enough without `args.customer`.
            self.steps.retain(|(span, _)| *span != of.span);
        }
        if !tells(&expr.kind) {
            return;
        }
        let value = match outcome {
            Ok(value) => text(value),
            // What contains a part that failed fails for the same reason.
            Err(_) if self.fault.is_some_and(|span| within(span, expr.span)) => return,
            Err(fault) => {
                self.fault = Some(expr.span);
                format!("fails: {fault}")
            }
        };
        self.steps.push((expr.span, value));
    }
}

/// Whether its value says more than its text.
const fn tells(kind: &ExprKind) -> bool {
    match kind {
        ExprKind::Literal(_)
        | ExprKind::Local(_)
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Negate(_)
        | ExprKind::Variable(Variable::Args | Variable::Meta | Variable::Tool) => false,
        ExprKind::Variable(_)
        | ExprKind::Select(..)
        | ExprKind::Has(..)
        | ExprKind::Index(..)
        | ExprKind::Not(_)
        | ExprKind::And(_)
        | ExprKind::Or(_)
        | ExprKind::Choice(_)
        | ExprKind::Binary(..)
        | ExprKind::Call(..)
        | ExprKind::Matches(..)
        | ExprKind::Fold(_) => true,
    }
}

const fn within(inner: Span, outer: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// A value as a condition would write it, cut to what a line bears.
fn text(value: &Value<'_>) -> String {
    let whole = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => format!("{number}u"),
        Value::Double(number) => format!("{number:?}"),
        Value::Str(text) => quote(text),
        Value::Timestamp(moment) => moment.to_rfc3339(),
        Value::Duration(nanos) => format!("{}s", *nanos as f64 / 1e9),
        Value::Type(name) => (*name).to_owned(),
        Value::List(list) => list_text(list),
        Value::Map(Map::Json(node)) => node.raw().to_owned(),
        Value::Map(map) => format!("{{{} members}}", map.len()),
        Value::Unknown => "not known".to_owned(),
    };
    match whole.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole,
    }
}

fn list_text(list: &List<'_>) -> String {
    let mut items = list.items();
    let mut texts = Vec::new();
    while let (Ok(Some(item)), true) = (items.next(&mut Fuel::default()), texts.len() < MAX_TEXT) {
        texts.push(text(&item));
    }
    format!("[{}]", texts.join(", "))
}

/// Characters of a value that are told.
const MAX_TEXT: usize = 80;
