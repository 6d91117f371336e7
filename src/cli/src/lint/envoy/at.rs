//! A value of a configuration, and where it stands.

use serde_json::Value;

/// A value and its place.
#[derive(Clone)]
pub(super) struct At<'v> {
    /// The index of its document.
    pub(super) source: usize,
    /// Its path there.
    pub(super) path: String,
    /// The value.
    pub(super) value: &'v Value,
}

impl<'v> At<'v> {
    /// A whole document.
    pub(super) const fn root(source: usize, value: &'v Value) -> Self {
        Self {
            source,
            path: String::new(),
            value,
        }
    }

    fn part(&self, step: &str, value: &'v Value) -> Self {
        let dot = if self.path.is_empty() || step.starts_with('[') {
            ""
        } else {
            "."
        };
        Self {
            source: self.source,
            path: format!("{}{dot}{step}", self.path),
            value,
        }
    }

    /// A member. Protocol buffers have two spellings in JSON: `vm_id` and `vmId`.
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        let members = self.value.as_object()?;
        let (key, value) = members
            .get_key_value(name)
            .or_else(|| members.get_key_value(&camel(name)))?;
        Some(self.part(key, value))
    }

    /// A member of members: `vm_config/code/local`.
    pub(super) fn at(&self, path: &str) -> Option<Self> {
        let mut steps = path.split('/');
        let first = self.field(steps.next()?)?;
        steps.try_fold(first, |at, step| at.field(step))
    }

    /// The text of a member, empty where there is none.
    pub(super) fn text(&self, path: &str) -> String {
        let found = self.at(path);
        let text = found.as_ref().and_then(|at| at.value.as_str());
        text.unwrap_or_default().to_owned()
    }

    /// Its items.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items
            .map(|(i, item)| self.part(&format!("[{i}]"), item))
            .collect()
    }

    /// This and everything below, from the outside in.
    pub(super) fn everything(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let mut parts = self.items();
        let members = self.value.as_object().into_iter().flatten();
        parts.extend(members.map(|(key, value)| self.part(key, value)));
        all.extend(parts.iter().flat_map(Self::everything));
        all
    }

    /// What a `typed_config` is, such as `Wasm`, and the message itself, also where it comes
    /// wrapped in a `TypedStruct`.
    pub(super) fn message(&self) -> Option<(String, Self)> {
        let kind = |url: String| url.rsplit('.').next().map(str::to_owned);
        let url = self.text("@type");
        if url.ends_with(".TypedStruct") {
            return Some((kind(self.text("type_url"))?, self.field("value")?));
        }
        (!url.is_empty()).then_some(())?;
        Some((kind(url)?, self.clone()))
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        text + &capital.into_iter().chain(letters).collect::<String>()
    })
}
