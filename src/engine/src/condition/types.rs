//! Types of expressions.

use serde_json::Value as Json;

use super::{
    ast::{Literal, Variable},
    function::Kind,
};

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type<'s> {
    /// Anything.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    /// A text; with the only ones it can be, where the schema lists them.
    Str(Option<Vec<&'s str>>),
    Timestamp,
    Duration,
    /// The type of a type.
    Kind,
    List(Box<Self>),
    /// A map from anything to values of one type.
    Map(Box<Self>),
    /// An object with this schema.
    Object(&'s Json),
    Tool,
    /// What this schema says, once that is asked. Schemas may refer to themselves.
    Later(&'s Json),
    Either(Vec<Self>),
}

impl<'s> Type<'s> {
    pub(super) const TEXT: Self = Self::Str(None);

    pub(super) fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool,
            Kind::Int => Self::Int,
            Kind::Uint => Self::Uint,
            Kind::Double => Self::Double,
            Kind::Str => Self::TEXT,
            Kind::Timestamp => Self::Timestamp,
            Kind::Duration => Self::Duration,
            Kind::Type => Self::Kind,
            Kind::List => Self::List(Box::new(Self::Dyn)),
            Kind::Map => Self::Map(Box::new(Self::Dyn)),
            Kind::Any => Self::Dyn,
        }
    }

    pub(super) fn of_literal(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(_) => Self::Bool,
            Literal::Int(_) => Self::Int,
            Literal::Uint(_) => Self::Uint,
            Literal::Double(_) => Self::Double,
            Literal::Str(_) => Self::TEXT,
            Literal::Timestamp(_) => Self::Timestamp,
            Literal::Duration(_) => Self::Duration,
            Literal::Type(_) => Self::Kind,
            Literal::List(items) => Self::List(Box::new(Self::either(
                items.iter().map(Self::of_literal).collect(),
            ))),
        }
    }

    /// The type of a variable; `Dyn` for the arguments, which have a schema or not.
    pub(super) fn of_variable(variable: Variable) -> Self {
        match variable {
            Variable::Args => Self::Dyn,
            Variable::Meta => Self::Map(Box::new(Self::Dyn)),
            Variable::User
            | Variable::Agent
            | Variable::App
            | Variable::Tenant
            | Variable::Env
            | Variable::Session => Self::Either(vec![Self::TEXT, Self::Null]),
            Variable::Roles | Variable::Scopes => Self::List(Box::new(Self::TEXT)),
            Variable::Tool => Self::Tool,
            Variable::Now => Self::Timestamp,
        }
    }

    /// One of several types; of none: anything.
    pub(super) fn either(types: Vec<Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for one in types {
            match one {
                Self::Dyn => return Self::Dyn,
                Self::Either(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.dedup();
        match flat.len() {
            0 => Self::Dyn,
            1 => flat.pop().unwrap_or(Self::Dyn),
            _ => Self::Either(flat),
        }
    }

    /// What it can be, one by one.
    pub(super) fn alternatives(&self) -> &[Self] {
        match self {
            Self::Either(types) => types,
            one => std::slice::from_ref(one),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Dyn | Self::Either(_) | Self::Later(_) => Kind::Any,
            Self::Null => Kind::Null,
            Self::Bool => Kind::Bool,
            Self::Int => Kind::Int,
            Self::Uint => Kind::Uint,
            Self::Double => Kind::Double,
            Self::Str(_) => Kind::Str,
            Self::Timestamp => Kind::Timestamp,
            Self::Duration => Kind::Duration,
            Self::Kind => Kind::Type,
            Self::List(_) => Kind::List,
            Self::Map(_) | Self::Object(_) | Self::Tool => Kind::Map,
        }
    }

    /// For a message: `a string`, `a number`, `a string or null`.
    pub(super) fn describe(&self) -> String {
        let kinds: Vec<Kind> = self.alternatives().iter().map(Self::kind).collect();
        let number = kinds.contains(&Kind::Int) && kinds.contains(&Kind::Double);
        let mut names: Vec<&str> = Vec::new();
        for kind in kinds {
            let name = match kind {
                Kind::Int | Kind::Double if number => "a number",
                Kind::Any => "anything",
                Kind::Null => "null",
                Kind::Int => "an int",
                Kind::Uint => "a uint",
                Kind::Bool => "a bool",
                Kind::Double => "a double",
                Kind::Str => "a string",
                Kind::Timestamp => "a timestamp",
                Kind::Duration => "a duration",
                Kind::Type => "a type",
                Kind::List => "a list",
                Kind::Map => "a map",
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" or ")
    }
}
