//! Calls: functions, methods and macros.

use regex::RegexBuilder;

use super::{Parser, deepest};
use crate::{
    condition::{
        Mistake,
        ast::{Expr, ExprKind, Fold, FoldKind, Literal, Pattern},
        function::{Form, Function, Kind, Signature, synonym},
        time,
        token::{Span, TokenKind},
    },
    problem::closest,
};

impl Parser {
    /// `name(..)`; the parser stands at the bracket.
    pub(super) fn global(&mut self, name: String, start: Span) -> Result<Expr, Mistake> {
        if name == "has" {
            return self.has(start);
        }
        if let Some((name, _)) = FoldKind::ALL.iter().find(|(known, _)| *known == name) {
            return Err(
                Mistake::new(start, format!("`{name}` is called on a list or map"))
                    .help(format!("write `list.{name}(x, condition)`")),
            );
        }
        let arguments = self.arguments()?;
        if name == "matches" {
            return self.matches(arguments, start);
        }
        let Some(signature) = Signature::named(&name) else {
            return Err(unknown(&name, start));
        };
        if signature.form == Form::Method {
            return Err(Mistake::new(start, format!("`{name}` is a method"))
                .help(format!("write `{}`", signature.usage())));
        }
        self.call(signature, arguments, start)
    }

    /// `target.name(..)`; the parser stands at the bracket.
    pub(super) fn method(
        &mut self,
        target: Expr,
        name: String,
        start: Span,
        name_at: Span,
    ) -> Result<Expr, Mistake> {
        if let Some((_, kind)) = FoldKind::ALL.iter().find(|(known, _)| *known == name) {
            return self.fold(target, *kind, start);
        }
        let mut arguments = vec![target];
        arguments.extend(self.arguments()?);
        if name == "matches" {
            return self.matches(arguments, start);
        }
        let Some(signature) = Signature::named(&name) else {
            return Err(unknown(&name, name_at));
        };
        if signature.form == Form::Global {
            return Err(Mistake::new(name_at, format!("`{name}` is not a method"))
                .help(format!("write `{}`", signature.usage())));
        }
        self.call(signature, arguments, start)
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Mistake> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expr()?);
            if !self.eat(",") {
                self.expect(")")?;
                return Ok(arguments);
            }
        }
    }

    fn call(
        &self,
        signature: &'static Signature,
        arguments: Vec<Expr>,
        start: Span,
    ) -> Result<Expr, Mistake> {
        if !signature.takes(arguments.len()) {
            let message = format!("`{}` takes other arguments", signature.name);
            return Err(Mistake::new(self.span_from(start), message)
                .help(format!("write `{}`", signature.usage())));
        }
        let text = arguments.last().and_then(|argument| match &argument.kind {
            ExprKind::Literal(Literal::Str(text)) => Some((text.as_str(), argument.span)),
            _ => None,
        });
        if let Some((text, span)) = text {
            let zoned = signature
                .overloads
                .iter()
                .any(|(parameters, _)| *parameters == [Kind::Timestamp, Kind::Str]);
            if signature.function == Function::Timestamp {
                let Ok(moment) = time::parse_timestamp(text) else {
                    return Err(Mistake::new(span, format!("`{text}` is not a timestamp"))
                        .help("write it as RFC 3339: `2026-01-31T00:00:00Z`"));
                };
                return self.literal(Literal::Timestamp(moment), start);
            }
            if signature.function == Function::Duration {
                let Ok(length) = time::parse_duration(text) else {
                    return Err(Mistake::new(span, format!("`{text}` is not a duration"))
                        .help("write it as `1h30m`, `90s` or `250ms`"));
                };
                return self.literal(Literal::Duration(length), start);
            }
            if zoned && time::parse_zone(text).is_err() {
                return Err(
                    Mistake::new(span, format!("`{text}` is not a time zone known here"))
                        .help("write `UTC` or a fixed offset such as `+02:00`"),
                );
            }
        }
        let below = deepest(&arguments);
        self.node(ExprKind::Call(signature.function, arguments), start, below)
    }

    /// `has(a.b)`
    fn has(&mut self, start: Span) -> Result<Expr, Mistake> {
        let mut arguments = self.arguments()?;
        let selection = arguments
            .pop()
            .filter(|_| arguments.is_empty())
            .map(|argument| argument.kind);
        let Some(ExprKind::Select(of, field)) = selection else {
            return Err(Mistake::new(self.span_from(start), "`has` takes one field")
                .help("write `has(args.name)`; for other keys `\"key\" in args`"));
        };
        let below = of.depth;
        self.node(ExprKind::Has(of, field), start, below)
    }

    fn fold(&mut self, range: Expr, kind: FoldKind, start: Span) -> Result<Expr, Mistake> {
        self.expect("(")?;
        let name_at = self.span();
        let TokenKind::Ident(name) = self.next() else {
            return Err(not_a_variable(kind, name_at));
        };
        if !self.eat(",") {
            return Err(not_a_variable(kind, name_at));
        }
        let comma_next = self.tokens.get(self.at + 1).map(|token| &token.kind);
        if kind != FoldKind::Map
            && matches!(self.peek(), TokenKind::Ident(_))
            && comma_next == Some(&TokenKind::Sign(","))
        {
            let message = format!("`{}` takes one variable and one expression", kind.name());
            return Err(Mistake::new(self.span(), message)
                .help("macros with two variables are not supported"));
        }
        self.locals.push(name);
        let first = self.expr();
        let second = match kind {
            FoldKind::Map if first.is_ok() && self.eat(",") => self.expr().map(Some),
            _ => Ok(None),
        };
        self.locals.pop();
        let (first, second) = (first?, second?);
        self.expect(")")?;
        let (filter, body) = match second {
            Some(body) => (Some(first), body),
            None => (None, first),
        };
        let below = range.depth.max(body.depth).max(
            filter
                .as_ref()
                .map(|filter| filter.depth)
                .unwrap_or_default(),
        );
        self.node(
            ExprKind::Fold(Box::new(Fold {
                kind,
                range,
                filter,
                body,
            })),
            start,
            below,
        )
    }

    fn matches(&self, arguments: Vec<Expr>, start: Span) -> Result<Expr, Mistake> {
        let Ok([text, pattern]) = <[Expr; 2]>::try_from(arguments) else {
            return Err(
                Mistake::new(self.span_from(start), "`matches` takes other arguments")
                    .help("write `text.matches(\"pattern\")`"),
            );
        };
        let ExprKind::Literal(Literal::Str(source)) = &pattern.kind else {
            return Err(
                Mistake::new(pattern.span, "the pattern of `matches` must be a literal")
                    .help("patterns are compiled once, when the policy is loaded"),
            );
        };
        let compiled = compile(source).map_err(|why| Mistake::new(pattern.span, why))?;
        let below = text.depth;
        self.node(ExprKind::Matches(Box::new(text), compiled), start, below)
    }
}

/// Compiles a pattern; the smaller the program it fits into, the cheaper each byte it reads.
fn compile(source: &str) -> Result<Pattern, String> {
    let mut why = String::new();
    for (limit, weight) in PATTERN_LIMITS {
        match RegexBuilder::new(source)
            .size_limit(limit)
            .dfa_size_limit(PATTERN_CACHE)
            .build()
        {
            Ok(regex) => return Ok(Pattern { regex, weight }),
            Err(regex::Error::CompiledTooBig(_)) => {
                why = "the pattern is too large: repeat less, or plain `[a-z]` instead of `\\w`"
                    .to_owned();
            }
            Err(error) => {
                let text = error.to_string();
                let last = text
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                return Err(format!("the pattern is not a regular expression: {last}"));
            }
        }
    }
    Err(why)
}

fn not_a_variable(kind: FoldKind, at: Span) -> Mistake {
    let name = kind.name();
    Mistake::new(at, format!("`{name}` takes a variable first"))
        .help(format!("write `list.{name}(x, expression with x)`"))
}

fn unknown(name: &str, at: Span) -> Mistake {
    let mistake = Mistake::new(at, format!("`{name}` is not a function"));
    if let Some(ours) = synonym(name) {
        return mistake.help(format!("it is called `{ours}`"));
    }
    let known = Signature::names().chain(FoldKind::ALL.iter().map(|(name, _)| *name));
    match closest(name, known.chain(["has", "matches"])) {
        Some(close) => mistake.help(format!("did you mean `{close}`?")),
        None => mistake,
    }
}

/// Bytes of a compiled pattern, and what 16 bytes of text then cost: at worst, matching takes time
/// with the product of both.
const PATTERN_LIMITS: [(usize, u32); 4] = [
    (1 << 13, 4),
    (1 << 15, 24),
    (1 << 17, 128),
    (1 << 20, 1_024),
];

/// Bytes that a pattern may keep to be quick.
const PATTERN_CACHE: usize = 1 << 17;
