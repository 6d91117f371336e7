//! Rules as they are written into rules as they are run.

mod asks;
mod ratelimit;
mod redact;

use std::collections::BTreeSet;

use super::{
    index::Index,
    rule::{Attributes, Requirement, Rule},
};
use crate::{
    condition::{self, Condition},
    config::{self, Effect, Mode, OneOrMany, Presence, Require, Selector, When},
    problem::{Problem, closest},
    registry::{Kind, Registry, limits::Limits, pattern::Glob},
};

pub(super) use redact::Forms;

/// What the rules of a policy are there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// They decide, and nothing is tried in their place.
    Alone,
    /// They decide, and others are tried in their place.
    Live,
    /// They are tried.
    Shadow,
}

/// Rules in the making.
pub(super) struct Lowering<'r> {
    registry: &'r Registry,
    environment: Option<&'r str>,
    ids: BTreeSet<String>,
    role: Role,
    /// How many rules came before those of the present policy.
    before: usize,
    limits: Limits,
    forms: Forms,
    pub(super) rules: Vec<Rule>,
    pub(super) index: Index,
    pub(super) problems: Vec<Problem>,
}

impl<'r> Lowering<'r> {
    pub(super) fn new(
        registry: &'r Registry,
        environment: Option<&'r str>,
        limits: Limits,
        problems: Vec<Problem>,
    ) -> Self {
        Self {
            registry,
            environment,
            ids: BTreeSet::new(),
            role: Role::Alone,
            before: 0,
            limits,
            forms: Forms::default(),
            rules: Vec::new(),
            index: Index::default(),
            problems,
        }
    }

    /// The rules of one policy. Their ids and limits are their own: a policy that is tried in the place
    /// of another mostly has the same.
    pub(super) fn rules(&mut self, rules: Vec<config::Rule>, role: Role) {
        self.ids.clear();
        if role == Role::Shadow {
            self.limits = Limits::default();
        }
        self.role = role;
        self.before = self.rules.len();
        for rule in rules {
            self.rule(rule);
        }
    }

    fn rule(&mut self, written: config::Rule) {
        let at = written.at.clone();
        let place = self.rules.len();
        let id = written
            .id
            .clone()
            .unwrap_or_else(|| format!("rule-{}", place - self.before + 1));
        if !self.ids.insert(id.clone()) {
            self.wrong(&at, "id", format!("another rule has the id `{id}`"));
        }
        let effect = self.effect(&at, &written);
        let require = self.require(&at, &written);
        let selectors = self.selectors(&at, &written);
        if written.approver_role.is_some() && written.requires_user_confirmation {
            let message = "either somebody with `approver_role` approves, or the user confirms";
            self.wrong(&at, "approver_role", message);
        }
        let (approvals, wait, expires) = self.asks(&at, effect, &written);
        if effect == Effect::Deny && !written.limits.is_empty() {
            self.wrong(&at, "limits", "the rule denies: there is nothing to limit");
        }
        let limits = self
            .limits
            .lower(written.limits, &id, &at, &mut self.problems);
        let redactions = self.redactions(&at, effect, written.redact, written.audit);
        let environments = self.list(&at, "environments", written.environments.as_ref());
        if environments.is_some() && self.environment.is_none() {
            let message = "the policy does not say its `environment`, so this never matches";
            self.wrong(&at, "environments", message);
        }
        let servers = self.list(&at, "server", written.server.as_ref());
        self.servers(&at, "server", servers.as_ref());
        let tenants = self.list(&at, "tenants", written.tenants.as_ref());
        let enforced = written.mode == Mode::Enforce;
        let when = written.when.and_then(|when| self.condition(&at, when));
        let mut rule = Rule {
            place,
            id,
            live: enforced && self.role != Role::Shadow,
            shadow: !enforced || self.role != Role::Live,
            effect,
            confirmed_by_user: written.requires_user_confirmation,
            approver_role: written.approver_role,
            approvals,
            wait,
            expires,
            limits,
            redactions,
            reason: written.reason,
            servers,
            attributes: Vec::new(),
            tenants,
            environments,
            reads_tool: when.as_ref().is_some_and(|when| when.reads("tool")),
            when,
            at,
            ..self.whom(require)
        };
        for (kind, field, selector) in &selectors {
            self.file(&mut rule, *kind, field, selector.as_ref());
        }
        self.rules.push(rule);
    }

    /// A rule that is about nothing, for whom it matches.
    pub(super) fn whom(&mut self, require: Require) -> Rule {
        let at = require.at;
        Rule {
            user: self.requirement(&at, "user", require.user),
            agent: self.requirement(&at, "agent", require.agent),
            app: self.requirement(&at, "app", require.app),
            tenant: self.requirement(&at, "tenant", require.tenant),
            roles: self.list(&at, "roles", require.roles.as_ref()),
            scopes: self
                .list(&at, "scopes", require.scopes.as_ref())
                .into_iter()
                .flatten()
                .collect(),
            at,
            ..Rule::default()
        }
    }

    fn wrong(&mut self, at: &str, field: &str, message: impl Into<String>) {
        self.problems
            .push(Problem::new(format!("{at}.{field}"), message));
    }

    fn effect(&mut self, at: &str, written: &config::Rule) -> Effect {
        let effect = match (written.decision, written.action) {
            (Some(_), Some(_)) => {
                self.wrong(
                    at,
                    "action",
                    "it is another name of `decision`: write one of them",
                );
                Effect::Deny
            }
            (Some(effect), None) | (None, Some(effect)) => effect,
            (None, None) if written.requires_user_confirmation => Effect::ApprovalRequired,
            (None, None) => {
                let help = "`allow`, `approval_required` or `deny`";
                self.problems
                    .push(Problem::new(at, "missing field `decision`").help(help));
                Effect::Deny
            }
        };
        if written.requires_user_confirmation {
            return effect.max(Effect::ApprovalRequired);
        }
        effect
    }

    fn require(&mut self, at: &str, written: &config::Rule) -> Require {
        let mut require = written.require.clone().unwrap_or_default();
        if require.roles.is_some() && written.allowed_roles.is_some() {
            let message = "it is short for `require.roles`: write one of them";
            self.wrong(at, "allowed_roles", message);
        }
        require.roles = require.roles.or_else(|| written.allowed_roles.clone());
        require.at = format!("{at}.require");
        require
    }

    /// What the rule is about, by kind; `None` stands for everything of that kind.
    fn selectors(
        &mut self,
        at: &str,
        written: &config::Rule,
    ) -> Vec<(Kind, &'static str, Option<Selector>)> {
        let tool = written
            .tool
            .clone()
            .map(|name| Selector::Names(OneOrMany::One(name)));
        if tool.is_some() && written.tools.is_some() {
            self.wrong(at, "tool", "it is short for `tools`: write one of them");
        }
        let field = if tool.is_some() { "tool" } else { "tools" };
        let all = [
            (Kind::Tool, field, tool.or_else(|| written.tools.clone())),
            (Kind::Resource, "resources", written.resources.clone()),
            (Kind::Prompt, "prompts", written.prompts.clone()),
        ];
        let said = all.iter().any(|(_, _, selector)| selector.is_some());
        if !said && written.server.is_none() {
            let message = "the rule does not say what it is about";
            let help =
                "name `tools`, `resources`, `prompts` or a `server`; `tools: \"*\"` is every tool";
            self.problems.push(Problem::new(at, message).help(help));
        }
        all.into_iter()
            .filter(|(_, _, selector)| selector.is_some() == said)
            .collect()
    }

    /// Files the rule under what it is about.
    fn file(&mut self, rule: &mut Rule, kind: Kind, field: &str, selector: Option<&Selector>) {
        let at = rule.at.clone();
        let names = match selector {
            None => None,
            Some(Selector::Names(names)) => Some((field.to_owned(), names)),
            Some(Selector::Attributes(wanted)) => {
                let path = |name: &str| format!("{field}.{name}");
                let servers = self.list(&at, &path("server"), wanted.server.as_ref());
                self.servers(&at, &path("server"), servers.as_ref());
                let classes = wanted.data_classification.as_ref();
                let attributes = Attributes {
                    servers,
                    risk_tiers: self.list(&at, &path("riskTier"), wanted.risk_tier.as_ref()),
                    access: self.list(&at, &path("access"), wanted.access.as_ref()),
                    data_classifications: self.list(&at, &path("dataClassification"), classes),
                };
                rule.attributes.push((kind, attributes));
                wanted.name.as_ref().map(|names| (path("name"), names))
            }
        };
        let Some((field, names)) = names else {
            return self.index.insert_any(kind, rule);
        };
        for name in self.list(&at, &field, Some(names)).into_iter().flatten() {
            self.known(&at, &field, kind, &name);
            self.index.insert_name(kind, &name, rule);
        }
    }

    /// Tells a name that nothing registered has.
    fn known(&mut self, at: &str, field: &str, kind: Kind, name: &str) {
        let registry = self.registry;
        let known = match kind {
            Kind::Tool => registry.tool(name).is_some(),
            Kind::Prompt => registry.prompt(name).is_some(),
            Kind::Resource => registry.has_resource(name),
        };
        if known || Glob::is_glob(name) {
            return;
        }
        let mut problem = Problem::new(
            format!("{at}.{field}"),
            format!("no {} `{name}` is registered", kind.as_str()),
        );
        let same = || registry.entries().filter(move |entry| entry.kind == kind);
        if self.problems.len() < MAX_ADVICE {
            let renamed = same().find(|entry| entry.backend_name == name);
            let near = || closest(name, same().map(|entry| entry.name.as_str()));
            if let Some(entry) = renamed {
                let (server, name) = (&entry.server, &entry.name);
                problem = problem.help(format!(
                    "server `{server}` calls it that; here it is `{name}`"
                ));
            } else if let Some(near) = near() {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
        }
        self.problems.push(problem);
    }

    fn servers(&mut self, at: &str, field: &str, servers: Option<&BTreeSet<String>>) {
        for id in servers.into_iter().flatten() {
            if self.registry.server(id).is_some() {
                continue;
            }
            let message = format!("no server `{id}` is declared");
            let near = closest(id, self.registry.servers().map(|server| server.id.as_str()));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            self.problems.push(Problem {
                help,
                ..Problem::new(format!("{at}.{field}"), message)
            });
        }
    }

    fn requirement(&mut self, at: &str, field: &str, wanted: Option<Presence>) -> Requirement {
        match wanted {
            None | Some(Presence::Known(false)) => Requirement::None,
            Some(Presence::Known(true)) => Requirement::Known,
            Some(Presence::OneOf(names)) => {
                Requirement::OneOf(self.list(at, field, Some(&names)).unwrap_or_default())
            }
        }
    }

    fn condition(&mut self, at: &str, when: When) -> Option<Condition> {
        let at = format!("{at}.when");
        let source = match when {
            When::Cel(source) => Ok(source),
            When::Short(map) => condition::from_short_form(&map),
        };
        match source.and_then(|source| Condition::compile(&source).map_err(|problem| vec![problem]))
        {
            Ok(condition) => Some(condition),
            Err(problems) => {
                self.problems
                    .extend(problems.into_iter().map(|problem| problem.below(&at)));
                None
            }
        }
    }

    /// A list as a set; a list of nothing is a mistake, since it matches nothing.
    fn list<T: Clone + Ord>(
        &mut self,
        at: &str,
        field: &str,
        list: Option<&OneOrMany<T>>,
    ) -> Option<BTreeSet<T>> {
        let list = list?;
        if list.as_slice().is_empty() {
            self.wrong(at, field, "an empty list matches nothing");
        }
        Some(list.iter().cloned().collect())
    }
}

/// Problems that are looked at for advice: each costs a look at everything registered.
const MAX_ADVICE: usize = 50;
