//! What a result gives to a model: the content of a tool, of a prompt's messages, and what is read
//! of a resource. They differ in where they lie.

use crate::{
    json::{self, Node},
    registry::Kind,
};

/// One piece of content.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// The item of the list that it is in.
    pub(super) item: Node<'a>,
    /// The content itself.
    pub(super) content: Node<'a>,
}

impl<'a> Block<'a> {
    /// Its text, where it is text.
    pub(super) fn text(self) -> Option<Node<'a>> {
        let mut texts = self.carriers().filter_map(|it| it.get("text"));
        texts.find(|text| text.kind() == json::Kind::String)
    }

    /// What has a media type and data: the content, and a resource that is embedded in it.
    pub(super) fn carriers(self) -> impl Iterator<Item = Node<'a>> {
        let embedded = self.content.get("resource");
        [Some(self.content), embedded].into_iter().flatten()
    }
}

/// The base64 that something carries.
pub(super) fn data(carrier: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let data = [carrier.get("data"), carrier.get("blob")];
    let texts = data.into_iter().flatten();
    texts.filter(|data| data.kind() == json::Kind::String)
}

/// What is structured of a tool's result.
pub(super) fn structured(result: Node<'_>) -> Option<Node<'_>> {
    result.get("structuredContent").filter(|it| !it.is_null())
}

/// The list that holds the content of what a thing of this kind gives.
pub(super) fn list(result: Node<'_>, kind: Kind) -> Option<Node<'_>> {
    result.get(match kind {
        Kind::Tool => "content",
        Kind::Resource => "contents",
        Kind::Prompt => "messages",
    })
}

/// The content of such a result, in its order.
pub(super) fn blocks(result: Node<'_>, kind: Kind) -> Vec<Block<'_>> {
    let inner = kind == Kind::Prompt;
    let items = list(result, kind).into_iter().flat_map(Node::items);
    items
        .map(|item| Block {
            item,
            content: item.get("content").filter(|_| inner).unwrap_or(item),
        })
        .collect()
}
