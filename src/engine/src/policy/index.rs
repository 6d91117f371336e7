//! Which rules are about an entry, without trying every rule.

use std::collections::BTreeMap;

use crate::registry::{Entry, Kind, pattern::Patterns};

use super::rule::Rule;

/// Rules by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Index {
    tools: Filed,
    resources: Filed,
    prompts: Filed,
}

/// Rules about one kind of entry.
#[derive(Debug, Default)]
struct Filed {
    by_name: Patterns,
    by_server: BTreeMap<String, Vec<usize>>,
    /// Those that neither name nor server tells apart.
    others: Vec<usize>,
}

impl Index {
    /// Files `rule` under a name or pattern.
    pub(super) fn insert_name(&mut self, kind: Kind, name: &str, rule: &Rule) {
        self.filed_mut(kind).by_name.insert(name, rule.place);
    }

    /// Files a rule that names no names.
    pub(super) fn insert_any(&mut self, kind: Kind, rule: &Rule) {
        let filed = self.filed_mut(kind);
        match &rule.servers {
            Some(servers) => {
                for server in servers {
                    filed
                        .by_server
                        .entry(server.clone())
                        .or_default()
                        .push(rule.place);
                }
            }
            None => filed.others.push(rule.place),
        }
    }

    /// The places of all rules about `entry`, in order.
    pub(super) fn find(&self, entry: &Entry, rules: &[Rule]) -> Box<[usize]> {
        let filed = self.filed(entry.kind);
        let of_server = filed.by_server.get(&entry.server).into_iter().flatten();
        let mut places: Vec<usize> = filed
            .by_name
            .exact(&entry.name)
            .chain(filed.by_name.globs(&entry.name))
            .chain(of_server.copied())
            .chain(filed.others.iter().copied())
            .filter(|place| rules.get(*place).is_some_and(|rule| rule.selects(entry)))
            .collect();
        places.sort_unstable();
        places.dedup();
        places.into_boxed_slice()
    }

    const fn filed(&self, kind: Kind) -> &Filed {
        match kind {
            Kind::Tool => &self.tools,
            Kind::Resource => &self.resources,
            Kind::Prompt => &self.prompts,
        }
    }

    const fn filed_mut(&mut self, kind: Kind) -> &mut Filed {
        match kind {
            Kind::Tool => &mut self.tools,
            Kind::Resource => &mut self.resources,
            Kind::Prompt => &mut self.prompts,
        }
    }
}
