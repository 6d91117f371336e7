//! What most people do not see of an ask.

use super::{Ask, Payload};
use crate::json::{Doc, Kind, Node, Splice, splice};

impl Ask {
    /// The ask as everybody may see it: `"***"` stands in place of each value that
    /// [`Ask::sensitive`] names. `None`: one of the pointers leads nowhere.
    #[must_use]
    pub fn masked(&self) -> Option<Self> {
        Some(Self {
            arguments: self.arguments.masked(&self.sensitive)?,
            ..self.clone()
        })
    }
}

impl Payload {
    fn masked(&self, pointers: &[String]) -> Option<Self> {
        let doc = Doc::parse(self.text().as_bytes().to_vec()).ok()?;
        let edits = pointers
            .iter()
            .map(|pointer| {
                let at = find(doc.root(), pointer)?.span();
                let with = MASK.as_bytes().to_vec();
                Some(Splice { at, with })
            })
            .collect::<Option<_>>()?;
        let text = String::from_utf8(splice(doc.bytes(), edits)).ok()?;
        Self::try_from(text).ok()
    }
}

/// RFC 6901.
fn find<'a>(root: Node<'a>, pointer: &str) -> Option<Node<'a>> {
    let mut tokens = pointer.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    tokens.try_fold(root, |node, token| match node.kind() {
        Kind::Object => node.get(&token.replace("~1", "/").replace("~0", "~")),
        Kind::Array => node.items().nth(token.parse().ok()?),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => None,
    })
}

const MASK: &str = r#""***""#;
