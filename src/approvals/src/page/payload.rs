//! What will be executed, as a tree that people can read: nothing left out, numbers digit by digit.

use askama::Template;
use engine::json::{Doc, Kind, Node};

use super::filters;

/// Members of an object or items of an array.
#[derive(Template)]
#[template(path = "payload.html")]
pub(super) struct Tree {
    branches: Vec<Branch>,
}

struct Branch {
    /// Of a member.
    name: Option<String>,
    /// Of an item.
    index: Option<usize>,
    value: Value,
}

enum Value {
    Text(String),
    /// A number or a word, as it stands in the payload.
    Plain(String),
    /// Not for everybody's eyes.
    Masked,
    Tree {
        told: String,
        tree: Tree,
    },
}

impl Tree {
    /// `text` is JSON. What a pointer in `masked` leads to is marked as masked.
    pub(super) fn new(text: &str, masked: &[String]) -> Self {
        let Ok(doc) = Doc::parse(text.as_bytes().to_vec()) else {
            return Self {
                branches: Vec::new(),
            };
        };
        Self::of(doc.root(), String::new(), masked)
    }

    fn of(node: Node<'_>, path: String, masked: &[String]) -> Self {
        let member = |name: &str, value| {
            let step = name.replace('~', "~0").replace('/', "~1");
            (Some(name.to_owned()), None, value, format!("{path}/{step}"))
        };
        let children: Vec<_> = match node.kind() {
            Kind::Object => node
                .members()
                .map(|each| member(&each.key(), each.value()))
                .collect(),
            Kind::Array => node
                .items()
                .enumerate()
                .map(|(index, item)| (None, Some(index), item, format!("{path}/{index}")))
                .collect(),
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => Vec::new(),
        };
        let branches = children.into_iter().map(|(name, index, node, path)| {
            let value = if masked.contains(&path) {
                Value::Masked
            } else {
                Value::of(node, path, masked)
            };
            Branch { name, index, value }
        });
        Self {
            branches: branches.collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }
}

impl Value {
    fn of(node: Node<'_>, path: String, masked: &[String]) -> Self {
        let told = match node.kind() {
            Kind::String => return Self::Text(node.str().unwrap_or_default().into_owned()),
            Kind::Null | Kind::Bool | Kind::Number => return Self::Plain(node.raw().to_owned()),
            Kind::Object if node.is_empty() => return Self::Plain("{}".to_owned()),
            Kind::Array if node.is_empty() => return Self::Plain("[]".to_owned()),
            Kind::Object => String::new(),
            Kind::Array if node.len() == 1 => "1 item".to_owned(),
            Kind::Array => format!("{} items", node.len()),
        };
        Self::Tree {
            told,
            tree: Tree::of(node, path, masked),
        }
    }
}

/// The first members of an object: names and values, as many as a line holds.
pub(super) fn preview(text: &str) -> Vec<(String, String)> {
    let Ok(doc) = Doc::parse(text.as_bytes().to_vec()) else {
        return Vec::new();
    };
    let mut left = LINE;
    let members = doc.root().members().map(|member| {
        let value = member.value();
        let value = match value.kind() {
            Kind::String => value.str().unwrap_or_default().into_owned(),
            Kind::Null | Kind::Bool | Kind::Number => value.raw().to_owned(),
            Kind::Object => "{…}".to_owned(),
            Kind::Array => "[…]".to_owned(),
        };
        (member.key().into_owned(), cut(value))
    });
    let fit = members.take_while(|(name, value)| {
        let before = left;
        left = left.saturating_sub(name.chars().count() + value.chars().count());
        before > 0
    });
    fit.collect()
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(VALUE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Characters of a line in a list, and of one value in it.
const LINE: usize = 90;
const VALUE: usize = 40;
