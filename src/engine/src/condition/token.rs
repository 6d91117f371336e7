//! The text of a condition as tokens (CEL's lexical grammar).

use super::{MAX_SOURCE, Mistake};

/// A half-open range of bytes in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// One token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A name, also a reserved one.
    Ident(String),
    /// A field name in backticks.
    Quoted(String),
    /// The magnitude of an int; the sign is an operator until the parser joins them.
    Int(u64),
    Uint(u64),
    Double(f64),
    Str(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Splits `source` into tokens; the last one is always [`TokenKind::End`].
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Mistake> {
    if source.len() > MAX_SOURCE {
        let message = format!("it may have at most {MAX_SOURCE} bytes");
        return Err(Mistake::new(Span::default(), message));
    }
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let kind = lexer.token()?;
        let last = kind == TokenKind::End;
        tokens.push(Token {
            kind,
            span: lexer.span_from(start),
        });
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn span_from(&self, start: usize) -> Span {
        Span {
            start: start as u32,
            end: self.at as u32,
        }
    }

    fn mistake(&self, start: usize, message: impl Into<String>) -> Mistake {
        Mistake::new(self.span_from(start), message)
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c'));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<TokenKind, Mistake> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return Ok(TokenKind::End);
        };
        let after = self.rest().chars().nth(1);
        if c.is_ascii_digit() || (c == '.' && after.is_some_and(|d| d.is_ascii_digit())) {
            return self.number();
        }
        if matches!(c, '"' | '\'') {
            return self.string(start, false);
        }
        if c.is_ascii_alphabetic() || c == '_' {
            let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            if !matches!(self.peek(), Some('"' | '\'')) {
                return Ok(TokenKind::Ident(word.to_owned()));
            }
            return match word {
                "r" | "R" => self.string(start, true),
                "b" | "B" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB" => Err(self
                    .mistake(start, "bytes are not supported")
                    .help("JSON has no bytes: compare strings")),
                _ => Err(self.mistake(start, format!("unexpected `{word}` before a string"))),
            };
        }
        if c == '`' {
            self.bump();
            let name = self
                .take_while(|c| {
                    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ' ')
                })
                .to_owned();
            if name.is_empty() || !self.eat("`") {
                return Err(self.mistake(start, "a name in backticks is not closed"));
            }
            return Ok(TokenKind::Quoted(name));
        }
        for sign in SIGNS {
            if self.eat(sign) {
                return Ok(TokenKind::Sign(sign));
            }
        }
        self.bump();
        let mistake = self.mistake(start, format!("unexpected `{c}`"));
        Err(match c {
            '=' => mistake.help("equality is `==`"),
            '&' => mistake.help("and is `&&`"),
            '|' => mistake.help("or is `||`"),
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => {
                mistake.help("strings stand in straight quotes: `\"` or `'`")
            }
            _ => mistake,
        })
    }

    fn number(&mut self) -> Result<TokenKind, Mistake> {
        let start = self.at;
        let hex = self.eat("0x") || self.eat("0X");
        let digits_at = self.at;
        let mut double = false;
        if hex {
            self.take_while(|c| c.is_ascii_hexdigit());
        } else {
            self.take_while(|c| c.is_ascii_digit());
            let mut ahead = self.rest().chars();
            if ahead.next() == Some('.') && ahead.next().is_some_and(|c| c.is_ascii_digit()) {
                double = true;
                self.bump();
                self.take_while(|c| c.is_ascii_digit());
            }
            if matches!(self.peek(), Some('e' | 'E')) {
                double = true;
                self.bump();
                if matches!(self.peek(), Some('+' | '-')) {
                    self.bump();
                }
                self.take_while(|c| c.is_ascii_digit());
            }
        }
        let digits = self.source.get(digits_at..self.at).unwrap_or_default();
        let unsigned = !double && matches!(self.peek(), Some('u' | 'U'));
        if unsigned {
            self.bump();
        }
        let tail = self.take_while(|c| c.is_alphanumeric() || c == '_');
        let text = self.source.get(start..self.at).unwrap_or_default();
        if !tail.is_empty() || digits.is_empty() {
            return Err(self.mistake(start, format!("`{text}` is not a number")));
        }
        if double {
            return match digits.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(TokenKind::Double(number)),
                Ok(_) => Err(self.mistake(start, format!("`{text}` is too large"))),
                Err(_) => Err(self.mistake(start, format!("`{text}` is not a number"))),
            };
        }
        let Ok(number) = u64::from_str_radix(digits, if hex { 16 } else { 10 }) else {
            return Err(self.mistake(start, format!("`{text}` is too large for an int")));
        };
        Ok(if unsigned {
            TokenKind::Uint(number)
        } else {
            TokenKind::Int(number)
        })
    }

    /// A string; the lexer stands at its opening quote.
    fn string(&mut self, start: usize, raw: bool) -> Result<TokenKind, Mistake> {
        let quote = if self.eat("\"\"\"") {
            "\"\"\""
        } else if self.eat("'''") {
            "'''"
        } else if self.eat("\"") {
            "\""
        } else {
            self.eat("'");
            "'"
        };
        let mut text = String::new();
        loop {
            if self.eat(quote) {
                return Ok(TokenKind::Str(text));
            }
            let at = self.at;
            match self.bump() {
                None => return Err(self.mistake(start, "a string is not closed")),
                Some('\n' | '\r') if quote.len() == 1 => {
                    return Err(self
                        .mistake(start, "a string ends with its line")
                        .help("write the line break as `\\n`, or use triple quotes"));
                }
                Some('\\') if !raw => text.push(self.escape(at)?),
                Some(c) => text.push(c),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, start: usize) -> Result<char, Mistake> {
        let code = match self.bump() {
            Some('a') => return Ok('\x07'),
            Some('b') => return Ok('\x08'),
            Some('f') => return Ok('\x0c'),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('v') => return Ok('\x0b'),
            Some(c @ ('\\' | '?' | '"' | '\'' | '`')) => return Ok(c),
            Some('x' | 'X') => self.code(2, 16),
            Some('u') => self.code(4, 16),
            Some('U') => self.code(8, 16),
            Some('0'..='3') => {
                self.at -= 1;
                self.code(3, 8)
            }
            _ => None,
        };
        code.ok_or_else(|| {
            self.mistake(start, "unknown escape in a string").help(
                "write a backslash as `\\\\`, or put `r` before the string so that it stays as it is",
            )
        })
    }

    fn code(&mut self, length: usize, radix: u32) -> Option<char> {
        let digits = self.rest().get(..length)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        self.at += length;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    }
}

/// Longer signs first.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];
