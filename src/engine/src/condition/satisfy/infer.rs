//! What an expression can be, under what has been assumed.

use super::{
    super::{
        ast::{Expr, ExprKind, Literal, Operator, Variable},
        function::Function,
    },
    Env, Search, Supply,
    range::Range,
    set::{ANYTHING, List, Set},
    shape::MAX_HOPS,
    text::Texts,
};

impl<'s> Search<'s> {
    pub(super) fn infer(&self, expr: &'s Expr, env: &Env<'s>) -> Set<'s> {
        if let Some(known) = path(expr).and_then(|path| env.known.get(&path)) {
            return known.clone();
        }
        match &expr.kind {
            ExprKind::Literal(literal) => Set::of_literal(literal),
            ExprKind::Variable(variable) => self.variable(*variable),
            ExprKind::Local(slot) => env.locals.get(*slot).cloned().unwrap_or_else(Set::any),
            ExprKind::Select(of, field) => self.member(of, field, env),
            ExprKind::Index(of, index) => match &index.kind {
                ExprKind::Literal(Literal::Str(field)) => self.member(of, field, env),
                _ => Set::any().faulty(),
            },
            ExprKind::Call(function, arguments) => self.call(*function, arguments, env),
            ExprKind::Not(_)
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Has(..)
            | ExprKind::Matches(..) => Set::bool([true; 2]).faulty(),
            ExprKind::Binary(operator, _) => match operator {
                Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::LessEqual
                | Operator::Greater
                | Operator::GreaterEqual
                | Operator::In => Set::bool([true; 2]).faulty(),
                Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Remainder => Set::any().faulty(),
            },
            ExprKind::List(_)
            | ExprKind::Map(_)
            | ExprKind::Negate(_)
            | ExprKind::Choice(_)
            | ExprKind::Fold(_) => Set::any().faulty(),
        }
    }

    fn variable(&self, variable: Variable) -> Set<'s> {
        let given = self.given;
        let optional = || Set::texts(Texts::ANY).join(Set::null());
        let texts = |supplied: bool| {
            let most = if supplied { f64::INFINITY } else { 0.0 };
            Set::list(List {
                length: Range::whole(0.0, most),
                item: Some(Box::new(Set::texts(Texts::ANY))),
            })
        };
        let fact = |fact: Supply<'s>| match fact {
            Supply::Absent => Set::null(),
            Supply::Optional => optional(),
            Supply::Known => Set::texts(Texts::ANY),
            Supply::OneOf(these) => Set::texts(Texts::among(these.iter().map(String::as_str))),
        };
        match variable {
            Variable::Args => Set::object(self.shape.root),
            Variable::Meta | Variable::Tool => Set::object(ANYTHING),
            Variable::User => fact(given.user),
            Variable::Agent => fact(given.agent),
            Variable::App => fact(given.app),
            Variable::Tenant => fact(given.tenant),
            Variable::Roles => texts(given.roles),
            Variable::Scopes => texts(given.scopes),
            Variable::Env => given.env.map_or_else(Set::null, text),
            Variable::Session => optional(),
            Variable::Now => Set::time(Range::ALL),
        }
    }

    pub(super) fn member(&self, of: &'s Expr, field: &str, env: &Env<'s>) -> Set<'s> {
        if let ExprKind::Variable(Variable::Tool) = of.kind {
            let tool = self.given.tool;
            return match field {
                "name" => text(tool.name),
                "server" => text(tool.server),
                "kind" => text(tool.kind),
                "riskTier" => text(tool.risk_tier),
                "access" => text(tool.access),
                "dataClassification" => tool.data_classification.map_or_else(Set::null, text),
                _ => Set::any().faulty(),
            };
        }
        let mut target = self.infer(of, env);
        let objects = std::mem::take(&mut target.objects);
        // What is no object has no fields.
        let fault = target.fault || !target.is_empty();
        let fields = objects
            .into_iter()
            .map(|schema| self.shape.field(schema, field, MAX_HOPS));
        let mut set = fields.reduce(Set::join).unwrap_or_default();
        set.fault |= fault;
        set
    }

    fn call(&self, function: Function, arguments: &'s [Expr], env: &Env<'s>) -> Set<'s> {
        let of = arguments.first().map(|first| self.infer(first, env));
        let of = of.unwrap_or_else(|| Set::any().faulty());
        if function == Function::Size {
            return size(of);
        }
        // Of a duration the same functions have no bounds.
        match PARTS.iter().find(|(part, _)| *part == function) {
            Some((_, most)) if of.is_time() => {
                let mut part = Set::number(Range::whole(0.0, *most));
                // A time zone may be one that there is not.
                part.fault = of.fault || arguments.len() > 1;
                part
            }
            _ => Set::any().faulty(),
        }
    }
}

/// The parts of a moment, and the largest number that each can be.
const PARTS: [(Function, f64); 9] = [
    (Function::Month, 11.0),
    (Function::Date, 31.0),
    (Function::DayOfMonth, 30.0),
    (Function::DayOfWeek, 6.0),
    (Function::DayOfYear, 365.0),
    (Function::Hours, 23.0),
    (Function::Minutes, 59.0),
    (Function::Seconds, 59.0),
    (Function::Milliseconds, 999.0),
];

fn size(of: Set<'_>) -> Set<'_> {
    let text = of.text.as_ref().map(|texts| texts.length.clone());
    let list = of.list.as_ref().map(|list| list.length.clone());
    let map = (!of.objects.is_empty()).then_some(Range::COUNT);
    let lengths = [text, list, map].into_iter().flatten();
    let mut set = lengths
        .reduce(|one, two| one.join(&two))
        .map_or_else(Set::default, Set::number);
    let mut rest = of;
    (rest.text, rest.list, rest.objects) = (None, None, Vec::new());
    set.fault = rest.fault || !rest.is_empty();
    set
}

fn text(text: &str) -> Set<'_> {
    Set::texts(Texts::one(text))
}

/// A name for what an expression stands for, the same wherever it is written.
pub(super) fn path(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Variable(variable) => {
            let mut names = Variable::ALL.iter().filter(|(_, known)| known == variable);
            names.next().map(|(name, _)| (*name).to_owned())
        }
        ExprKind::Select(of, field) => Some(format!("{}.{field}", path(of)?)),
        ExprKind::Index(of, index) => match &index.kind {
            ExprKind::Literal(Literal::Str(field)) => Some(format!("{}.{field}", path(of)?)),
            _ => None,
        },
        ExprKind::Call(function, arguments) => {
            let (first, rest) = arguments.split_first()?;
            let mut text = format!("{function:?}({}", path(first)?);
            for argument in rest {
                let ExprKind::Literal(literal) = &argument.kind else {
                    return None;
                };
                text.push_str(&format!(",{literal:?}"));
            }
            Some(text)
        }
        ExprKind::Literal(_)
        | ExprKind::Local(_)
        | ExprKind::Has(..)
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::And(_)
        | ExprKind::Or(_)
        | ExprKind::Choice(_)
        | ExprKind::Binary(..)
        | ExprKind::Matches(..)
        | ExprKind::Fold(_) => None,
    }
}
