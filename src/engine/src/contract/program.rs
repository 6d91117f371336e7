//! A compiled schema: a flat list of parts that name each other by index.

use std::collections::BTreeMap;

use super::{
    assertion::{Assertion, Limit},
    pattern::Pattern,
};
use crate::problem::Problem;

/// A part's index.
pub(super) type Id = usize;

/// A schema to judge by; its first part is the whole.
pub(super) struct Program {
    pub(super) parts: Vec<Part>,
    /// Dynamic anchors, by resource and number of the name.
    pub(super) anchors: BTreeMap<(usize, usize), Id>,
}

/// One subschema.
#[derive(Default)]
pub(super) struct Part {
    /// JSON Pointer.
    pub(super) at: String,
    /// The schema resource that it lies in.
    pub(super) resource: usize,
    /// Those that look at what others left come last.
    pub(super) keywords: Vec<Keyword>,
    /// Whether one of them looks at what others left.
    pub(super) looks_back: bool,
    /// Whether a reference leads here.
    pub(super) shared: bool,
    /// Whether it has an `x-mcp-header`.
    pub(super) mirrored: bool,
}

/// A keyword, or several that need each other.
pub(super) struct Keyword {
    /// The name to tell.
    pub(super) name: &'static str,
    pub(super) rule: Rule,
}

/// What a keyword says.
pub(super) enum Rule {
    Assert(Assertion),
    // About the same value.
    Ref(Id),
    /// The outermost part with the anchor of that number, else the one given.
    DynamicRef(Id, usize),
    AllOf(Vec<Id>),
    AnyOf(Vec<Id>),
    OneOf(Vec<Id>),
    Not(Id),
    If {
        test: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
    },
    // About objects.
    Required(Vec<String>),
    Dependent(Vec<Dependent>),
    Members {
        named: BTreeMap<String, Id>,
        patterns: Vec<(Pattern, Id)>,
        rest: Option<Id>,
    },
    PropertyNames(Id),
    UnevaluatedProperties(Id),
    // About arrays.
    Items {
        prefix: Vec<Id>,
        rest: Option<Id>,
    },
    Contains {
        item: Id,
        limits: Vec<Limit>,
        /// Whether what it finds counts as evaluated.
        evaluates: bool,
    },
    UnevaluatedItems(Id),
}

/// What a member's presence asks for.
pub(super) struct Dependent {
    pub(super) on: String,
    pub(super) required: Vec<String>,
    pub(super) schema: Option<Id>,
}

impl Part {
    /// Whether no value passes.
    pub(super) fn is_never(&self) -> bool {
        matches!(
            self.keywords.first().map(|keyword| &keyword.rule),
            Some(Rule::Assert(Assertion::Never))
        )
    }
}

impl Program {
    /// What makes the schema costly for any arguments.
    pub(super) fn problems(&self) -> Vec<Problem> {
        if self.parts.len() > MAX_PARTS {
            let message = format!("has more than {MAX_PARTS} subschemas");
            return vec![Problem::new("", message)];
        }
        let mut known = vec![None; self.parts.len()];
        let spread = |id| self.spread(id, 0, &mut known).err();
        (0..self.parts.len()).find_map(spread).into_iter().collect()
    }

    /// How many parts apply to a value that `id` applies to, and how many in a row.
    fn spread(
        &self,
        id: Id,
        depth: usize,
        known: &mut [Option<(u64, usize)>],
    ) -> Result<(u64, usize), Problem> {
        let Some(part) = self.parts.get(id) else {
            return Ok((0, 0));
        };
        let found = known.get(id).copied().flatten();
        let (mut size, mut row) = found.unwrap_or((1, 1));
        if found.is_none() && depth <= MAX_ROW {
            for next in part
                .keywords
                .iter()
                .flat_map(|keyword| self.beside(&keyword.rule))
            {
                let (further, longer) = self.spread(next, depth + 1, known)?;
                size = size.saturating_add(further);
                row = row.max(longer + 1);
            }
        }
        if depth + row > MAX_ROW {
            let message = format!(
                "refers to itself, or to more than {MAX_ROW} schemas in a row, without a member or an item between"
            );
            return Err(Problem::new(part.at.as_str(), message));
        }
        if size > MAX_SPREAD {
            let message = format!("applies more than {MAX_SPREAD} subschemas to one value");
            return Err(Problem::new(part.at.as_str(), message));
        }
        if let Some(slot) = known.get_mut(id) {
            *slot = Some((size, row));
        }
        Ok((size, row))
    }

    /// Parts that a rule applies to the same value.
    fn beside(&self, rule: &Rule) -> Vec<Id> {
        match rule {
            Rule::Ref(id) | Rule::Not(id) => vec![*id],
            Rule::DynamicRef(id, name) => {
                let anchors = self.anchors.iter().filter(|((_, of), _)| of == name);
                anchors.map(|(_, id)| *id).chain([*id]).collect()
            }
            Rule::AllOf(ids) | Rule::AnyOf(ids) | Rule::OneOf(ids) => ids.clone(),
            Rule::If {
                test,
                then,
                otherwise,
            } => [Some(*test), *then, *otherwise]
                .into_iter()
                .flatten()
                .collect(),
            Rule::Dependent(list) => list
                .iter()
                .filter_map(|dependent| dependent.schema)
                .collect(),
            Rule::Assert(_)
            | Rule::Required(_)
            | Rule::Members { .. }
            | Rule::PropertyNames(_)
            | Rule::UnevaluatedProperties(_)
            | Rule::Items { .. }
            | Rule::Contains { .. }
            | Rule::UnevaluatedItems(_) => Vec::new(),
        }
    }
}

/// Subschemas in a schema.
const MAX_PARTS: usize = 10_000;

/// Subschemas that apply to one value.
const MAX_SPREAD: u64 = 1_000;

/// Subschemas that lead to each other and apply to one value; bounds the stack.
const MAX_ROW: usize = 24;
