//! Values that only few may see, by their place in the arguments.

use crate::json::Node;

/// A JSON Pointer (RFC 6901) below the arguments, of which a part may be `*`: every member or item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Reads one; `None` where it is none, or is that of the arguments as a whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.strip_prefix('/')?.split('/');
        let parts: Option<Vec<_>> = parts.map(unescape).collect();
        parts.map(Self)
    }

    /// The last name on the way, which is not that of a place in a list.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let parts = self.0.iter().rev();
        parts.map(String::as_str).find(|part| *part != "*")
    }

    /// The places in `arguments` that it stands for, each as a pointer without `*`. Where these are
    /// more than a reader bears, the whole list or object that they are in.
    #[must_use]
    pub fn resolve(&self, arguments: Node<'_>) -> Vec<String> {
        let mut places = vec![(String::new(), arguments)];
        for part in &self.0 {
            let below = places
                .iter()
                .flat_map(|(at, node)| {
                    children(*node, part).map(move |(step, child)| (at, step, child))
                })
                .map(|(at, step, child)| (format!("{at}/{}", escape(&step)), child));
            let below: Vec<_> = below.take(MAX_PLACES + 1).collect();
            if below.len() > MAX_PLACES {
                break;
            }
            places = below;
        }
        places.into_iter().map(|(at, _)| at).collect()
    }
}

/// What lies in `node` under `part`, with its name or place.
fn children<'a>(node: Node<'a>, part: &'a str) -> impl Iterator<Item = (String, Node<'a>)> {
    let members = node
        .members()
        .map(|member| (member.key().into_owned(), member.value()));
    let items = (0_usize..)
        .zip(node.items())
        .map(|(place, item)| (place.to_string(), item));
    let all = part == "*";
    members
        .chain(items)
        .filter(move |(name, _)| all || name == part)
}

fn unescape(part: &str) -> Option<String> {
    let valid = part
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    valid.then(|| part.replace("~1", "/").replace("~0", "~"))
}

fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

const MAX_PLACES: usize = 1_000;

#[cfg(test)]
mod tests;
