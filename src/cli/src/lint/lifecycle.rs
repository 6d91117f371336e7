//! Tools that go, and what still speaks of them.

use engine::{
    config::{Effect, OneOrMany, Selector},
    problem::Problem,
    registry::Entry,
};

use super::{Lint, Review};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[
    &PAST_SUNSET,
    &RULE_FOR_PAST_TOOL,
    &WITHOUT_PLAN,
    &UNKNOWN_REPLACEMENT,
];

const PAST_SUNSET: Lint = Lint {
    code: "past-sunset",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/past-sunset.md"),
};

const RULE_FOR_PAST_TOOL: Lint = Lint {
    code: "rule-for-past-tool",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/rule-for-past-tool.md"),
};

const WITHOUT_PLAN: Lint = Lint {
    code: "deprecated-without-plan",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/deprecated-without-plan.md"),
};

const UNKNOWN_REPLACEMENT: Lint = Lint {
    code: "unknown-replacement",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unknown-replacement.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let loaded = review.loaded;
    let registry = loaded.policy.registry();
    for tool in &loaded.config.registry.tools {
        let (name, Some(deprecated)) = (&tool.name, &tool.deprecated) else {
            continue;
        };
        let Some(entry) = registry.tool(name) else {
            continue;
        };
        let at = format!("{}.deprecated", loaded.policy.place_of(entry));
        if entry.sunset.is_some_and(|sunset| sunset <= review.now) {
            let message = format!("the sunset of `{name}` has passed: it does not exist any more");
            let help = "take it out, or move its sunset";
            let problem = Problem::new(format!("{at}.sunset"), message).help(help);
            review.tell(&PAST_SUNSET, problem);
            named(review, entry);
        }
        let missing = [
            (deprecated.sunset.is_none(), "when it goes: `sunset`"),
            (
                deprecated.replacement.is_none(),
                "what takes its place: `replacement`",
            ),
        ];
        for (_, what) in missing.into_iter().filter(|(missing, _)| *missing) {
            let message = format!("`{name}` is deprecated, and nothing says {what}");
            review.tell(&WITHOUT_PLAN, Problem::new(&at, message));
        }
        if let Some(other) = &deprecated.replacement {
            let message = match registry.tool(other) {
                None => format!("no tool `{other}` is registered to take the place of `{name}`"),
                Some(other_entry) if other_entry.sunset.is_some() => {
                    format!("`{other}`, which takes the place of `{name}`, goes as well")
                }
                Some(_) => continue,
            };
            review.tell(
                &UNKNOWN_REPLACEMENT,
                Problem::new(format!("{at}.replacement"), message),
            );
        }
    }
}

/// Rules that let an entry through by its name.
fn named(review: &mut Review<'_>, entry: &Entry) {
    let loaded = review.loaded;
    for rule in loaded.policy.about(entry) {
        let shadow = loaded.config.shadow.iter().flat_map(|policy| &policy.rules);
        let mut all = loaded.config.policy.rules.iter().chain(shadow);
        let Some(written) = all.nth(rule.place) else {
            continue;
        };
        let names: &[String] = match &written.tools {
            Some(Selector::Names(names)) => OneOrMany::as_slice(names),
            Some(Selector::Attributes(_)) | None => &[],
        };
        let field = match names.iter().position(|name| *name == entry.name) {
            Some(place) => format!("tools[{place}]"),
            None if written.tool.as_ref() == Some(&entry.name) => "tool".to_owned(),
            None => continue,
        };
        if rule.effect != Effect::Deny {
            let message = format!(
                "the sunset of `{}` has passed: nobody may use it",
                entry.name
            );
            let path = format!("{}.{field}", rule.at);
            let problem = Problem::new(path, message).help("take it out of the rule");
            review.tell(&RULE_FOR_PAST_TOOL, problem);
        }
    }
}
