//! Values by their place in a document.

use std::fmt;

use super::Node;

/// A JSON Pointer (RFC 6901) below a value, of which a part may be `*`: every member or item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// The one that leads along these names and places, one at least.
    #[must_use]
    pub fn new(parts: impl Iterator<Item = String>) -> Self {
        Self(parts.collect())
    }

    /// Reads one; `None` where it is none, or is that of the value as a whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.strip_prefix('/')?.split('/');
        let parts: Option<Vec<_>> = parts.map(unescape).collect();
        parts.map(Self)
    }

    /// Its parts, unescaped.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The last name on the way, which is not that of a place in a list.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let parts = self.0.iter().rev();
        parts.map(String::as_str).find(|part| *part != "*")
    }

    /// What it stands for below `root`.
    #[must_use]
    pub fn find<'a>(&self, root: Node<'a>) -> Vec<Node<'a>> {
        self.0.iter().fold(vec![root], |nodes, part| {
            let below = nodes.into_iter().flat_map(|node| children(node, part));
            below.map(|(_, child)| child).collect()
        })
    }

    /// The places below `root` that it stands for, each as a pointer without `*`. Where these are
    /// more than a reader bears, the whole list or object that they are in.
    #[must_use]
    pub fn resolve(&self, root: Node<'_>) -> Vec<String> {
        let mut places = vec![(String::new(), root)];
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

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|part| write!(f, "/{}", escape(part)))
    }
}

/// What lies in `node` under `part`, with its name or place.
fn children<'a, 'p>(
    node: Node<'a>,
    part: &'p str,
) -> impl Iterator<Item = (String, Node<'a>)> + use<'a, 'p> {
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
