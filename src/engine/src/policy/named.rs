//! Which callers a configuration names.

use std::collections::{BTreeMap, BTreeSet};

use super::{Policy, Requirement, Rule};
use crate::registry::Registry;

/// By fact, the values that are named.
pub(super) type Named = BTreeMap<&'static str, BTreeSet<String>>;

impl Policy {
    /// Whether the configuration names a `user`, `agent`, `app` or `tenant` in what rules require or
    /// in whom they and entries are for. Whoever else calls is one of an unknown number.
    #[must_use]
    pub fn names(&self, fact: &str, value: &str) -> bool {
        let of_fact = self.named.get(fact);
        of_fact.is_some_and(|named| named.contains(value))
            || (fact == "tenant" && self.tenancy.is_some())
    }
}

/// Gathers them.
pub(super) fn named(registry: &Registry, rules: &[Rule]) -> Named {
    let mut named = Named::new();
    let mut add = |fact, values: &BTreeSet<String>| {
        named
            .entry(fact)
            .or_default()
            .extend(values.iter().cloned());
    };
    for rule in rules {
        let required = [
            ("user", &rule.user),
            ("agent", &rule.agent),
            ("app", &rule.app),
            ("tenant", &rule.tenant),
        ];
        for (fact, requirement) in required {
            match requirement {
                Requirement::OneOf(values) => add(fact, values),
                Requirement::None | Requirement::Known => {}
            }
        }
        if let Some(tenants) = &rule.tenants {
            add("tenant", tenants);
        }
    }
    for entry in registry.entries() {
        if let Some(tenants) = &entry.tenants {
            add("tenant", tenants);
        }
    }
    named
}
