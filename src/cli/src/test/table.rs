//! A test file: a table of calls and what must come of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use engine::{
    config::{self, OneOrMany},
    cx::Timestamp,
    problem::Problem,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    inputs::Files,
    source::Source,
    trial::{Caller, Trial, no_time},
};

/// Tests of a policy: calls, and what must come of each.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["tests"]))]
pub(crate) struct Table {
    /// The registry files, relative to this file. By default the `registry.yaml` beside it.
    registry: Option<OneOrMany<String>>,
    /// The policy files, relative to this file. By default the one beside it that has its name:
    /// `policy.yaml` for `policy.test.yaml`.
    policy: Option<OneOrMany<String>>,
    /// When calls are made that do not say it themselves, as in RFC 3339. Without it, now.
    now: Option<String>,
    /// Callers by name, for the tests to refer to.
    pub(crate) callers: BTreeMap<String, Caller>,
    /// The tests.
    pub(crate) tests: Vec<Trial>,
}

impl Table {
    /// Reads a table as far as it can be read, with every problem that it has.
    pub(crate) fn read(source: &Source) -> (Self, Vec<Problem>) {
        let Value::Object(mut members) = source.value() else {
            let problem = Problem::new("", "a test file is an object with `tests`");
            return (Self::default(), vec![problem]);
        };
        // Item by item, so that what is wrong with one hides nothing of the others.
        let mut problems = Vec::new();
        let mut tests = Vec::new();
        let listed = take_if(&mut members, "tests", Value::is_array);
        for (place, item) in listed
            .iter()
            .filter_map(Value::as_array)
            .flatten()
            .enumerate()
        {
            let at = format!("tests[{place}]");
            let (test, found) = config::read::<Trial>(item, &at, &["name", "expect"]);
            // What was wrong is taken out: the rest of it is no test.
            if found.is_empty() {
                tests.extend(test.map(|test| Trial { at, ..test }));
            }
            problems.extend(found);
        }
        let mut names = BTreeSet::new();
        for test in &tests {
            if let Some(name) = test.name.as_ref().filter(|name| !names.insert(*name)) {
                let message = format!("another test is called `{name}`");
                problems.push(Problem::new(format!("{}.name", test.at), message));
            }
        }
        let mut callers = BTreeMap::new();
        let named = take_if(&mut members, "callers", Value::is_object);
        for (name, item) in named.iter().filter_map(Value::as_object).flatten() {
            let (caller, found) = config::read(item, &format!("callers.{name}"), &[]);
            callers.extend(caller.map(|caller| (name.clone(), caller)));
            problems.extend(found);
        }
        let required: &[_] = if listed.is_some() { &[] } else { &["tests"] };
        let (rest, found) = config::read::<Self>(&Value::Object(members), "", required);
        problems.extend(found);
        let table = Self {
            callers,
            tests,
            ..rest.unwrap_or_default()
        };
        (table, problems)
    }

    /// The files that a table at `path` is about.
    ///
    /// # Errors
    /// There are none.
    pub(crate) fn files(&self, path: &Path) -> Result<Files, Vec<Problem>> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.split(".test.").next().unwrap_or_default();
        let mut problems = Vec::new();
        let mut find = |member: &str, named: &Option<OneOrMany<String>>, stem: &str| {
            let Some(named) = named else {
                let beside =
                    ["yaml", "yml", "json"].map(|end| folder.join(format!("{stem}.{end}")));
                let found = beside.into_iter().find(|path| path.exists());
                if found.is_none() {
                    let message = format!("no `{stem}.yaml` beside this file");
                    let help = format!("name the files: `{member}: [..]`");
                    problems.push(Problem::new("", message).help(help));
                }
                return found.into_iter().collect::<Vec<_>>();
            };
            let paths: Vec<PathBuf> = named.iter().map(|name| folder.join(name)).collect();
            for (path, name) in paths
                .iter()
                .zip(named.iter())
                .filter(|(path, _)| !path.exists())
            {
                let message = format!("`{name}` is not there: no `{}`", path.display());
                problems.push(Problem::new(member, message));
            }
            paths
        };
        let files = Files {
            registry: find("registry", &self.registry, "registry"),
            policy: find("policy", &self.policy, stem),
            bundle: None,
        };
        if problems.is_empty() {
            Ok(files)
        } else {
            Err(problems)
        }
    }

    /// When calls are made that do not say it themselves.
    ///
    /// # Errors
    /// What is written is no time.
    pub(crate) fn now(&self, present: Timestamp) -> Result<Timestamp, Problem> {
        match &self.now {
            None => Ok(present),
            Some(text) => Timestamp::parse(text).ok_or_else(|| no_time("now", text)),
        }
    }
}

/// The JSON Schema of a test file.
pub(crate) fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Table>();
    schema.insert("title".to_owned(), "Toolgate tests".into());
    schema.to_value()
}

/// Takes a member out of an object, if it has the right shape.
fn take_if(
    members: &mut Map<String, Value>,
    name: &str,
    right: impl Fn(&Value) -> bool,
) -> Option<Value> {
    members
        .get(name)
        .is_some_and(right)
        .then(|| members.remove(name))?
}
