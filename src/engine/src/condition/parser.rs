//! Parses CEL's grammar into the tree; what lies outside the subset is a mistake with advice.

use super::{
    MAX_DEPTH, Mistake,
    ast::{Expr, ExprKind, Literal, Operator},
    token::{Span, Token, TokenKind, tokens},
};

mod call;
mod primary;

/// Parses a whole condition.
pub(super) fn parse(source: &str) -> Result<Expr, Mistake> {
    let tokens = tokens(source)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        nesting: 0,
        locals: Vec::new(),
    };
    if parser.peek() == &TokenKind::End {
        return Err(parser.unexpected("an expression"));
    }
    let expr = parser.expr()?;
    if parser.peek() == &TokenKind::End {
        return Ok(expr);
    }
    Err(parser.unexpected("an operator"))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
    /// Variables of the macros around this place, outermost first.
    locals: Vec<String>,
}

impl Parser {
    fn peek(&self) -> &TokenKind {
        self.tokens
            .get(self.at)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    fn peek_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), TokenKind::Sign(found) if *found == sign)
    }

    fn span(&self) -> Span {
        self.tokens
            .get(self.at)
            .or_else(|| self.tokens.last())
            .map(|token| token.span)
            .unwrap_or_default()
    }

    /// From `start` to the end of the token before this one.
    fn span_from(&self, start: Span) -> Span {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        Span {
            start: start.start,
            end: before.map_or(start.end, |token| token.span.end),
        }
    }

    fn next(&mut self) -> TokenKind {
        let kind = self.peek().clone();
        self.at += 1;
        kind
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.peek_sign(sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Mistake> {
        if self.eat(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{sign}`")))
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let span = self.span();
        let found = match self.peek() {
            TokenKind::End => {
                return Mistake::new(span, format!("it ends where {wanted} should stand"));
            }
            TokenKind::Ident(word) | TokenKind::Quoted(word) => word.clone(),
            TokenKind::Int(number) => number.to_string(),
            TokenKind::Uint(number) => format!("{number}u"),
            TokenKind::Double(number) => number.to_string(),
            TokenKind::Str(_) => {
                return Mistake::new(span, format!("a string stands where {wanted} should"));
            }
            TokenKind::Sign(sign) => (*sign).to_owned(),
        };
        let mistake = Mistake::new(span, format!("`{found}` stands where {wanted} should"));
        match found.to_ascii_lowercase().as_str() {
            "and" => mistake.help("and is `&&`"),
            "or" => mistake.help("or is `||`"),
            "is" => mistake.help("equality is `==`"),
            "not" => mistake.help("write `!(x in list)`"),
            "?" => mistake.help("optional fields are not supported: ask with `has(a.b)`"),
            "{" => mistake.help("messages are not supported: a map is `{\"key\": value}`"),
            _ => mistake,
        }
    }

    fn node(&self, kind: ExprKind, start: Span, below: u16) -> Result<Expr, Mistake> {
        let span = self.span_from(start);
        let depth = below.saturating_add(1);
        if usize::from(depth) > MAX_DEPTH {
            return Err(too_deep(span));
        }
        Ok(Expr { kind, span, depth })
    }

    fn literal(&self, literal: Literal, start: Span) -> Result<Expr, Mistake> {
        self.node(ExprKind::Literal(literal), start, 0)
    }

    fn expr(&mut self) -> Result<Expr, Mistake> {
        self.nested(Self::choice)
    }

    /// Runs `parse` one level deeper; the levels are bounded, and with them the stack.
    fn nested(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Expr, Mistake>,
    ) -> Result<Expr, Mistake> {
        if self.nesting == MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        self.nesting += 1;
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    fn choice(&mut self) -> Result<Expr, Mistake> {
        let start = self.span();
        let condition = self.any()?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let then = self.any()?;
        self.expect(":")?;
        let otherwise = self.expr()?;
        let below = condition.depth.max(then.depth).max(otherwise.depth);
        self.node(
            ExprKind::Choice(Box::new([condition, then, otherwise])),
            start,
            below,
        )
    }

    fn any(&mut self) -> Result<Expr, Mistake> {
        let start = self.span();
        let first = self.all()?;
        if !self.peek_sign("||") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.eat("||") {
            terms.push(self.all()?);
        }
        let below = deepest(&terms);
        self.node(ExprKind::Or(terms), start, below)
    }

    fn all(&mut self) -> Result<Expr, Mistake> {
        let start = self.span();
        let first = self.binary(1)?;
        if !self.peek_sign("&&") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.eat("&&") {
            terms.push(self.binary(1)?);
        }
        let below = deepest(&terms);
        self.node(ExprKind::And(terms), start, below)
    }

    fn binary(&mut self, least: u8) -> Result<Expr, Mistake> {
        let start = self.span();
        let mut left = self.unary()?;
        while let Some((operator, binding)) = self.operator() {
            if binding < least {
                break;
            }
            self.at += 1;
            let right = self.binary(binding + 1)?;
            let below = left.depth.max(right.depth);
            let kind = ExprKind::Binary(operator, Box::new([left, right]));
            left = self.node(kind, start, below)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let sign = match self.peek() {
            TokenKind::Sign(sign) => sign,
            TokenKind::Ident(word) => word.as_str(),
            _ => return None,
        };
        Operator::ALL
            .iter()
            .find(|(name, ..)| *name == sign)
            .map(|(_, op, binding)| (*op, *binding))
    }

    fn unary(&mut self) -> Result<Expr, Mistake> {
        let start = self.span();
        if self.eat("!") {
            let inner = self.nested(Self::unary)?;
            let below = inner.depth;
            return self.node(ExprKind::Not(Box::new(inner)), start, below);
        }
        if !self.peek_sign("-") {
            return self.member();
        }
        self.at += 1;
        match *self.peek() {
            TokenKind::Int(magnitude) => {
                let Some(number) = 0_i64.checked_sub_unsigned(magnitude) else {
                    return Err(Mistake::new(
                        self.span(),
                        "the number is too small for an int",
                    ));
                };
                self.at += 1;
                let number = self.literal(Literal::Int(number), start)?;
                return self.suffixes(number, start);
            }
            TokenKind::Double(number) => {
                self.at += 1;
                let number = self.literal(Literal::Double(-number), start)?;
                return self.suffixes(number, start);
            }
            _ => {}
        }
        let inner = self.nested(Self::unary)?;
        let below = inner.depth;
        self.node(ExprKind::Negate(Box::new(inner)), start, below)
    }

    fn member(&mut self) -> Result<Expr, Mistake> {
        let start = self.span();
        let primary = self.primary()?;
        self.suffixes(primary, start)
    }

    /// Selections, calls of methods and indices after an expression.
    fn suffixes(&mut self, mut target: Expr, start: Span) -> Result<Expr, Mistake> {
        loop {
            if self.eat(".") {
                let name_at = self.span();
                let name = match self.next() {
                    TokenKind::Ident(name) if !KEYWORDS.contains(&name.as_str()) => name,
                    TokenKind::Quoted(name) => name,
                    _ => {
                        self.at -= 1;
                        return Err(self.unexpected("a field's name"));
                    }
                };
                target = if self.peek_sign("(") {
                    self.method(target, name, start, name_at)?
                } else {
                    let below = target.depth;
                    self.node(ExprKind::Select(Box::new(target), name), start, below)?
                };
            } else if self.eat("[") {
                let index = self.expr()?;
                self.expect("]")?;
                let below = target.depth.max(index.depth);
                let kind = ExprKind::Index(Box::new(target), Box::new(index));
                target = self.node(kind, start, below)?;
            } else {
                return Ok(target);
            }
        }
    }
}

fn deepest(items: &[Expr]) -> u16 {
    items
        .iter()
        .map(|item| item.depth)
        .max()
        .unwrap_or_default()
}

fn too_deep(span: Span) -> Mistake {
    Mistake::new(
        span,
        format!("it is nested more than {MAX_DEPTH} levels deep"),
    )
    .help("split it into several rules")
}

const KEYWORDS: [&str; 4] = ["true", "false", "null", "in"];
