//! What a result gives to a model: the content of a tool, of a prompt's messages, and what is read
//! of a resource. They differ in where they lie.

use crate::json::{Kind, Node};

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
        texts.find(|text| text.kind() == Kind::String)
    }

    /// What has a media type and data: the content, and a resource that is embedded in it.
    pub(super) fn carriers(self) -> impl Iterator<Item = Node<'a>> {
        let embedded = self.content.get("resource");
        [Some(self.content), embedded].into_iter().flatten()
    }
}

/// The base64 of what carries it.
pub(super) fn data(carrier: Node<'_>) -> Option<Node<'_>> {
    let data = [carrier.get("data"), carrier.get("blob")];
    let mut texts = data.into_iter().flatten();
    texts.find(|data| data.kind() == Kind::String)
}

/// What is structured of a tool's result.
pub(super) fn structured(result: Node<'_>) -> Option<Node<'_>> {
    result.get("structuredContent").filter(|it| !it.is_null())
}

/// The list of a result that holds its content.
pub(super) fn list(result: Node<'_>) -> Option<Node<'_>> {
    LISTS.iter().find_map(|name| result.get(name))
}

/// The content of a result, in its order.
pub(super) fn blocks(result: Node<'_>) -> Vec<Block<'_>> {
    let inner = result.get("messages").is_some();
    let items = list(result).into_iter().flat_map(Node::items);
    items
        .map(|item| Block {
            item,
            content: item.get("content").filter(|_| inner).unwrap_or(item),
        })
        .collect()
}

/// Of a prompt, of a tool, of a resource.
const LISTS: [&str; 3] = ["messages", "content", "contents"];
