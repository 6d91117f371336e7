//! Values in the form that their place asks for.

/// Appends `text`, percent-encoded but for what RFC 3986, section 2.3, reserves nowhere.
pub(super) fn percent(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].into_iter().filter_map(digit));
        }
    }
}

fn digit(value: u8) -> Option<char> {
    char::from_digit(value.into(), 16).map(|digit| digit.to_ascii_uppercase())
}

/// Whether a value may stand in a part of a path. Servers and proxies that decode a path before they
/// take it apart would find another one in what is refused.
pub(super) fn fits_path(value: &str) -> Result<(), &'static str> {
    match value {
        _ if value.contains(['/', '\\']) => {
            Err("may not hold `/` or `\\`: it is one part of a path")
        }
        _ if value.chars().any(char::is_control) => Err("may not hold control characters"),
        _ => Ok(()),
    }
}

/// Whether a value may stand in a header (RFC 9110, section 5.5), and says one thing there: section
/// 5.6 gives `,`, `;` and `"` a meaning of their own.
pub(super) fn fits_header(value: &str) -> Result<(), &'static str> {
    match value {
        _ if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
            Err("may hold visible ASCII and spaces only: it is sent in a header")
        }
        _ if value.contains([',', ';', '"']) => {
            Err("may not hold `,`, `;` or `\"`: it is one value of a header")
        }
        _ if value.trim() != value => {
            Err("may not begin or end with a space: it is sent in a header")
        }
        _ => Ok(()),
    }
}
