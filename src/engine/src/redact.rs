//! Takes out of JSON what is nobody else's business: values that look like it, and values in places
//! that are known to hold it.
//!
//! Texts, numbers and names of members are searched, unescaped, and with the name of the member
//! that holds them before them: a word there tells what a number is. A text that is JSON is
//! searched as JSON, and stays it. What changes is a splice; the rest stays byte for byte.
//!
//! What this module does not do: undo other encodings, or put a value together that stands in
//! pieces in several texts.

mod pass;
mod search;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::{
    detect::{Detector, Form},
    json::{Node, Pointer, Splice},
    seal::Seal,
};
use pass::Pass;

/// What is taken out, and how.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    detector: Detector,
    kinds: BTreeMap<String, By>,
    places: BTreeMap<Pointer, By>,
}

/// How a value is taken out; of several, the last of these holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Its kind stands in its place: `[payment_card]`.
    #[default]
    Mask,
    /// So does its kind with a mark that the same value always has at this gateway:
    /// `[payment_card:Zk1xw0Hq3fRs]`.
    Hash,
    /// It is cut out of its text; a number, or a value that is named by its place, goes with its
    /// member.
    Drop,
    /// Nothing passes that holds it.
    Block,
}

/// What was found, and what has to change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Changes of the document.
    pub edits: Vec<Splice>,
    /// How many values were found, by kind.
    pub counts: Counts,
}

/// How many values were found, by kind; those that are named by their place are of the kind
/// [`FIELD`].
pub type Counts = BTreeMap<String, u64>;

/// Something was found that blocks all of it: of this kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked(pub String);

impl By {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::Mask, Self::Hash, Self::Drop, Self::Block];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Hash => "hash",
            Self::Drop => "drop",
            Self::Block => "block",
        }
    }
}

/// What has the same name looks the same, within one policy.
impl PartialEq for Redaction {
    fn eq(&self, other: &Self) -> bool {
        self.kinds == other.kinds && self.places == other.places
    }
}

impl Eq for Redaction {}

impl Redaction {
    /// Takes out what looks like this.
    pub fn find(&mut self, form: &Form, by: By) {
        self.detector.add(form);
        let known = self.kinds.entry(form.name().to_owned()).or_default();
        *known = by.max(*known);
    }

    /// Takes out what is there.
    pub fn place(&mut self, place: Pointer, by: By) {
        let known = self.places.entry(place).or_default();
        *known = by.max(*known);
    }

    /// Takes out what `other` does, too; the stricter way of both holds.
    pub fn join(&mut self, other: &Self) {
        self.detector.join(&other.detector);
        for (kind, by) in &other.kinds {
            let known = self.kinds.entry(kind.clone()).or_default();
            *known = (*by).max(*known);
        }
        for (place, by) in &other.places {
            self.place(place.clone(), *by);
        }
    }

    /// The same without places.
    #[must_use]
    pub fn kinds(&self) -> Self {
        Self {
            places: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// The same, one way in the place of another.
    #[must_use]
    pub fn with(mut self, instead_of: By, by: By) -> Self {
        let all = self.kinds.values_mut().chain(self.places.values_mut());
        all.filter(|it| **it == instead_of).for_each(|it| *it = by);
        self
    }

    /// Whether there is nothing to take out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.places.is_empty()
    }

    /// Kinds and places, each with how it is taken out.
    pub fn items(&self) -> impl Iterator<Item = (Cow<'_, str>, By)> {
        let kinds = self.kinds.iter();
        let places = self.places.iter();
        kinds
            .map(|(kind, by)| (Cow::Borrowed(kind.as_str()), *by))
            .chain(places.map(|(place, by)| (Cow::Owned(place.to_string()), *by)))
    }

    /// What has to change in `value`; places are below it.
    ///
    /// # Errors
    /// Something was found that blocks all of it.
    pub fn apply(&self, value: Node<'_>, seal: &Seal) -> Result<Redacted, Blocked> {
        self.pass(value, Some(value), &[], seal)
    }

    /// What has to change in a `result`, an `error` or `params`; places are below
    /// `structuredContent`.
    ///
    /// # Errors
    /// Something was found that blocks all of it.
    pub fn apply_to_result(&self, result: Node<'_>, seal: &Seal) -> Result<Redacted, Blocked> {
        self.pass(result, result.get("structuredContent"), &OPAQUE, seal)
    }

    /// A text without what is in it; nothing of it where that blocks.
    #[must_use]
    pub fn text(&self, text: &str, seal: &Seal) -> String {
        let mut pass = Pass::new(self, seal, Vec::new(), 0);
        match pass.text(text, "") {
            Ok(left) => left.unwrap_or_else(|| text.to_owned()),
            Err(Blocked(kind)) => format!("[{kind}]"),
        }
    }

    fn pass(
        &self,
        value: Node<'_>,
        body: Option<Node<'_>>,
        opaque: &[&str],
        seal: &Seal,
    ) -> Result<Redacted, Blocked> {
        if self.is_empty() {
            return Ok(Redacted::default());
        }
        let members = opaque.iter().filter_map(|name| value.get(name));
        let opaque = members.map(|member| member.span().start).collect();
        let mut pass = Pass::new(self, seal, opaque, 0);
        pass.document(value, body)?;
        Ok(pass.redacted)
    }
}

/// The kind of values that are named by their place.
pub const FIELD: &str = "field";

/// Members that a client has to know, or to bring back, as they are.
const OPAQUE: [&str; 5] = [
    "requestState",
    "nextCursor",
    "taskId",
    "progressToken",
    "requestId",
];

#[cfg(test)]
mod tests;
