//! The call that is asked about: from options, from a file, from a test.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context as _, anyhow, bail};
use engine::{
    config::{self, OneOrMany},
    cx::Timestamp,
    json::Doc,
    problem::{Problem, closest},
};
use serde_json::{Map, Value};

use crate::{
    inputs::{Files, Loaded},
    report::{Finding, Findings},
    source::Source,
    test::table::Table,
    trial::{Caller, Request, Setting, Trial, Who, present},
};

/// What is asked about, and under which files.
pub(super) struct Question {
    about: About,
    files: Files,
}

enum About {
    /// A call that a person wrote.
    Trial {
        trial: Box<Trial>,
        callers: BTreeMap<String, Caller>,
        now: Timestamp,
        /// The file that holds it.
        source: Option<Source>,
    },
    /// A call of the past.
    Record(Value),
}

/// A call, and the configuration that it is made under.
pub(super) struct Asked {
    pub(super) loaded: Loaded,
    pub(super) call: Asking,
}

/// A call that is asked about.
pub(super) enum Asking {
    /// One that is made.
    Request(Box<Request>),
    /// One of the past, by its record.
    Record(Value),
}

impl Question {
    /// Loads what is asked about.
    ///
    /// # Errors
    /// A file cannot be read. What does not make sense is the inner result's.
    pub(super) fn ask(self) -> anyhow::Result<Result<Asked, Findings>> {
        let loaded = match self.files.load()? {
            Ok(loaded) => loaded,
            Err(findings) => return Ok(Err(findings)),
        };
        let call = match self.about {
            About::Record(record) => Asking::Record(record),
            About::Trial {
                trial,
                callers,
                now,
                source,
            } => {
                let setting = Setting {
                    callers: &callers,
                    now,
                };
                match (trial.request(&loaded.policy, &setting), source) {
                    (Ok(request), _) => Asking::Request(Box::new(request)),
                    (Err(problems), Some(source)) => {
                        return Ok(Err(Findings::of(source, problems)));
                    }
                    (Err(problems), None) => {
                        let problems = problems.into_iter().map(as_option).collect();
                        return Ok(Err(Findings::unplaced(problems)));
                    }
                }
            }
        };
        Ok(Ok(Asked { loaded, call }))
    }
}

/// A call as options say it.
#[derive(clap::Args)]
#[command(next_help_heading = "The call")]
pub(super) struct Written {
    /// The tool that is called.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// The resource that is read.
    #[arg(long, value_name = "URI")]
    read: Option<String>,
    /// The prompt that is fetched.
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// Its arguments as a JSON object, or `@` and a file that holds them.
    #[arg(long, value_name = "JSON|@FILE")]
    args: Option<String>,
    /// Its `_meta`, in the same way.
    #[arg(long, value_name = "JSON|@FILE")]
    meta: Option<String>,
    /// The user who calls.
    #[arg(long)]
    user: Option<String>,
    /// The agent that calls.
    #[arg(long)]
    agent: Option<String>,
    /// The agent's application.
    #[arg(long)]
    app: Option<String>,
    /// The tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// A role of the user; may be repeated.
    #[arg(long)]
    role: Vec<String>,
    /// A scope of the token; may be repeated.
    #[arg(long)]
    scope: Vec<String>,
    /// `Mcp-Session-Id`.
    #[arg(long)]
    session: Option<String>,
    /// When, as in RFC 3339; now by default.
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// The server, where the registry leaves it open.
    #[arg(long)]
    server: Option<String>,
}

impl Written {
    /// The call as it is written.
    ///
    /// # Errors
    /// An option is no JSON object, or names a file that holds none.
    pub(super) fn question(&self, files: Files) -> anyhow::Result<Question> {
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| OneOrMany::Many(list.clone()));
        let caller = Caller {
            user: self.user.clone(),
            agent: self.agent.clone(),
            app: self.app.clone(),
            tenant: self.tenant.clone(),
            roles: list(&self.role),
            scopes: list(&self.scope),
        };
        let trial = Trial {
            caller: (caller != Caller::default()).then_some(Who::Facts(caller)),
            call: self.tool.clone(),
            read: self.read.clone(),
            prompt: self.prompt.clone(),
            arguments: object("--args", self.args.as_deref())?,
            meta: object("--meta", self.meta.as_deref())?,
            session: self.session.clone(),
            now: self.now.clone(),
            server: self.server.clone(),
            ..Trial::default()
        };
        Ok(Question {
            about: About::Trial {
                trial: Box::new(trial),
                callers: BTreeMap::new(),
                now: present(),
                source: None,
            },
            files,
        })
    }
}

/// The one call in a file.
pub(super) fn from_file(path: &Path, files: Files) -> anyhow::Result<Result<Question, Findings>> {
    let source = match sound(path)? {
        Ok(source) => source,
        Err(findings) => return Ok(Err(findings)),
    };
    let (trial, problems) = config::read(&source.value(), "", &[]);
    Ok(match trial.filter(|_| problems.is_empty()) {
        None => Err(Findings::of(source, problems)),
        Some(trial) => Ok(Question {
            about: About::Trial {
                trial: Box::new(trial),
                callers: BTreeMap::new(),
                now: present(),
                source: Some(source),
            },
            files,
        }),
    })
}

/// The call of a test: `FILE#NAME`.
pub(super) fn from_test(named: &str) -> anyhow::Result<Result<Question, Findings>> {
    let Some((file, name)) = named.split_once('#') else {
        bail!("`{named}` names no test: write `FILE#NAME`");
    };
    let path = Path::new(file);
    let source = match sound(path)? {
        Ok(source) => source,
        Err(findings) => return Ok(Err(findings)),
    };
    let (mut table, mut problems) = Table::read(&source);
    let now = table.now(present());
    let files = table.files(path);
    let (Ok(now), Ok(files)) = (&now, &files) else {
        problems.extend(files.err().into_iter().flatten().chain(now.err()));
        return Ok(Err(Findings::of(source, problems)));
    };
    if !problems.is_empty() {
        return Ok(Err(Findings::of(source, problems)));
    }
    let called = |test: &Trial| test.name.as_deref() == Some(name);
    let Some(place) = table.tests.iter().position(called) else {
        let names = table.tests.iter().filter_map(|test| test.name.as_deref());
        let near = closest(name, names).map(|near| format!("; did you mean `{near}`?"));
        bail!(
            "no test in `{file}` is called `{name}`{}",
            near.unwrap_or_default()
        );
    };
    Ok(Ok(Question {
        about: About::Trial {
            trial: Box::new(table.tests.swap_remove(place)),
            callers: table.callers,
            now: *now,
            source: Some(source),
        },
        files: files.clone(),
    }))
}

/// One audit record: bare, or as a member of an access log's line.
pub(super) fn from_record(path: &Path, files: Files) -> anyhow::Result<Question> {
    let name = path.display();
    let text = match path.as_os_str().as_encoded_bytes() {
        b"-" => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(path),
    };
    let text = text.with_context(|| format!("cannot read `{name}`"))?;
    let value: Value = serde_json::from_str(&text)
        .with_context(|| format!("`{name}` does not hold one audit record as JSON"))?;
    let is_record = |value: &&Value| value.get("decision").is_some_and(Value::is_string);
    let members = value.as_object().into_iter().flat_map(Map::values);
    let record = [&value].into_iter().chain(members).find(is_record);
    let record = record.with_context(|| format!("`{name}` holds no audit record"))?;
    Ok(Question {
        about: About::Record(record.clone()),
        files,
    })
}

/// A file that is well-formed.
fn sound(path: &Path) -> anyhow::Result<Result<Source, Findings>> {
    let (source, malformed) = Source::read(path)?;
    Ok(match malformed {
        None => Ok(source),
        Some(malformed) => Err(Findings {
            sources: vec![source],
            list: vec![Finding {
                source: Some(0),
                ..malformed
            }],
        }),
    })
}

/// An object that an option holds, as JSON or in a file.
fn object(option: &str, text: Option<&str>) -> anyhow::Result<Option<Map<String, Value>>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let value = match text.strip_prefix('@') {
        Some(file) => {
            let (source, malformed) = Source::read(Path::new(file))?;
            if let Some(malformed) = malformed {
                bail!("`{file}`: {}", malformed.problem.message);
            }
            source.value()
        }
        None => Doc::parse(text.as_bytes().to_vec())
            .map_err(|(fault, _)| anyhow!("{option} is not JSON: {fault}"))?
            .root()
            .to_value(),
    };
    match value {
        Value::Object(members) => Ok(Some(members)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            bail!("{option} is no object: write `{{ .. }}`, or `@` and a file that holds one")
        }
    }
}

/// A problem of a member as one of the option that stands for it.
fn as_option(problem: Problem) -> Problem {
    let member = problem.path.rsplit('.').next().unwrap_or_default();
    let option = match member {
        "call" => "tool",
        "arguments" => "args",
        "roles" => "role",
        "scopes" => "scope",
        other => other,
    };
    Problem {
        path: format!("--{option}"),
        ..problem
    }
}

/// The options that tell a call.
pub(super) const WRITTEN: [&str; 11] = [
    "args", "meta", "user", "agent", "app", "tenant", "role", "scope", "session", "now", "server",
];
