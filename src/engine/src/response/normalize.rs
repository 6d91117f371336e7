//! A structured result in the form that agents know: members renamed, picked and dropped, in one
//! walk. What is not named stays byte for byte.

use std::collections::BTreeSet;

use crate::{
    json::{Kind, Member, Node, Splice, quote},
    registry::Normalize,
};

/// What brings `value` into the form.
pub(super) fn edits(value: Node<'_>, normalize: &Normalize) -> Vec<Splice> {
    let rename = normalize.rename.iter();
    let pick = normalize.pick.iter().map(|pick| pick.parts());
    let wanted = Wanted {
        rename: rename
            .map(|(from, to)| (from.parts(), to.as_str()))
            .collect(),
        pick: (!normalize.pick.is_empty()).then(|| pick.collect()),
        drop: normalize.drop.iter().map(|drop| drop.parts()).collect(),
    };
    let mut edits = Vec::new();
    wanted.walk(value, &mut edits);
    edits
}

/// What is wanted of one value, by the ways that lead on from it.
struct Wanted<'n> {
    rename: Vec<(&'n [String], &'n str)>,
    /// `None`: everything is left.
    pick: Option<Vec<&'n [String]>>,
    drop: Vec<&'n [String]>,
}

impl<'n> Wanted<'n> {
    fn walk(&self, value: Node<'_>, edits: &mut Vec<Splice>) {
        if self.rename.is_empty() && self.pick.is_none() && self.drop.is_empty() {
            return;
        }
        match value.kind() {
            Kind::Object => self.members(value, edits),
            Kind::Array => self.items(value, edits),
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => {}
        }
    }

    fn members(&self, object: Node<'_>, edits: &mut Vec<Splice>) {
        let name = |member: Member<'_>| self.new_name(&member.key());
        let kept = object.members().filter(|member| name(*member).is_none());
        let mut taken: BTreeSet<_> = match self.rename.as_slice() {
            [] => BTreeSet::new(),
            _ => kept.map(|member| member.key().into_owned()).collect(),
        };
        let mut gone = Vec::new();
        for (index, member) in object.members().enumerate() {
            let (old, new) = (member.key(), name(member));
            let free = new.is_none_or(|new| taken.insert(new.to_owned()));
            let below = self.below(&old, new.unwrap_or(&old), member.value());
            match below.filter(|_| free) {
                Some(below) => {
                    edits.extend(new.map(|new| Splice {
                        at: member.key_span(),
                        with: quote(new).into_bytes(),
                    }));
                    below.walk(member.value(), edits);
                }
                None => gone.push(index),
            }
        }
        edits.extend(object.remove_members(&gone));
    }

    fn items(&self, array: Node<'_>, edits: &mut Vec<Splice>) {
        let mut gone = Vec::new();
        for (index, item) in array.items().enumerate() {
            let place = index.to_string();
            match self.below(&place, &place, item) {
                Some(below) => below.walk(item, edits),
                None => gone.push(index),
            }
        }
        edits.extend(array.remove_items(&gone));
    }

    fn new_name(&self, old: &str) -> Option<&'n str> {
        let named = |(way, _): &&(&[String], &str)| matches!(way, [last] if last == old);
        self.rename.iter().find(named).map(|(_, new)| *new)
    }

    /// What is wanted of a member or an item; `None`: it goes.
    fn below(&self, old: &str, new: &str, value: Node<'_>) -> Option<Self> {
        let drop: Vec<_> = self.drop.iter().filter_map(|way| on(way, new)).collect();
        if drop.iter().any(|way| way.is_empty()) {
            return None;
        }
        let ways = self.pick.as_ref().map(|ways| {
            let ways = ways.iter().filter_map(|way| on(way, new));
            ways.collect::<Vec<_>>()
        });
        let whole = |ways: &Vec<&[String]>| ways.iter().any(|way| way.is_empty());
        let pick = ways.filter(|ways| !whole(ways));
        if let Some(ways) = &pick
            && (ways.is_empty() || !matches!(value.kind(), Kind::Object | Kind::Array))
        {
            return None;
        }
        let rename = self.rename.iter();
        Some(Self {
            rename: rename
                .filter_map(|(way, name)| Some((on(way, old)?, *name)))
                .filter(|(way, _)| !way.is_empty())
                .collect(),
            pick,
            drop,
        })
    }
}

/// The way on from what is called `name`, if it leads there.
fn on<'n>(way: &'n [String], name: &str) -> Option<&'n [String]> {
    let (first, rest) = way.split_first()?;
    (first == "*" || first == name).then_some(rest)
}

#[cfg(test)]
mod tests;
