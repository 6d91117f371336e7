//! A condition as a tree: names resolved, macros and functions recognised, patterns compiled.

use chrono::{DateTime, Utc};
use regex::Regex;

use super::{function::Function, token::Span};

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Span,
    /// Levels of nodes in it, itself included: bounds every walk over the tree.
    pub(super) depth: u16,
}

#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    Literal(Literal),
    Variable(Variable),
    /// The variable of the macro that is the n-th around this place, outermost first.
    Local(usize),
    Select(Box<Expr>, String),
    /// `has(a.b)`
    Has(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// Condition, then, else.
    Choice(Box<[Expr; 3]>),
    Binary(Operator, Box<[Expr; 2]>),
    Call(Function, Vec<Expr>),
    Matches(Box<Expr>, Pattern),
    Fold(Box<Fold>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(String),
    Timestamp(DateTime<Utc>),
    /// Nanoseconds.
    Duration(i64),
    /// The name of a type.
    Type(&'static str),
    List(Vec<Self>),
}

/// What a condition may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Args,
    Meta,
    User,
    Agent,
    App,
    Tenant,
    Roles,
    Scopes,
    Tool,
    Env,
    Session,
    Now,
}

impl Variable {
    pub(super) const ALL: [(&'static str, Self); 12] = [
        ("args", Self::Args),
        ("meta", Self::Meta),
        ("user", Self::User),
        ("agent", Self::Agent),
        ("app", Self::App),
        ("tenant", Self::Tenant),
        ("roles", Self::Roles),
        ("scopes", Self::Scopes),
        ("tool", Self::Tool),
        ("env", Self::Env),
        ("session", Self::Session),
        ("now", Self::Now),
    ];
}

/// An operator with two operands and no short circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// The operator as written, and how tightly it binds.
    pub(super) const ALL: [(&'static str, Self, u8); 12] = [
        ("==", Self::Equal, 1),
        ("!=", Self::NotEqual, 1),
        ("<", Self::Less, 1),
        ("<=", Self::LessEqual, 1),
        (">", Self::Greater, 1),
        (">=", Self::GreaterEqual, 1),
        ("in", Self::In, 1),
        ("+", Self::Add, 2),
        ("-", Self::Subtract, 2),
        ("*", Self::Multiply, 3),
        ("/", Self::Divide, 3),
        ("%", Self::Remainder, 3),
    ];

    pub(super) fn sign(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, op, _)| *op == self)
            .map_or("", |(sign, ..)| *sign)
    }
}

/// A macro over the items of a list or the keys of a map.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Expr,
    /// Of `map` with three arguments.
    pub(super) filter: Option<Expr>,
    pub(super) body: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl FoldKind {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("all", Self::All),
        ("exists", Self::Exists),
        ("exists_one", Self::ExistsOne),
        ("existsOne", Self::ExistsOne),
        ("filter", Self::Filter),
        ("map", Self::Map),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| *name)
    }
}

/// A compiled regular expression and what each byte it reads costs.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// Fuel per 16 bytes of text.
    pub(super) weight: u32,
}

impl Expr {
    /// Whether `variable` is read anywhere in it.
    pub(super) fn reads(&self, variable: Variable) -> bool {
        let any = |exprs: &[Self]| exprs.iter().any(|expr| expr.reads(variable));
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Local(_) => false,
            ExprKind::Variable(read) => *read == variable,
            ExprKind::Select(of, _)
            | ExprKind::Has(of, _)
            | ExprKind::Not(of)
            | ExprKind::Negate(of)
            | ExprKind::Matches(of, _) => of.reads(variable),
            ExprKind::Index(of, index) => of.reads(variable) || index.reads(variable),
            ExprKind::List(items) | ExprKind::And(items) | ExprKind::Or(items) => any(items),
            ExprKind::Call(_, arguments) => any(arguments),
            ExprKind::Map(entries) => entries
                .iter()
                .any(|(key, value)| key.reads(variable) || value.reads(variable)),
            ExprKind::Choice(parts) => any(parts.as_slice()),
            ExprKind::Binary(_, operands) => any(operands.as_slice()),
            ExprKind::Fold(fold) => {
                fold.range.reads(variable)
                    || fold.body.reads(variable)
                    || fold
                        .filter
                        .as_ref()
                        .is_some_and(|filter| filter.reads(variable))
            }
        }
    }
}
