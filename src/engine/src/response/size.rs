//! How large an answer is, to a model.

use crate::json::{Kind, Node};

/// How large a `result` or an `error` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The JSON text.
    pub bytes: u64,
    /// What of it is base64: `data` and `blob` of content.
    pub base64: u64,
}

impl Size {
    /// The size of a `result` or an `error`.
    #[must_use]
    pub fn of(outcome: Node<'_>) -> Self {
        let content = ["content", "contents", "messages"];
        let content = content.iter().filter_map(|name| outcome.get(name));
        Self {
            bytes: outcome.raw().len() as u64,
            base64: content.map(base64).sum(),
        }
    }

    /// Roughly how many tokens of a model's context it takes: one for four bytes. Base64 is not
    /// counted: it is no text to a model, and what a picture takes depends on its pixels.
    ///
    /// English prose takes about that much. Digits, code and identifiers take up to twice as much;
    /// a text that is given twice, as `content` and as `structuredContent`, or is full of escapes,
    /// takes half as much.
    #[must_use]
    pub const fn tokens(self) -> u64 {
        self.bytes.saturating_sub(self.base64).div_ceil(4)
    }
}

/// Bytes of base64 in content: at most a block, its resource, or a message's block deep.
fn base64(content: Node<'_>) -> u64 {
    let blocks = content.items().flat_map(|item| {
        let inner = item.get("content");
        [
            Some(item),
            item.get("resource"),
            inner,
            inner.and_then(|it| it.get("resource")),
        ]
    });
    let data = blocks
        .flatten()
        .flat_map(|it| [it.get("data"), it.get("blob")]);
    let texts = data.flatten().filter(|it| it.kind() == Kind::String);
    texts.map(|text| text.raw().len() as u64 - 2).sum()
}

#[cfg(test)]
mod tests;
