//! Checks types before there are values: names that a schema does not have, operands that never
//! fit. What cannot be known passes.

use serde_json::Value as Json;

use super::{
    Mistake,
    ast::{Expr, ExprKind, Fold, FoldKind, Literal, Operator, Variable},
    function::{Function, Kind, Signature},
    overload::{can_be, comparable, is_number, result},
    schema::{Field, Schema},
    types::Type,
};
use crate::problem::closest;

mod compare;

use compare::listed;

/// What an expression has to come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Truth,
    Number,
}

/// Everything wrong with an expression, for any arguments or for those of one schema.
pub(super) fn check(
    expr: &Expr,
    source: &str,
    schema: Option<&Json>,
    wanted: Wanted,
) -> Vec<Mistake> {
    let open = Json::Bool(true);
    let schema = Schema::new(schema.unwrap_or(&open));
    let mut checker = Checker {
        source,
        schema,
        locals: Vec::new(),
        mistakes: Vec::new(),
    };
    let result = checker.infer(expr);
    let (fits, what) = match wanted {
        Wanted::Truth => (can_be(&result, Kind::Bool), "not true or false"),
        Wanted::Number => (is_number(&result), "not a number"),
    };
    if !fits {
        let message = format!("it is {}, {what}", result.describe());
        checker.report(Mistake::new(expr.span, message));
    }
    checker.mistakes
}

struct Checker<'c, 's> {
    source: &'c str,
    schema: Schema<'s>,
    /// Types of the variables of the macros around this place, outermost first.
    locals: Vec<Type<'s>>,
    mistakes: Vec<Mistake>,
}

impl<'s> Checker<'_, 's> {
    fn report(&mut self, mistake: Mistake) -> Type<'s> {
        self.mistakes.push(mistake);
        Type::Dyn
    }

    fn written(&self, expr: &Expr) -> String {
        let span = expr.span.start as usize..expr.span.end as usize;
        self.source
            .get(span)
            .unwrap_or_default()
            .chars()
            .take(80)
            .collect()
    }

    fn infer(&mut self, expr: &Expr) -> Type<'s> {
        match &expr.kind {
            ExprKind::Literal(literal) => Type::of_literal(literal),
            ExprKind::Variable(Variable::Args) => self.schema.arguments(),
            ExprKind::Variable(variable) => Type::of_variable(*variable),
            ExprKind::Local(slot) => {
                let local = self.locals.get(*slot).cloned().unwrap_or(Type::Dyn);
                self.schema.settle(&local)
            }
            ExprKind::Select(of, field) => self.select(of, field),
            ExprKind::Has(of, field) => {
                self.select(of, field);
                Type::Bool
            }
            ExprKind::Index(of, index) => self.index(of, index),
            ExprKind::List(items) => {
                let types = items.iter().map(|item| self.infer(item)).collect();
                Type::List(Box::new(Type::either(types)))
            }
            ExprKind::Map(entries) => {
                let mut types = Vec::new();
                for (key, value) in entries {
                    self.infer(key);
                    types.push(self.infer(value));
                }
                Type::Map(Box::new(Type::either(types)))
            }
            ExprKind::Not(inner) => {
                self.expect_bool("!", inner);
                Type::Bool
            }
            ExprKind::Negate(inner) => {
                let of = self.infer(inner);
                if [Kind::Int, Kind::Double]
                    .iter()
                    .any(|kind| can_be(&of, *kind))
                {
                    return of;
                }
                self.refuse("-", &[inner], &[of])
            }
            ExprKind::And(terms) => self.connect("&&", terms),
            ExprKind::Or(terms) => self.connect("||", terms),
            ExprKind::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.expect_bool("?:", condition);
                Type::either(vec![self.infer(then), self.infer(otherwise)])
            }
            ExprKind::Binary(operator, operands) => self.binary(expr, *operator, operands),
            ExprKind::Call(function, arguments) => self.call(*function, arguments),
            ExprKind::Matches(text, _) => {
                let of = self.infer(text);
                if can_be(&of, Kind::Str) {
                    return Type::Bool;
                }
                self.refuse("matches", &[text], &[of])
            }
            ExprKind::Fold(fold) => self.fold(fold),
        }
    }

    fn connect(&mut self, sign: &str, terms: &[Expr]) -> Type<'s> {
        for term in terms {
            self.expect_bool(sign, term);
        }
        Type::Bool
    }

    fn expect_bool(&mut self, sign: &str, expr: &Expr) {
        let of = self.infer(expr);
        if !can_be(&of, Kind::Bool) {
            self.refuse(sign, &[expr], &[of]);
        }
    }

    /// Reports that something does not take these types.
    fn refuse(&mut self, what: &str, exprs: &[&Expr], types: &[Type<'s>]) -> Type<'s> {
        let operands: Vec<String> = exprs
            .iter()
            .zip(types)
            .map(|(expr, of)| format!("`{}` is {}", self.written(expr), of.describe()))
            .collect();
        let span = exprs.first().map(|expr| expr.span).unwrap_or_default();
        let message = format!("{}: `{what}` does not take that", operands.join(", "));
        self.report(Mistake::new(span, message))
    }

    fn select(&mut self, of: &Expr, field: &str) -> Type<'s> {
        let target = self.infer(of);
        let mut found = Vec::new();
        let mut missing: Option<Vec<&str>> = None;
        for one in target.alternatives() {
            match self.schema.field(one, field) {
                Field::Is(field) => found.push(field),
                Field::Missing(known) => missing.get_or_insert_default().extend(known),
                Field::Scalar => {}
            }
        }
        if !found.is_empty() {
            return Type::either(found);
        }
        let Some(known) = missing else {
            let (of_text, kind) = (self.written(of), target.describe());
            let message = format!("`{of_text}` is {kind}: it has no field `{field}`");
            return self.report(Mistake::new(of.span, message));
        };
        let of_text = self.written(of);
        let message = format!("`{of_text}` has no field `{field}`");
        let mistake = Mistake::new(of.span, message);
        let mistake = match closest(field, known.iter().copied()) {
            Some(close) => mistake.help(format!("did you mean `{of_text}.{close}`?")),
            None if known.is_empty() => mistake.help("the schema declares no properties there"),
            None => mistake.help(format!("it has {}", listed(&known))),
        };
        self.report(mistake)
    }

    fn index(&mut self, of: &Expr, index: &Expr) -> Type<'s> {
        let (target, place) = (self.infer(of), self.infer(index));
        let mut found = Vec::new();
        for one in target.alternatives() {
            match one {
                Type::Dyn => found.push(Type::Dyn),
                Type::List(item) if is_number(&place) => found.push(self.schema.settle(item)),
                Type::Map(value) => found.push(self.schema.settle(value)),
                Type::Object(_) | Type::Tool if can_be(&place, Kind::Str) => {
                    // An index asks for what may not be there: only fields are held to the schema.
                    let name = match &index.kind {
                        ExprKind::Literal(Literal::Str(name)) => self.schema.field(one, name),
                        _ => Field::Scalar,
                    };
                    found.push(if let Field::Is(field) = name {
                        field
                    } else {
                        Type::Dyn
                    });
                }
                _ => {}
            }
        }
        if found.is_empty() {
            return self.refuse("[]", &[of, index], &[target, place]);
        }
        Type::either(found)
    }

    fn binary(&mut self, expr: &Expr, operator: Operator, operands: &[Expr; 2]) -> Type<'s> {
        let [left, right] = operands;
        let (a, b) = (self.infer(left), self.infer(right));
        match operator {
            Operator::Equal | Operator::NotEqual => {
                if !comparable(&a, &b) {
                    return self.never_equal(expr, operands, &a, &b);
                }
                self.listed_value(left, &b);
                self.listed_value(right, &a);
                Type::Bool
            }
            Operator::In => self.membership(expr, operands, &a, &b),
            _ => {
                let mut results = Vec::new();
                for x in a.alternatives() {
                    for y in b.alternatives() {
                        results.extend(result(operator, x.kind(), y.kind()).map(Type::of_kind));
                    }
                }
                if results.is_empty() {
                    return self.refuse(operator.sign(), &[left, right], &[a, b]);
                }
                Type::either(results)
            }
        }
    }

    fn call(&mut self, function: Function, arguments: &[Expr]) -> Type<'s> {
        let types: Vec<Type<'s>> = arguments
            .iter()
            .map(|argument| self.infer(argument))
            .collect();
        let Some(signature) = Signature::of(function) else {
            return Type::Dyn;
        };
        if signature.overloads.is_empty() {
            let numbers = match types.as_slice() {
                [Type::List(items)] => is_number(&self.schema.settle(items)),
                types => types
                    .iter()
                    .all(|of| is_number(of) || can_be(of, Kind::List)),
            };
            return if numbers {
                Type::Dyn
            } else {
                let exprs: Vec<&Expr> = arguments.iter().collect();
                self.refuse(signature.name, &exprs, &types)
            };
        }
        let fitting = signature.overloads.iter().filter(|(parameters, _)| {
            parameters.len() == types.len()
                && parameters
                    .iter()
                    .zip(&types)
                    .all(|(kind, of)| can_be(of, *kind))
        });
        let results: Vec<Type<'s>> = fitting.map(|(_, result)| Type::of_kind(*result)).collect();
        if results.is_empty() {
            let exprs: Vec<&Expr> = arguments.iter().collect();
            return self.refuse(signature.name, &exprs, &types);
        }
        if function == Function::Split {
            return Type::List(Box::new(Type::TEXT));
        }
        Type::either(results)
    }

    fn fold(&mut self, fold: &Fold) -> Type<'s> {
        let range = self.infer(&fold.range);
        let mut items = Vec::new();
        for one in range.alternatives() {
            match one {
                Type::Dyn => items.push(Type::Dyn),
                Type::List(item) => items.push((**item).clone()),
                Type::Map(_) => items.push(Type::Dyn),
                Type::Object(_) | Type::Tool => items.push(Type::TEXT),
                _ => {}
            }
        }
        if items.is_empty() {
            return self.refuse(fold.kind.name(), &[&fold.range], &[range]);
        }
        let item = Type::either(items);
        self.locals.push(item.clone());
        let result = if fold.kind == FoldKind::Map {
            if let Some(filter) = &fold.filter {
                self.expect_bool("map", filter);
            }
            Type::List(Box::new(self.infer(&fold.body)))
        } else {
            self.expect_bool(fold.kind.name(), &fold.body);
            if fold.kind == FoldKind::Filter {
                Type::List(Box::new(item))
            } else {
                Type::Bool
            }
        };
        self.locals.pop();
        result
    }
}
