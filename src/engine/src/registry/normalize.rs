//! How results are brought into the form that agents know, as the engine runs it.

use super::build::Build;
use crate::{config, json::Pointer, problem::Problem};

/// What is done to a structured result, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalize {
    /// Members by the names that the server uses, and their own new names.
    pub rename: Vec<(Pointer, String)>,
    /// What alone is left; empty: everything.
    pub pick: Vec<Pointer>,
    /// What goes.
    pub drop: Vec<Pointer>,
}

impl Build {
    pub(super) fn normalize(
        &mut self,
        at: &str,
        written: Option<config::Normalize>,
    ) -> Option<Normalize> {
        let written = written?;
        let mut all = Normalize::default();
        for (from, to) in &written.rename {
            let at = format!("{at}.normalize.rename.{from}");
            let (Some(from), Some(to)) = (self.place(&at, from), self.place(&at, to)) else {
                continue;
            };
            match renamed(&all.rename, &from, &to) {
                Ok(name) => all.rename.push((from, name)),
                Err(message) => self.problems.push(Problem::new(at, message)),
            }
        }
        let pick = self.places(&format!("{at}.normalize.pick"), &written.pick, &all.rename);
        let drop = self.places(&format!("{at}.normalize.drop"), &written.drop, &all.rename);
        for (at, place) in &drop {
            let picked = |(_, pick): &&(String, Pointer)| covers(place, pick);
            if let Some((_, pick)) = pick.iter().find(picked) {
                let message = format!("`{pick}` is picked, and would be dropped with it");
                self.problems.push(Problem::new(at, message));
            } else if !pick.is_empty() && !pick.iter().any(|(_, pick)| covers(pick, place)) {
                let message = "is not picked: there is nothing to drop";
                self.problems.push(Problem::new(at, message));
            }
        }
        all.pick = pick.into_iter().map(|(_, place)| place).collect();
        all.drop = drop.into_iter().map(|(_, place)| place).collect();
        Some(all)
    }

    /// Places after the renaming, each with where it is written.
    fn places(
        &mut self,
        at: &str,
        written: &[String],
        rename: &[(Pointer, String)],
    ) -> Vec<(String, Pointer)> {
        let mut places = Vec::new();
        for (i, text) in written.iter().enumerate() {
            let at = format!("{at}[{i}]");
            let Some(place) = self.place(&at, text) else {
                continue;
            };
            if let Some(now) = outdated(rename, &place) {
                let message = format!("is called `{now}` by then: renaming comes first");
                self.problems.push(Problem::new(&at, message));
            }
            places.push((at, place));
        }
        places
    }

    fn place(&mut self, at: &str, text: &str) -> Option<Pointer> {
        let place = Pointer::parse(text);
        if place.is_none() {
            let message = format!("`{text}` is no JSON Pointer below the result");
            let problem = Problem::new(at, message).help("as `/customer/name` or `/items/*/id`");
            self.problems.push(problem);
        }
        place
    }
}

/// The new name of a member; or what is wrong with it.
fn renamed(others: &[(Pointer, String)], from: &Pointer, to: &Pointer) -> Result<String, String> {
    let (Some((old, above)), Some((new, beside))) =
        (from.parts().split_last(), to.parts().split_last())
    else {
        return Err("names no member".to_owned());
    };
    if above != beside {
        return Err(format!(
            "`{to}` is in another object: a member stays where it is"
        ));
    }
    if old == "*" || new == "*" {
        return Err("names no single member".to_owned());
    }
    if old == new {
        return Err("is its name already".to_owned());
    }
    let same = |(other, name): &(Pointer, String)| {
        name == new
            && other
                .parts()
                .split_last()
                .is_some_and(|(_, of)| of == above)
    };
    if others.iter().any(same) {
        return Err(format!("`{to}` is the new name of another member"));
    }
    Ok(new.clone())
}

/// What a place that is named as before the renaming is called after it.
fn outdated(rename: &[(Pointer, String)], place: &Pointer) -> Option<String> {
    let (_, name) = rename.iter().find(|(from, _)| {
        let free = !rename.iter().any(|(other, name)| {
            let (parts, others) = (from.parts(), other.parts());
            parts.last() == Some(name) && parts.len() == others.len()
        });
        free && place.parts().starts_with(from.parts())
    })?;
    Some(name.clone())
}

/// Whether what lies at `inner` can lie at or below `outer`.
fn covers(outer: &Pointer, inner: &Pointer) -> bool {
    let (outer, inner) = (outer.parts(), inner.parts());
    let mut pairs = outer.iter().zip(inner);
    outer.len() <= inner.len() && pairs.all(|(a, b)| a == b || a == "*" || b == "*")
}
