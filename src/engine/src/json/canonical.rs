//! The canonical form of RFC 8785: one text for all texts that mean the same.
//!
//! Numbers are doubles there: `1.0`, `1` and `1e0` are one, and an integer beyond 2^53 is written
//! as the double nearest to it, so that 9007199254740993 and 9007199254740992 come out alike. Where
//! that must not happen, ask [`Node::exact`] first.

use super::{Decimal, Kind, Node, text::quote_into};

impl Node<'_> {
    /// The canonical form (RFC 8785), UTF-8.
    #[must_use]
    pub fn canonical(self) -> Vec<u8> {
        let mut out = String::with_capacity(self.span().len());
        write(&mut out, self, double);
        out.into_bytes()
    }

    /// Appends a text that values share exactly if they are equal in JSON Schema: the canonical
    /// form, but for numbers, which keep every digit.
    pub fn write_exact(self, out: &mut String) {
        write(out, self, |out, token| Decimal::new(token).write(out));
    }

    /// Whether every number here is written in the canonical form with the decimal value it has in
    /// the text, so that texts with different values have different canonical forms.
    #[must_use]
    pub fn exact(self) -> bool {
        match self.kind() {
            Kind::Number => exact_number(self),
            Kind::Array => self.items().all(Node::exact),
            Kind::Object => self.members().all(|member| member.value().exact()),
            Kind::Null | Kind::Bool | Kind::String => true,
        }
    }
}

// Recursion here and above is bounded by the depth of the document.
fn write(out: &mut String, node: Node<'_>, number: fn(&mut String, &str)) {
    match node.kind() {
        Kind::Null | Kind::Bool => out.push_str(node.raw()),
        Kind::Number => number(out, node.raw()),
        Kind::String => quote_into(out, &node.str().unwrap_or_default()),
        Kind::Array => {
            out.push('[');
            for (index, item) in node.items().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, item, number);
            }
            out.push(']');
        }
        Kind::Object => {
            let mut members: Vec<_> = node
                .members()
                .map(|member| (member.key(), member.value()))
                .collect();
            // UTF-16 code units, which is not the order of UTF-8 above U+FFFF.
            members.sort_unstable_by(|(one, _), (two, _)| {
                if one.is_ascii() && two.is_ascii() {
                    one.cmp(two)
                } else {
                    one.encode_utf16().cmp(two.encode_utf16())
                }
            });
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote_into(out, &key);
                out.push(':');
                write(out, value, number);
            }
            out.push('}');
        }
    }
}

/// A number as RFC 8785 writes it.
fn double(out: &mut String, token: &str) {
    if is_plain(token) {
        out.push_str(token);
    } else {
        out.push_str(ryu_js::Buffer::new().format(token.parse::<f64>().unwrap_or_default()));
    }
}

/// Whether a number is its own canonical form: an integer of few digits.
fn is_plain(token: &str) -> bool {
    token.len() <= 15
        && token != "-0"
        && token
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn exact_number(node: Node<'_>) -> bool {
    let token = node.raw();
    // A double keeps any 15 digits.
    if token.len() <= 15 && !token.contains(['e', 'E']) {
        return true;
    }
    let Some(double) = node.f64() else {
        return false;
    };
    Decimal::new(token) == Decimal::new(ryu_js::Buffer::new().format(double))
}
