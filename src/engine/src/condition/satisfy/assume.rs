//! Assumes that an expression is true, or false, and what follows from that.

use super::{
    super::{
        ast::{Expr, ExprKind, Fold, FoldKind, Literal, Operator},
        function::Function,
    },
    Env, Search,
    infer::path,
    set::Set,
};

impl<'s> Search<'s> {
    /// Narrows `env` to where `expr` is `want`; `false`: it never is.
    pub(super) fn assume(&mut self, expr: &'s Expr, want: bool, env: &mut Env<'s>) -> bool {
        let Some(left) = self.steps.checked_sub(1) else {
            return true;
        };
        self.steps = left;
        match &expr.kind {
            ExprKind::Not(inner) => self.assume(inner, !want, env),
            ExprKind::And(terms) if want => self.every(terms, true, env),
            ExprKind::Or(terms) if !want => self.every(terms, false, env),
            ExprKind::And(terms) | ExprKind::Or(terms) => {
                let cases = terms.iter().map(|term| vec![(term, want)]);
                self.any(cases.collect(), env)
            }
            ExprKind::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                let cases = vec![
                    vec![(condition, true), (then, want)],
                    vec![(condition, false), (otherwise, want)],
                ];
                self.any(cases, env)
            }
            ExprKind::Has(of, field) => self.has(of, field, want, env),
            ExprKind::Binary(operator, operands) => {
                let [left, right] = &**operands;
                self.compare(*operator, left, right, want, env)
            }
            ExprKind::Call(function, arguments) => self.ask(*function, arguments, want, env),
            ExprKind::Matches(of, pattern) => {
                self.test(of, want, env, |text| pattern.regex.is_match(text))
            }
            ExprKind::Fold(fold) => self.fold(fold, want, env),
            ExprKind::Literal(_)
            | ExprKind::Variable(_)
            | ExprKind::Local(_)
            | ExprKind::Select(..)
            | ExprKind::Index(..)
            | ExprKind::List(_)
            | ExprKind::Map(_)
            | ExprKind::Negate(_) => {
                let truth = Set::bool([!want, want]);
                let met = self.infer(expr, env).meet(&truth);
                keep(expr, met, env)
            }
        }
    }

    /// Whether asking for `expr` can be an error.
    pub(super) fn can_fault(&mut self, expr: &'s Expr, env: &Env<'s>) -> bool {
        let Some(left) = self.steps.checked_sub(1) else {
            return true;
        };
        self.steps = left;
        match &expr.kind {
            ExprKind::Literal(_) => false,
            ExprKind::Variable(_)
            | ExprKind::Local(_)
            | ExprKind::Select(..)
            | ExprKind::Index(..) => self.infer(expr, env).fault,
            ExprKind::Not(inner) => self.can_fault(inner, env),
            ExprKind::And(terms) => self.can_fault_among(terms, true, env),
            ExprKind::Or(terms) => self.can_fault_among(terms, false, env),
            ExprKind::Has(of, _) => self.can_fault(of, env) || !self.infer(of, env).is_object(),
            ExprKind::Matches(of, _) => self.can_fault(of, env) || !self.infer(of, env).is_text(),
            ExprKind::Binary(operator, operands) => {
                let [left, right] = &**operands;
                let sets = [left, right].map(|operand| self.infer(operand, env));
                let [a, b] = &sets;
                let fits = match operator {
                    Operator::Equal | Operator::NotEqual => true,
                    Operator::Less
                    | Operator::LessEqual
                    | Operator::Greater
                    | Operator::GreaterEqual => {
                        (a.is_number() && b.is_number())
                            || (a.is_time() && b.is_time())
                            || (a.is_text() && b.is_text())
                    }
                    Operator::In => b.is_list() || b.is_object(),
                    Operator::Add
                    | Operator::Subtract
                    | Operator::Multiply
                    | Operator::Divide
                    | Operator::Remainder => false,
                };
                !fits || self.can_fault(left, env) || self.can_fault(right, env)
            }
            ExprKind::Call(..) => self.infer(expr, env).fault,
            ExprKind::List(_)
            | ExprKind::Map(_)
            | ExprKind::Negate(_)
            | ExprKind::Choice(_)
            | ExprKind::Fold(_) => true,
        }
    }

    /// An error in one term is absorbed where another decides; that those that cannot fail do not
    /// decide narrows what the others are asked under.
    fn can_fault_among(&mut self, terms: &'s [Expr], neutral: bool, env: &Env<'s>) -> bool {
        let (unsure, sure): (Vec<_>, Vec<_>) =
            terms.iter().partition(|term| self.can_fault(term, env));
        let mut narrowed = env.clone();
        let undecided = sure
            .into_iter()
            .all(|term| self.assume(term, neutral, &mut narrowed));
        undecided
            && unsure
                .into_iter()
                .any(|term| self.can_fault(term, &narrowed))
    }

    /// All terms are `want`. What a later one says may narrow an earlier one: hence twice.
    fn every(&mut self, terms: &'s [Expr], want: bool, env: &mut Env<'s>) -> bool {
        (0..2).all(|_| terms.iter().all(|term| self.assume(term, want, env)))
    }

    /// One of several cases holds, each a chain of assumptions.
    fn any(&mut self, cases: Vec<Vec<(&'s Expr, bool)>>, env: &mut Env<'s>) -> bool {
        let mut joined: Option<Env<'s>> = None;
        for case in cases {
            let mut branch = env.clone();
            if case
                .into_iter()
                .all(|(expr, want)| self.assume(expr, want, &mut branch))
            {
                joined = Some(match joined {
                    Some(others) => others.join(branch),
                    None => branch,
                });
            }
        }
        joined.is_some_and(|joined| {
            *env = joined;
            true
        })
    }

    fn has(&self, of: &'s Expr, field: &str, want: bool, env: &mut Env<'s>) -> bool {
        let Some(path) = path(of).map(|path| format!("{path}.{field}")) else {
            return true;
        };
        let mut set = match env.known.get(&path) {
            Some(known) => known.clone(),
            None => self.member(of, field, env),
        };
        let possible = if want { !set.is_empty() } else { set.fault };
        if want {
            set.fault = false;
        } else {
            set = Set::default().faulty();
        }
        env.known.insert(path, set);
        possible
    }

    fn compare(
        &self,
        operator: Operator,
        left: &'s Expr,
        right: &'s Expr,
        want: bool,
        env: &mut Env<'s>,
    ) -> bool {
        let (a, b) = (self.infer(left, env), self.infer(right, env));
        match (operator, want) {
            (Operator::Equal, true) | (Operator::NotEqual, false) => {
                let met = a.meet(&b);
                keep(left, met.clone(), env) && keep(right, met, env)
            }
            (Operator::Equal, false) | (Operator::NotEqual, true) => {
                let (less, rest) = (a.clone().without(&b), b.without(&a));
                keep(left, less, env) && keep(right, rest, env)
            }
            (Operator::Less, true) | (Operator::GreaterEqual, false) => {
                order(left, right, [a, b], false, env)
            }
            (Operator::LessEqual, true) | (Operator::Greater, false) => {
                order(left, right, [a, b], true, env)
            }
            (Operator::Greater, true) | (Operator::LessEqual, false) => {
                order(right, left, [b, a], false, env)
            }
            (Operator::GreaterEqual, true) | (Operator::Less, false) => {
                order(right, left, [b, a], true, env)
            }
            (Operator::In, _) => self.among(left, right, [a, b], want, env),
            (
                Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Remainder,
                _,
            ) => true,
        }
    }

    fn among(
        &self,
        left: &'s Expr,
        right: &'s Expr,
        [a, b]: [Set<'s>; 2],
        want: bool,
        env: &mut Env<'s>,
    ) -> bool {
        // A key of a map.
        if let (ExprKind::Literal(Literal::Str(key)), true) = (&left.kind, b.is_object()) {
            return self.has(right, key, want, env);
        }
        match (&right.kind, b.list) {
            (ExprKind::Literal(Literal::List(items)), _) if !want => {
                let rest = items
                    .iter()
                    .fold(a, |rest, item| rest.without(&Set::of_literal(item)));
                keep(left, rest, env)
            }
            (_, Some(list)) if want && b.objects.is_empty() => {
                let empty = list.length.is_zero();
                let met = list.item.map_or_else(|| a.clone(), |item| a.meet(&item));
                !empty && keep(left, met, env)
            }
            _ => true,
        }
    }

    fn ask(
        &self,
        function: Function,
        arguments: &'s [Expr],
        want: bool,
        env: &mut Env<'s>,
    ) -> bool {
        let [of, literal] = arguments else {
            return true;
        };
        let ExprKind::Literal(Literal::Str(part)) = &literal.kind else {
            return true;
        };
        let mut tests = TESTS.iter().filter(|(known, _)| *known == function);
        tests
            .next()
            .is_none_or(|(_, test)| self.test(of, want, env, |text| test(text, part)))
    }

    /// A text passes a test, or does not.
    fn test(
        &self,
        of: &'s Expr,
        want: bool,
        env: &mut Env<'s>,
        test: impl Fn(&str) -> bool,
    ) -> bool {
        let texts = self.infer(of, env).text;
        let passing = texts.and_then(|texts| texts.filter(|text| test(text) == want));
        keep(of, passing.map_or_else(Set::default, Set::texts), env)
    }

    fn fold(&mut self, fold: &'s Fold, want: bool, env: &Env<'s>) -> bool {
        // One item has to be found for these; for all else an empty list will do.
        let found = match fold.kind {
            FoldKind::Exists | FoldKind::ExistsOne => want,
            FoldKind::All => !want,
            FoldKind::Filter | FoldKind::Map => return true,
        };
        let range = self.infer(&fold.range, env);
        let Some(list) = range.list.filter(|_| found && range.objects.is_empty()) else {
            return true;
        };
        let mut inner = env.clone();
        inner
            .locals
            .push(list.item.map_or_else(Set::any, |item| *item));
        !list.length.is_zero() && self.assume(&fold.body, want, &mut inner)
    }
}

/// Narrows an expression to `set`; `false`: there is nothing it could be.
fn keep<'s>(expr: &Expr, mut set: Set<'s>, env: &mut Env<'s>) -> bool {
    set.fault = false;
    let possible = !set.is_empty();
    env.narrow(expr, set);
    possible
}

/// `less` is less than `more`.
fn order<'s>(
    less: &Expr,
    more: &Expr,
    [a, b]: [Set<'s>; 2],
    or_equal: bool,
    env: &mut Env<'s>,
) -> bool {
    let low = a.ordered(&b, |a, b| a.meet(&b.below(or_equal)));
    let high = b.ordered(&a, |b, a| b.meet(&a.above(or_equal)));
    keep(less, low, env) && keep(more, high, env)
}

/// What can be asked of a text and a part of it.
type Test = fn(&str, &str) -> bool;

const TESTS: [(Function, Test); 3] = [
    (Function::StartsWith, |text, part| text.starts_with(part)),
    (Function::EndsWith, |text, part| text.ends_with(part)),
    (Function::Contains, |text, part| text.contains(part)),
];
