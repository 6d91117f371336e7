//! Members that tools, resources and prompts have alike.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use super::Build;
use crate::{
    config::{self, Deprecated},
    cx::Timestamp,
    json::Pointer,
    limit::Limit,
    problem::Problem,
    registry::{Kind, pin::is_pin, text::duration},
};

impl Build {
    pub(in crate::registry) fn set(
        &mut self,
        at: &str,
        field: &str,
        list: Option<Vec<String>>,
    ) -> Option<BTreeSet<String>> {
        let list = list?;
        if list.is_empty() {
            self.wrong(at, field, "an empty list hides it from everybody");
        }
        Some(list.into_iter().collect())
    }

    /// Members of the MCP object that are given. Clients lose a whole list over one of another shape.
    pub(super) fn members<const N: usize>(
        &mut self,
        at: &str,
        all: [(&'static str, Option<Value>); N],
    ) -> Vec<(&'static str, Value)> {
        let given = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let given: Vec<_> = given.collect();
        for (name, value) in &given {
            let (fits, shape) = match *name {
                "annotations" | "execution" | "_meta" => (value.is_object(), "an object"),
                "icons" => (value.is_array(), "a list"),
                _ => continue,
            };
            if !fits {
                self.wrong(at, name, format!("expected {shape}"));
            }
        }
        given
    }

    pub(super) fn timeout(&mut self, at: &str, text: Option<String>) -> Option<Duration> {
        let text = text?;
        let timeout = duration(&text);
        if timeout.is_none() {
            self.wrong(
                at,
                "timeout",
                format!("`{text}` is no duration: `500ms`, `20s`, `2m`"),
            );
        }
        timeout
    }

    pub(super) fn limits(
        &mut self,
        at: &str,
        kind: Kind,
        name: &str,
        written: Vec<config::Limit>,
    ) -> Vec<Arc<Limit>> {
        let owner = format!("{}:{name}", kind.as_str());
        self.limits.lower(written, &owner, at, &mut self.problems)
    }

    pub(super) fn sensitive(&mut self, at: &str, written: &[String]) -> Vec<Pointer> {
        let mut pointers = Vec::with_capacity(written.len());
        for (i, text) in written.iter().enumerate() {
            match Pointer::parse(text) {
                Some(pointer) => pointers.push(pointer),
                None => {
                    let message = format!("`{text}` is no JSON Pointer below the arguments");
                    let problem = Problem::new(format!("{at}.sensitive[{i}]"), message);
                    self.problems
                        .push(problem.help("as `/card/number` or `/people/*/taxId`"));
                }
            }
        }
        pointers
    }

    pub(super) fn pin(&mut self, at: &str, pin: Option<String>) -> Option<String> {
        let pin = pin?;
        if !is_pin(&pin) {
            let message = format!("`{pin}` is no pin: `sha256:` and 64 hexadecimal digits");
            self.wrong(at, "pin", message);
        }
        Some(pin)
    }

    /// From when on something does not exist any more.
    pub(super) fn sunset(
        &mut self,
        at: &str,
        deprecated: Option<&Deprecated>,
    ) -> Option<Timestamp> {
        let Deprecated { since, sunset, .. } = deprecated?;
        for (field, text) in [("deprecated.since", since), ("deprecated.sunset", sunset)] {
            if let Some(text) = text
                && Timestamp::parse(text).is_none()
            {
                let message = format!("`{text}` is neither a date (`2027-01-01`) nor a time");
                self.wrong(at, field, message);
            }
        }
        sunset.as_deref().and_then(Timestamp::parse)
    }
}
