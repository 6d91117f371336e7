//! Evaluates the tree: strict but for `&&`, `||`, `?:` and the macros, which absorb as CEL does.

use super::{
    Facts, Fault, Fuel,
    ast::{Expr, ExprKind, Fold, FoldKind, Operator, Variable},
    collection::{Items, List, Map},
    operate,
    value::{Text, Value},
};
use crate::{call::Partial, json::Node};

pub(super) type Outcome<'a> = Result<Value<'a>, Fault>;

/// Sees what every expression comes to.
pub(super) trait Watch<'a> {
    fn see(&mut self, expr: &'a Expr, outcome: &Outcome<'a>);
}

/// Nobody looks.
impl<'a> Watch<'a> for () {
    fn see(&mut self, _: &'a Expr, _: &Outcome<'a>) {}
}

/// One evaluation.
pub(super) struct Evaluation<'a, 'f, W = ()> {
    source: &'a str,
    facts: &'a Facts<'a>,
    fuel: &'f mut Fuel,
    watch: W,
    /// Values of the variables of the macros around this place, outermost first.
    locals: Vec<Value<'a>>,
}

impl<'a, 'f, W: Watch<'a>> Evaluation<'a, 'f, W> {
    pub(super) fn new(source: &'a str, facts: &'a Facts<'a>, fuel: &'f mut Fuel, watch: W) -> Self {
        Self {
            source,
            facts,
            fuel,
            watch,
            locals: Vec::new(),
        }
    }

    pub(super) fn eval(&mut self, expr: &'a Expr) -> Outcome<'a> {
        let outcome = self.value(expr);
        // Within a macro an expression has as many values as there are items.
        if self.locals.is_empty() {
            self.watch.see(expr, &outcome);
        }
        outcome
    }

    fn value(&mut self, expr: &'a Expr) -> Outcome<'a> {
        self.fuel.spend(1)?;
        match &expr.kind {
            ExprKind::Literal(literal) => Ok(Value::constant(literal)),
            ExprKind::Variable(variable) => Ok(self.variable(*variable)),
            ExprKind::Local(slot) => Ok(self.locals.get(*slot).cloned().unwrap_or(Value::Unknown)),
            ExprKind::Select(of, field) => self.select(expr, of, field),
            ExprKind::Has(of, field) => self.has(of, field),
            ExprKind::Index(of, index) => self.index(expr, of, index),
            ExprKind::List(items) => self.list(items),
            ExprKind::Map(entries) => self.map(entries),
            ExprKind::Not(inner) => match self.eval(inner)? {
                Value::Bool(truth) => Ok(Value::Bool(!truth)),
                Value::Unknown => Ok(Value::Unknown),
                other => Err(no_overload("!", &[&other])),
            },
            ExprKind::Negate(inner) => operate::negate(self.eval(inner)?),
            ExprKind::And(terms) => self.absorb(terms, false),
            ExprKind::Or(terms) => self.absorb(terms, true),
            ExprKind::Choice(parts) => self.choice(parts),
            ExprKind::Binary(operator, operands) => self.binary(*operator, operands),
            ExprKind::Call(function, arguments) => match self.values(arguments)? {
                Some(values) => super::call::call(*function, &values, self.fuel),
                None => Ok(Value::Unknown),
            },
            ExprKind::Matches(of, pattern) => match self.eval(of)? {
                Value::Str(text) => {
                    self.fuel
                        .spend((text.len() / 16 + 1).saturating_mul(pattern.weight as usize))?;
                    Ok(Value::Bool(pattern.regex.is_match(&text)))
                }
                Value::Unknown => Ok(Value::Unknown),
                other => Err(no_overload("matches", &[&other])),
            },
            ExprKind::Fold(fold) => self.fold(fold),
        }
    }

    fn variable(&self, variable: Variable) -> Value<'a> {
        let facts = self.facts;
        let principal = facts.principal;
        match variable {
            Variable::Args => document(facts.args),
            Variable::Meta => document(facts.meta),
            Variable::User => Value::optional(principal.user.as_deref()),
            Variable::Agent => Value::optional(principal.agent.as_deref()),
            Variable::App => Value::optional(principal.app.as_deref()),
            Variable::Tenant => Value::optional(principal.tenant.as_deref()),
            Variable::Roles => Value::List(List::Names(&principal.roles)),
            Variable::Scopes => Value::List(List::Names(&principal.scopes)),
            Variable::Tool => Value::Map(Map::Tool(facts.tool)),
            Variable::Env => Value::optional(facts.env),
            Variable::Session => Value::optional(facts.session),
            Variable::Now => Value::Timestamp(facts.now.utc()),
        }
    }

    fn select(&mut self, expr: &Expr, of: &'a Expr, field: &str) -> Outcome<'a> {
        match self.eval(of)? {
            Value::Map(map) => match map.field(field, self.fuel)? {
                Some(value) => Ok(value),
                None => Err(Fault::NoSuchKey(self.written(expr))),
            },
            Value::Unknown => Ok(Value::Unknown),
            other => Err(no_overload("field", &[&other])),
        }
    }

    fn has(&mut self, of: &'a Expr, field: &'a str) -> Outcome<'a> {
        match self.eval(of)? {
            Value::Map(map) => {
                let key = Value::Str(Text::Borrowed(field));
                Ok(Value::Bool(map.has(&key, self.fuel)?))
            }
            Value::Unknown => Ok(Value::Unknown),
            other => Err(no_overload("has", &[&other])),
        }
    }

    fn index(&mut self, expr: &Expr, of: &'a Expr, index: &'a Expr) -> Outcome<'a> {
        let (of, index) = (self.eval(of)?, self.eval(index)?);
        match (&of, &index) {
            (Value::Unknown, _) | (_, Value::Unknown) => Ok(Value::Unknown),
            (Value::List(list), index) => {
                let Some(at) = operate::position(index) else {
                    return Err(no_overload("[]", &[&of, index]));
                };
                let item = match at {
                    Some(at) => list.item(at, self.fuel)?,
                    None => None,
                };
                item.ok_or_else(|| Fault::OutOfRange(self.written(expr)))
            }
            (Value::Map(map), key) if key.is_key() => match map.get(key, self.fuel)? {
                Some(value) => Ok(value),
                None => Err(Fault::NoSuchKey(self.written(expr))),
            },
            _ => Err(no_overload("[]", &[&of, &index])),
        }
    }

    /// All values, or nothing if one of them is not known.
    fn values(&mut self, exprs: &'a [Expr]) -> Result<Option<Vec<Value<'a>>>, Fault> {
        self.fuel.spend(exprs.len())?;
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            values.push(self.eval(expr)?);
        }
        let known = !values.iter().any(|value| matches!(value, Value::Unknown));
        Ok(known.then_some(values))
    }

    fn list(&mut self, items: &'a [Expr]) -> Outcome<'a> {
        let values = self.values(items)?;
        Ok(values.map_or(Value::Unknown, |values| {
            Value::List(List::Built(values.into()))
        }))
    }

    fn map(&mut self, entries: &'a [(Expr, Expr)]) -> Outcome<'a> {
        let mut map: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        let mut known = true;
        for (key, value) in entries {
            let (key, value) = (self.eval(key)?, self.eval(value)?);
            if matches!((&key, &value), (Value::Unknown, _) | (_, Value::Unknown)) {
                known = false;
                continue;
            }
            if !matches!(
                key,
                Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Str(_)
            ) {
                return Err(no_overload("key of a map", &[&key]));
            }
            for (earlier, _) in &map {
                if earlier.equals(&key, self.fuel)? {
                    return Err(Fault::DuplicateKey);
                }
            }
            map.push((key, value));
        }
        Ok(if known {
            Value::Map(Map::Built(map.into()))
        } else {
            Value::Unknown
        })
    }

    /// `&&` and `||`: `decisive` decides alone; then unknowns count, then faults.
    fn absorb(&mut self, terms: &'a [Expr], decisive: bool) -> Outcome<'a> {
        let mut tally = Tally::default();
        for term in terms {
            let outcome = self.eval(term);
            if tally.add(outcome, decisive)? {
                return Ok(Value::Bool(decisive));
            }
        }
        tally.finish(!decisive)
    }

    fn choice(&mut self, parts: &'a [Expr; 3]) -> Outcome<'a> {
        let [condition, then, otherwise] = parts;
        match self.eval(condition)? {
            Value::Bool(true) => self.eval(then),
            Value::Bool(false) => self.eval(otherwise),
            Value::Unknown => Ok(Value::Unknown),
            other => Err(no_overload("?:", &[&other])),
        }
    }

    fn binary(&mut self, operator: Operator, operands: &'a [Expr; 2]) -> Outcome<'a> {
        let [left, right] = operands;
        let (left, right) = (self.eval(left)?, self.eval(right)?);
        operate::binary(operator, left, right, self.fuel)
    }

    fn fold(&mut self, fold: &'a Fold) -> Outcome<'a> {
        let items = match self.eval(&fold.range)? {
            Value::List(list) => list.items(),
            Value::Map(map) => map.keys(),
            Value::Unknown => return Ok(Value::Unknown),
            other => return Err(no_overload(fold.kind.name(), &[&other])),
        };
        match fold.kind {
            FoldKind::All => self.quantify(items, &fold.body, false),
            FoldKind::Exists => self.quantify(items, &fold.body, true),
            FoldKind::ExistsOne => self.count(items, &fold.body),
            FoldKind::Filter => self.build(items, Some(&fold.body), None),
            FoldKind::Map => self.build(items, fold.filter.as_ref(), Some(&fold.body)),
        }
    }

    /// Evaluates `body` with the macro's variable set to `item`.
    fn with(&mut self, item: Value<'a>, body: &'a Expr) -> Outcome<'a> {
        self.locals.push(item);
        let outcome = self.eval(body);
        self.locals.pop();
        outcome
    }

    fn quantify(&mut self, mut items: Items<'a>, body: &'a Expr, decisive: bool) -> Outcome<'a> {
        let mut tally = Tally::default();
        while let Some(item) = items.next(self.fuel)? {
            let outcome = self.with(item, body);
            if tally.add(outcome, decisive)? {
                return Ok(Value::Bool(decisive));
            }
        }
        tally.finish(!decisive)
    }

    fn count(&mut self, mut items: Items<'a>, body: &'a Expr) -> Outcome<'a> {
        let mut found = 0_usize;
        let mut known = true;
        while let Some(item) = items.next(self.fuel)? {
            match self.with(item, body)? {
                Value::Bool(true) => found += 1,
                Value::Bool(false) => {}
                Value::Unknown => known = false,
                other => return Err(no_overload("exists_one", &[&other])),
            }
        }
        Ok(if known {
            Value::Bool(found == 1)
        } else {
            Value::Unknown
        })
    }

    /// `filter`, and `map` with or without a filter.
    fn build(
        &mut self,
        mut items: Items<'a>,
        filter: Option<&'a Expr>,
        body: Option<&'a Expr>,
    ) -> Outcome<'a> {
        let mut built = Vec::new();
        let mut known = true;
        while let Some(item) = items.next(self.fuel)? {
            if let Some(filter) = filter {
                match self.with(item.clone(), filter)? {
                    Value::Bool(true) => {}
                    Value::Bool(false) => continue,
                    Value::Unknown => {
                        known = false;
                        continue;
                    }
                    other => return Err(no_overload("filter", &[&other])),
                }
            }
            let value = match body {
                Some(body) => self.with(item, body)?,
                None => item,
            };
            // What is kept takes memory: its price bounds that.
            self.fuel.spend(4)?;
            known &= !matches!(value, Value::Unknown);
            built.push(value);
        }
        Ok(if known {
            Value::List(List::Built(built.into()))
        } else {
            Value::Unknown
        })
    }

    /// The expression as its author wrote it, for a message.
    fn written(&self, expr: &Expr) -> String {
        let span = expr.span.start as usize..expr.span.end as usize;
        self.source
            .get(span)
            .unwrap_or_default()
            .chars()
            .take(80)
            .collect()
    }
}

/// What the terms of `&&`, `||`, `all` and `exists` came to so far.
#[derive(Default)]
struct Tally {
    unknown: bool,
    fault: Option<Fault>,
}

impl Tally {
    /// Takes one term; true if it decides.
    fn add(&mut self, term: Outcome<'_>, decisive: bool) -> Result<bool, Fault> {
        match term {
            Ok(Value::Bool(truth)) => return Ok(truth == decisive),
            Ok(Value::Unknown) => self.unknown = true,
            Ok(other) => {
                let sign = if decisive { "||" } else { "&&" };
                self.fault
                    .get_or_insert_with(|| no_overload(sign, &[&other]));
            }
            Err(Fault::Fuel) => return Err(Fault::Fuel),
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
        Ok(false)
    }

    fn finish<'a>(self, otherwise: bool) -> Outcome<'a> {
        match (self.unknown, self.fault) {
            (true, _) => Ok(Value::Unknown),
            (false, Some(fault)) => Err(fault),
            (false, None) => Ok(Value::Bool(otherwise)),
        }
    }
}

fn document(node: Partial<Option<Node<'_>>>) -> Value<'_> {
    match node {
        Partial::Unknown => Value::Unknown,
        Partial::Known(None) => Value::Map(Map::Empty),
        // A map, as the protocol says; were it not, every use of it is a fault.
        Partial::Known(Some(node)) if node.kind() == crate::json::Kind::Object => {
            Value::Map(Map::Json(node))
        }
        Partial::Known(Some(node)) if node.kind() == crate::json::Kind::Array => {
            Value::List(List::Json(node))
        }
        Partial::Known(Some(node)) => Value::Str(Text::Borrowed(node.raw())),
    }
}

/// No overload of `what` for these values.
pub(super) fn no_overload(what: &str, values: &[&Value<'_>]) -> Fault {
    let kinds: Vec<&str> = values.iter().map(|value| value.kind().name()).collect();
    Fault::NoOverload(format!("`{what}` for {}", kinds.join(" and ")))
}
