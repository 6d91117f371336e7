//! The canonical form of RFC 8785 (JCS).

use super::{Kind, Node, quote};

impl Node<'_> {
    /// The value's canonical text: the same for every way to write the same value.
    ///
    /// Integers beyond 2^53 come out as the binary64 that they round to, as RFC 8785 says.
    #[must_use]
    pub fn canonical(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw().len());
        self.write(&mut out);
        out
    }

    /// Whether no number in it loses digits in the canonical form.
    #[must_use]
    pub fn exact(self) -> bool {
        match self.kind() {
            Kind::Number => {
                let digits = self.raw().bytes().take_while(|b| !matches!(b, b'e' | b'E'));
                let significant: Vec<u8> = digits
                    .filter(u8::is_ascii_digit)
                    .skip_while(|&b| b == b'0')
                    .collect();
                let length = significant
                    .iter()
                    .rposition(|&b| b != b'0')
                    .map_or(0, |at| at + 1);
                length <= 15
                    || self
                        .i64()
                        .is_some_and(|integer| integer.unsigned_abs() <= 1 << 53)
            }
            Kind::Array => self.items().all(Self::exact),
            Kind::Object => self.members().all(|member| member.value().exact()),
            Kind::Null | Kind::Bool | Kind::String => true,
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        match self.kind() {
            Kind::Null | Kind::Bool => out.extend_from_slice(self.raw().as_bytes()),
            Kind::Number => {
                let number = self.f64().unwrap_or_default();
                out.extend_from_slice(ryu_js::Buffer::new().format(number).as_bytes());
            }
            Kind::String => {
                out.extend_from_slice(quote(&self.str().unwrap_or_default()).as_bytes())
            }
            Kind::Array => {
                out.push(b'[');
                for (at, item) in self.items().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Kind::Object => {
                let mut members: Vec<_> = self.members().map(|m| (m.key(), m.value())).collect();
                // RFC 8785, section 3.2.3: by UTF-16 code units.
                members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                out.push(b'{');
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(quote(key).as_bytes());
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}
