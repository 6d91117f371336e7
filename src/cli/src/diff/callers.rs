//! Who could tell two policies apart: one caller for each way in which their rules tell callers
//! apart.

use std::collections::BTreeSet;

use engine::{
    call::Principal,
    condition::{Mention, Test},
    policy::{Requirement, Rule},
    registry::Entry,
};
use serde_json::Value as Json;

use super::sample::matching;

/// A caller who stands for all that the rules do not tell apart from it.
pub(super) struct Caller {
    pub(super) principal: Principal,
    /// What tells it from anybody else: `role auditor`.
    pub(super) traits: BTreeSet<String>,
    /// Whether something is not known of it, or it has no scope for something.
    pub(super) lacks: bool,
}

/// What rules and entries name of callers.
#[derive(Default)]
struct Named {
    user: Names,
    agent: Names,
    app: Names,
    tenant: Names,
    roles: BTreeSet<String>,
    scopes: BTreeSet<String>,
}

#[derive(Default)]
struct Names {
    names: BTreeSet<String>,
    /// Whether it matters if there is one at all.
    asked: bool,
}

/// The callers that rules about an entry tell apart, never all combinations: one for each rule and
/// role, each of these with one fact changed, anybody else, and nobody. Also whether there were too
/// many.
pub(super) fn callers(
    entries: &[&Entry],
    rules: &[&Rule],
    mentions: &[Mention],
) -> (Vec<Caller>, bool) {
    let named = Named::new(entries, rules, mentions);
    let somebody = || Some(SOMEBODY.to_owned());
    let anybody = Principal {
        user: somebody(),
        agent: somebody(),
        app: somebody(),
        tenant: somebody().filter(|_| named.tenant.asked),
        scopes: named.scopes.clone(),
        ..Principal::default()
    };
    let mut all = vec![anybody.clone(), Principal::default()];
    named.vary(&anybody, &mut all);
    for rule in rules {
        let of_rule = first(&rule.tenant).or_else(|| rule.tenants.as_ref()?.first().cloned());
        let of_entries = || {
            entries
                .iter()
                .find_map(|entry| entry.tenants.as_ref()?.first())
        };
        let mut meant = Principal {
            user: first(&rule.user).or_else(somebody),
            agent: first(&rule.agent).or_else(somebody),
            app: first(&rule.app).or_else(somebody),
            tenant: of_rule
                .or_else(|| of_entries().cloned())
                .or_else(|| anybody.tenant.clone()),
            ..anybody.clone()
        };
        named.vary(&meant, &mut all);
        for role in rule.roles.iter().flatten() {
            meant.roles = BTreeSet::from([role.clone()]);
            named.vary(&meant, &mut all);
        }
    }
    let capped = all.len() > MAX_CALLERS;
    let callers = all.into_iter().take(MAX_CALLERS).map(|principal| Caller {
        traits: named.traits(&principal),
        lacks: named.lacks(&principal),
        principal,
    });
    (callers.collect(), capped)
}

impl Named {
    fn new(entries: &[&Entry], rules: &[&Rule], mentions: &[Mention]) -> Self {
        let mut named = Self::default();
        for entry in entries {
            named.scopes.extend(entry.scopes().map(str::to_owned));
            named.tenant.add(entry.tenants.iter().flatten().cloned());
        }
        for rule in rules {
            named.roles.extend(rule.roles.iter().flatten().cloned());
            named.scopes.extend(rule.scopes.iter().cloned());
            named.tenant.add(rule.tenants.iter().flatten().cloned());
            named.user.ask(&rule.user);
            named.agent.ask(&rule.agent);
            named.app.ask(&rule.app);
            named.tenant.ask(&rule.tenant);
        }
        for mention in mentions {
            let texts = mention.constants.iter().filter_map(Json::as_str);
            let texts = texts.filter_map(|text| example(mention.test, text));
            match mention.fact.variable {
                "roles" => named.roles.extend(texts),
                "scopes" => named.scopes.extend(texts),
                "user" => named.user.add(texts),
                "agent" => named.agent.add(texts),
                "app" => named.app.add(texts),
                "tenant" => named.tenant.add(texts),
                _ => {}
            }
            for fact in [Some(&mention.fact), mention.other.as_ref()] {
                match fact.map(|fact| fact.variable) {
                    Some("user") => named.user.asked = true,
                    Some("agent") => named.agent.asked = true,
                    Some("app") => named.app.asked = true,
                    Some("tenant") => named.tenant.asked = true,
                    _ => {}
                }
            }
        }
        named
    }

    /// Adds a caller, and it with one fact changed.
    fn vary(&self, caller: &Principal, all: &mut Vec<Principal>) {
        let mut add = |changed: Principal| {
            if !all.contains(&changed) && all.len() <= MAX_CALLERS {
                all.push(changed);
            }
        };
        add(caller.clone());
        add(Principal {
            roles: BTreeSet::new(),
            ..caller.clone()
        });
        for role in &self.roles {
            let alone = BTreeSet::from([role.clone()]);
            let beside = caller.roles.union(&alone).cloned().collect();
            for roles in [alone, beside] {
                add(Principal {
                    roles,
                    ..caller.clone()
                });
            }
        }
        for user in self.user.choices() {
            add(Principal {
                user,
                ..caller.clone()
            });
        }
        for agent in self.agent.choices() {
            add(Principal {
                agent,
                ..caller.clone()
            });
        }
        for app in self.app.choices() {
            add(Principal {
                app,
                ..caller.clone()
            });
        }
        for tenant in self.tenant.choices() {
            add(Principal {
                tenant,
                ..caller.clone()
            });
        }
        for scope in &self.scopes {
            let mut without = caller.clone();
            without.scopes.remove(scope);
            add(without);
        }
    }

    fn lacks(&self, caller: &Principal) -> bool {
        let facts = [
            (&self.user, &caller.user),
            (&self.agent, &caller.agent),
            (&self.app, &caller.app),
            (&self.tenant, &caller.tenant),
        ];
        let unknown = |(names, fact): &(&Names, &Option<String>)| names.asked && fact.is_none();
        facts.iter().any(unknown) || !caller.scopes.is_superset(&self.scopes)
    }

    fn traits(&self, caller: &Principal) -> BTreeSet<String> {
        if *caller == Principal::default() {
            return BTreeSet::from(["nobody that is known".to_owned()]);
        }
        let roles = caller.roles.iter().map(|role| format!("role {role}"));
        let missing = self.scopes.difference(&caller.scopes);
        let missing = missing.map(|scope| format!("no scope {scope}"));
        let facts = [
            ("user", &self.user, &caller.user),
            ("agent", &self.agent, &caller.agent),
            ("app", &self.app, &caller.app),
            ("tenant", &self.tenant, &caller.tenant),
        ];
        let facts = facts
            .into_iter()
            .filter_map(|(fact, names, value)| match value {
                Some(name) if names.names.contains(name) => Some(format!("{fact} {name}")),
                None if names.asked => Some(format!("no {fact}")),
                Some(_) | None => None,
            });
        roles.chain(facts).chain(missing).collect()
    }
}

impl Names {
    fn add(&mut self, names: impl Iterator<Item = String>) {
        self.names.extend(names);
        self.asked |= !self.names.is_empty();
    }

    fn ask(&mut self, requirement: &Requirement) {
        match requirement {
            Requirement::None => {}
            Requirement::Known => self.asked = true,
            Requirement::OneOf(names) => self.add(names.iter().cloned()),
        }
    }

    /// What the fact may be: each name, another, and none.
    fn choices(&self) -> impl Iterator<Item = Option<String>> {
        let known = self.names.iter().cloned().map(Some);
        let others = [Some(SOMEBODY.to_owned()), None];
        known.chain(others).filter(|_| self.asked)
    }
}

fn first(requirement: &Requirement) -> Option<String> {
    match requirement {
        Requirement::None | Requirement::Known => None,
        Requirement::OneOf(names) => names.first().cloned(),
    }
}

/// A name that passes a test.
fn example(test: Test, constant: &str) -> Option<String> {
    match test {
        Test::Equal | Test::Holds | Test::Order | Test::Substring => Some(constant.to_owned()),
        Test::Prefix => Some(format!("{constant}{SOMEBODY}")),
        Test::Suffix => Some(format!("{SOMEBODY}{constant}")),
        Test::Pattern => matching(constant, 1),
        Test::Present => None,
    }
}

/// A name that no rule names.
const SOMEBODY: &str = "somebody";

/// Callers that are tried for one entry.
const MAX_CALLERS: usize = 128;
