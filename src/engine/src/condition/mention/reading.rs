//! Walks a condition for what it compares.

use chrono::Offset as _;
use serde_json::{Number, Value as Json};

use super::{Fact, Mention, Test, View};
use crate::condition::{
    ast::{Expr, ExprKind, Literal, Operator},
    function::{Function, Signature},
    time,
};

/// What the variable of a macro stands for.
enum Local {
    Fact(Fact),
    Constants(Vec<Json>),
    Unknown,
}

#[derive(Default)]
pub(super) struct Reading {
    pub(super) mentions: Vec<Mention>,
    /// Variables of the macros around this place, outermost first.
    locals: Vec<Local>,
}

impl Reading {
    /// Notes what an expression compares; one that is a fact itself is asked to be true.
    pub(super) fn walk(&mut self, expr: &Expr) {
        if let Some(fact) = self.fact(expr) {
            return self.note(fact, Test::Equal, vec![Json::Bool(true)]);
        }
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Variable(_) | ExprKind::Local(_) => {}
            ExprKind::Has(of, name) => {
                if let Some(fact) = self.fact(of) {
                    self.note(fact.member(name), Test::Present, Vec::new());
                }
            }
            ExprKind::Select(of, _) | ExprKind::Not(of) | ExprKind::Negate(of) => self.walk(of),
            ExprKind::Index(of, index) => {
                self.walk(of);
                self.walk(index);
            }
            ExprKind::And(items) | ExprKind::Or(items) | ExprKind::List(items) => {
                items.iter().for_each(|item| self.walk(item));
            }
            ExprKind::Map(entries) => entries.iter().for_each(|(_, value)| self.walk(value)),
            ExprKind::Choice(parts) => parts.iter().for_each(|part| self.walk(part)),
            ExprKind::Binary(operator, operands) => self.binary(*operator, operands),
            ExprKind::Call(function, arguments) => self.call(*function, arguments),
            ExprKind::Matches(of, pattern) => {
                let pattern = Json::from(pattern.regex.as_str());
                self.compare(of, Test::Pattern, vec![pattern]);
            }
            ExprKind::Fold(fold) => {
                let local = match (self.fact(&fold.range), self.constants(&fold.range)) {
                    (Some(fact), _) => Local::Fact(fact.item()),
                    (None, Some(constants)) => Local::Constants(constants),
                    (None, None) => {
                        self.walk(&fold.range);
                        Local::Unknown
                    }
                };
                self.locals.push(local);
                fold.filter.iter().for_each(|filter| self.walk(filter));
                self.walk(&fold.body);
                self.locals.pop();
            }
        }
    }

    fn note(&mut self, fact: Fact, test: Test, constants: Vec<Json>) {
        self.add(Mention {
            fact,
            test,
            constants,
            other: None,
        });
    }

    fn add(&mut self, mention: Mention) {
        if !self.mentions.contains(&mention) {
            self.mentions.push(mention);
        }
    }

    /// Notes that the facts in `expr` are compared with constants.
    fn compare(&mut self, expr: &Expr, test: Test, constants: Vec<Json>) {
        if let Some(fact) = self.fact(expr) {
            return self.note(fact, test, constants);
        }
        match &expr.kind {
            ExprKind::Binary(Operator::Subtract, operands) => {
                let [left, right] = &**operands;
                let seconds = |sign: f64| {
                    let seconds = constants.iter().filter_map(Json::as_f64);
                    seconds.map(|n| Json::from(n * sign)).collect()
                };
                match (self.fact(left), self.fact(right)) {
                    (Some(fact), Some(now)) if now.is_now() => {
                        self.note(fact.seen(View::FromNow), test, seconds(1.0));
                    }
                    (Some(now), Some(fact)) if now.is_now() => {
                        self.note(fact.seen(View::FromNow), test, seconds(-1.0));
                    }
                    _ => self.each(&[left, right], test, &constants),
                }
            }
            ExprKind::Binary(_, operands) => {
                let [left, right] = &**operands;
                self.each(&[left, right], test, &constants);
            }
            ExprKind::Call(_, arguments) => {
                let arguments: Vec<&Expr> = arguments.iter().collect();
                self.each(&arguments, test, &constants);
            }
            ExprKind::Negate(of) => self.compare(of, test, constants),
            _ => self.walk(expr),
        }
    }

    fn each(&mut self, exprs: &[&Expr], test: Test, constants: &[Json]) {
        for expr in exprs {
            self.compare(expr, test, constants.to_vec());
        }
    }

    fn binary(&mut self, operator: Operator, operands: &[Expr; 2]) {
        let [left, right] = operands;
        let test = match operator {
            Operator::Equal | Operator::NotEqual => Test::Equal,
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                Test::Order
            }
            Operator::In => return self.membership(left, right),
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => return operands.iter().for_each(|side| self.walk(side)),
        };
        match (self.constants(left), self.constants(right)) {
            (None, Some(constants)) => self.compare(left, test, constants),
            (Some(constants), None) => self.compare(right, test, constants),
            (Some(_), Some(_)) => {}
            (None, None) => self.beside(left, right, test),
        }
    }

    /// Two facts, one of which a constant may follow.
    fn beside(&mut self, left: &Expr, right: &Expr, test: Test) {
        let (fact, (other, constants)) = match (self.fact(left), self.joined(right)) {
            (Some(fact), Some(other)) => (fact, other),
            _ => match (self.fact(right), self.joined(left)) {
                (Some(fact), Some(other)) => (fact, other),
                _ => return self.each(&[left, right], test, &[]),
            },
        };
        self.add(Mention {
            fact,
            test,
            constants,
            other: Some(other),
        });
    }

    /// A fact, and the constant that follows it.
    fn joined(&self, expr: &Expr) -> Option<(Fact, Vec<Json>)> {
        match &expr.kind {
            ExprKind::Binary(Operator::Add, operands) => {
                let [left, right] = &**operands;
                Some((self.fact(left)?, self.constants(right)?))
            }
            _ => Some((self.fact(expr)?, Vec::new())),
        }
    }

    fn membership(&mut self, left: &Expr, right: &Expr) {
        match (self.constants(left), self.constants(right)) {
            (None, Some(constants)) => self.compare(left, Test::Equal, constants),
            (Some(constants), None) => {
                let Some(of) = self.fact(right) else {
                    return self.walk(right);
                };
                // What is asked for may be an item of a list or a key of a map.
                for name in constants.iter().filter_map(Json::as_str) {
                    if of.variable == "args" || of.variable == "meta" {
                        self.note(of.clone().member(name), Test::Present, Vec::new());
                    }
                }
                self.note(of, Test::Holds, constants);
            }
            (Some(_), Some(_)) => {}
            (None, None) => match (self.fact(left), self.fact(right)) {
                (Some(fact), Some(other)) => self.add(Mention {
                    fact,
                    test: Test::Equal,
                    constants: Vec::new(),
                    other: Some(other.item()),
                }),
                _ => self.each(&[left, right], Test::Equal, &[]),
            },
        }
    }

    fn call(&mut self, function: Function, arguments: &[Expr]) {
        let test = match function {
            Function::StartsWith => Test::Prefix,
            Function::EndsWith => Test::Suffix,
            Function::Contains => Test::Substring,
            _ => return arguments.iter().for_each(|argument| self.walk(argument)),
        };
        let [text, wanted] = arguments else { return };
        match (self.constants(text), self.constants(wanted)) {
            (None, Some(constants)) => self.compare(text, test, constants),
            (Some(constants), None) => self.compare(wanted, Test::Equal, constants),
            _ => self.beside(text, wanted, test),
        }
    }

    /// The fact that an expression is, seen through conversions.
    fn fact(&self, expr: &Expr) -> Option<Fact> {
        match &expr.kind {
            ExprKind::Variable(variable) => Some(Fact::new(*variable)),
            ExprKind::Local(slot) => match self.locals.get(*slot)? {
                Local::Fact(fact) => Some(fact.clone()),
                Local::Constants(_) | Local::Unknown => None,
            },
            ExprKind::Select(of, name) => Some(self.fact(of)?.member(name)),
            ExprKind::Index(of, index) => {
                let of = self.fact(of)?;
                Some(match &index.kind {
                    ExprKind::Literal(Literal::Str(name)) => of.member(name),
                    _ => of.item(),
                })
            }
            ExprKind::Call(function, arguments) => {
                let fact = self.fact(arguments.first()?)?;
                let signature = Signature::of(*function)?;
                if *function == Function::Size {
                    return Some(fact.seen(View::Size));
                }
                if PARTS.contains(function) {
                    let zone = arguments.get(1).and_then(|zone| match &zone.kind {
                        ExprKind::Literal(Literal::Str(zone)) => time::parse_zone(zone).ok(),
                        _ => None,
                    });
                    return Some(fact.seen(View::Part {
                        function: signature.name,
                        east: zone.map_or(0, |zone| zone.fix().local_minus_utc()),
                    }));
                }
                CONVERSIONS.contains(function).then_some(fact)
            }
            _ => None,
        }
    }

    /// The constants that an expression is, or is a list of.
    fn constants(&self, expr: &Expr) -> Option<Vec<Json>> {
        match &expr.kind {
            ExprKind::Literal(Literal::List(items)) => {
                Some(items.iter().filter_map(constant).collect())
            }
            ExprKind::Literal(literal) => Some(constant(literal).into_iter().collect()),
            ExprKind::Local(slot) => match self.locals.get(*slot)? {
                Local::Constants(constants) => Some(constants.clone()),
                Local::Fact(_) | Local::Unknown => None,
            },
            _ => None,
        }
    }
}

fn constant(literal: &Literal) -> Option<Json> {
    Some(match literal {
        Literal::Null => Json::Null,
        Literal::Bool(truth) => Json::from(*truth),
        Literal::Int(number) => Json::from(*number),
        Literal::Uint(number) => Json::from(*number),
        Literal::Double(number) => Json::Number(Number::from_f64(*number)?),
        Literal::Str(text) => Json::from(text.as_str()),
        Literal::Timestamp(moment) => Json::from(time::write_timestamp(*moment)),
        Literal::Duration(nanos) => Json::from(*nanos as f64 / 1e9),
        Literal::List(items) => Json::Array(items.iter().filter_map(constant).collect()),
        Literal::Type(_) => return None,
    })
}

/// Functions that take a part of a moment.
const PARTS: [Function; 10] = [
    Function::Year,
    Function::Month,
    Function::Date,
    Function::DayOfMonth,
    Function::DayOfWeek,
    Function::DayOfYear,
    Function::Hours,
    Function::Minutes,
    Function::Seconds,
    Function::Milliseconds,
];

/// Functions whose result is near enough to what they are given to be compared in its place.
const CONVERSIONS: [Function; 13] = [
    Function::Int,
    Function::Uint,
    Function::Double,
    Function::Str,
    Function::Bool,
    Function::Dyn,
    Function::Timestamp,
    Function::Duration,
    Function::LowerAscii,
    Function::UpperAscii,
    Function::Trim,
    Function::Substring,
    Function::Replace,
];
