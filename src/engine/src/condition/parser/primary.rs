//! Literals, names, lists and maps.

use super::{Parser, deepest};
use crate::{
    condition::{
        Mistake,
        ast::{Expr, ExprKind, Literal, Variable},
        token::{Span, TokenKind},
    },
    problem::closest,
};

impl Parser {
    pub(super) fn primary(&mut self) -> Result<Expr, Mistake> {
        let start = self.span();
        match self.next() {
            TokenKind::Ident(name) => self.name(name, start),
            TokenKind::Int(magnitude) => match i64::try_from(magnitude) {
                Ok(number) => self.literal(Literal::Int(number), start),
                Err(_) => Err(Mistake::new(
                    start,
                    format!("`{magnitude}` is too large for an int"),
                )
                .help(format!("write `{magnitude}u` or `{magnitude}.0`"))),
            },
            TokenKind::Uint(number) => self.literal(Literal::Uint(number), start),
            TokenKind::Double(number) => self.literal(Literal::Double(number), start),
            TokenKind::Str(text) => self.literal(Literal::Str(text), start),
            TokenKind::Sign("(") => {
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            TokenKind::Sign("[") => self.list(start),
            TokenKind::Sign("{") => self.map(start),
            TokenKind::Sign(".") => Err(Mistake::new(start, "a name starts with a dot")
                .help("there are no packages: write the name alone")),
            TokenKind::Sign(_) | TokenKind::Quoted(_) | TokenKind::End => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    fn name(&mut self, name: String, start: Span) -> Result<Expr, Mistake> {
        match name.as_str() {
            "true" => return self.literal(Literal::Bool(true), start),
            "false" => return self.literal(Literal::Bool(false), start),
            "null" => return self.literal(Literal::Null, start),
            "in" => {
                self.at -= 1;
                return Err(self.unexpected("a value"));
            }
            _ => {}
        }
        if let Some(slot) = self.locals.iter().rposition(|local| *local == name) {
            return self.node(ExprKind::Local(slot), start, 0);
        }
        if self.peek_sign("(") {
            return self.global(name, start);
        }
        if name == "math" && self.eat(".") {
            let TokenKind::Ident(function) = self.next() else {
                self.at -= 1;
                return Err(self.unexpected("the name of a function"));
            };
            return self.global(format!("math.{function}"), start);
        }
        if let Some((_, variable)) = Variable::ALL.iter().find(|(known, _)| *known == name) {
            return self.node(ExprKind::Variable(*variable), start, 0);
        }
        if let Some(kind) = TYPES.iter().find(|kind| **kind == name) {
            return self.literal(Literal::Type(kind), start);
        }
        let reserved = RESERVED.contains(&name.as_str());
        let what = if reserved {
            "a reserved word"
        } else {
            "not a variable"
        };
        let mistake = Mistake::new(start, format!("`{name}` is {what}"));
        let known = Variable::ALL.iter().map(|(known, _)| *known);
        Err(
            match (
                name.to_ascii_lowercase().as_str(),
                closest(&name, known.clone()),
            ) {
                ("not", _) => mistake.help("not is `!`"),
                ("principal", _) => {
                    mistake.help("write `user`, `agent`, `app`, `tenant`, `roles` or `scopes`")
                }
                ("arguments" | "params" | "input", _) => mistake.help("the arguments are `args`"),
                ("none" | "nil" | "undefined", _) => mistake.help("write `null`"),
                (_, Some(close)) => mistake.help(format!("did you mean `{close}`?")),
                (_, None) => {
                    let known: Vec<&str> = known.collect();
                    mistake.help(format!(
                        "there are {}; arguments are `args.{name}`, text stands in quotes",
                        known.join(", ")
                    ))
                }
            },
        )
    }

    fn list(&mut self, start: Span) -> Result<Expr, Mistake> {
        let mut items = Vec::new();
        while !self.eat("]") {
            items.push(self.expr()?);
            if !self.eat(",") {
                self.expect("]")?;
                break;
            }
        }
        let below = deepest(&items);
        let constants: Option<Vec<Literal>> = items
            .iter()
            .map(|item| match &item.kind {
                ExprKind::Literal(literal) => Some(literal.clone()),
                _ => None,
            })
            .collect();
        match constants {
            Some(constants) => self.node(ExprKind::Literal(Literal::List(constants)), start, below),
            None => self.node(ExprKind::List(items), start, below),
        }
    }

    fn map(&mut self, start: Span) -> Result<Expr, Mistake> {
        let mut entries = Vec::new();
        let mut below = 0;
        while !self.eat("}") {
            let key = self.expr()?;
            self.expect(":")?;
            let value = self.expr()?;
            below = below.max(key.depth).max(value.depth);
            entries.push((key, value));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        self.node(ExprKind::Map(entries), start, below)
    }
}

const RESERVED: [&str; 16] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "while",
];

/// Names of types, for `type(x) == int`.
const TYPES: [&str; 9] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "list",
    "map",
    "null_type",
    "type",
];
