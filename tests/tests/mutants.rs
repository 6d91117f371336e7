//! Mistakes in the sample policies, one at a time: `lint`, `test` or `diff` has to see nearly all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use tests::mutation::mutants;
use tests::tools;

/// A policy with its registry and its tests.
struct Sample {
    tests: PathBuf,
    registries: Vec<PathBuf>,
    policies: Vec<PathBuf>,
}

/// One mutant, ready to be looked at.
struct Job {
    sample: usize,
    /// The file that is changed.
    file: PathBuf,
    what: String,
    document: Value,
}

#[test]
fn mistakes_are_seen() {
    let samples = samples(&tools::root().join("policies"));
    let lints: Vec<_> = samples
        .iter()
        .map(|s| lint(&s.registries, &s.policies))
        .collect();
    let mut jobs = Vec::new();
    let mut seen = BTreeMap::new();
    for (sample, of) in samples.iter().enumerate() {
        for file in of.registries.iter().chain(&of.policies) {
            // A registry that two policies share is one registry.
            if seen.insert(file.clone(), sample).is_some() {
                continue;
            }
            jobs.extend(mutants(&read(file)).into_iter().map(|mutant| Job {
                sample,
                file: file.clone(),
                what: mutant.what,
                document: mutant.document,
            }));
        }
    }
    let total = jobs.len();
    let (queue, found) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for worker in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (queue, found, samples, lints) = (&queue, &found, &samples, &lints);
            scope.spawn(move || {
                let name = format!("toolgate-mutants-{}-{worker}", std::process::id());
                let folder = std::env::temp_dir().join(name);
                fs::create_dir_all(&folder).expect("a folder");
                loop {
                    let Some(job) = queue.lock().expect("no panic").pop() else {
                        break;
                    };
                    let caught = look(&job, &samples[job.sample], &lints[job.sample], &folder);
                    found.lock().expect("no panic").push((job, caught));
                }
                let _ = fs::remove_dir_all(&folder);
            });
        }
    });
    let found = found.into_inner().expect("no panic");
    report(&samples, &found);
    let caught = found
        .iter()
        .filter(|(_, caught)| caught.contains(&true))
        .count();
    assert!(total >= 200, "{total} mutants");
    assert!(caught * 100 >= total * 95, "{caught} of {total} are seen");
}

/// Whether loading, `lint`, `test` and `diff` see it.
fn look(job: &Job, sample: &Sample, lints: &[String], folder: &Path) -> [bool; 4] {
    let mutant = folder.join("mutant.json");
    fs::write(&mutant, job.document.to_string()).expect("written");
    let put = |files: &[PathBuf]| -> Vec<PathBuf> {
        let put = |file: &PathBuf| {
            if *file == job.file {
                mutant.clone()
            } else {
                file.clone()
            }
        };
        files.iter().map(put).collect()
    };
    let (registries, policies) = (put(&sample.registries), put(&sample.policies));
    let mut diff = toolgate("diff");
    diff.arg("--from-registry").args(&sample.registries);
    diff.arg("--from-policy").args(&sample.policies);
    diff.arg("-r").args(&registries).arg("-p").args(&policies);
    let diff = code(&diff.output());
    if diff == 2 {
        return [true, false, false, false];
    }
    let mut table = read(&sample.tests);
    table["registry"] = json!(registries);
    table["policy"] = json!(policies);
    let tests = folder.join("mutant.test.json");
    fs::write(&tests, table.to_string()).expect("written");
    let test = code(&toolgate("test").arg(&tests).output());
    let new = lint(&registries, &policies)
        .iter()
        .any(|finding| !lints.contains(finding));
    [false, new, test == 1, diff == 1]
}

/// What `lint` finds: everything but the places.
fn lint(registries: &[PathBuf], policies: &[PathBuf]) -> Vec<String> {
    let mut lint = toolgate("lint");
    lint.args(["--format", "json", "-r"])
        .args(registries)
        .arg("-p")
        .args(policies);
    let output = lint.output().expect("run");
    let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let text = |finding: &Value| format!("{} {}", finding["code"], finding["message"]);
    list.as_array().into_iter().flatten().map(text).collect()
}

fn toolgate(command: &str) -> Command {
    let mut toolgate = Command::new(tools::toolgate());
    toolgate.arg(command).stdin(Stdio::null());
    toolgate
}

#[track_caller]
fn code(output: &std::io::Result<Output>) -> i32 {
    let output = output.as_ref().expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    output.status.code().expect("an exit code")
}

/// Every policy that has tests beside it.
fn samples(folder: &Path) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("the samples")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            samples.extend(self::samples(&path));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = name.strip_suffix(".test.yaml") else {
            continue;
        };
        let table = read(&path);
        let files = |key: &str, default: String| -> Vec<PathBuf> {
            let named = match table.get(key) {
                Some(Value::Array(names)) => names.clone(),
                Some(one) => vec![one.clone()],
                None => vec![json!(default)],
            };
            let place = |name: &Value| folder.join(name.as_str().expect("a file's name"));
            named.iter().map(place).collect()
        };
        samples.push(Sample {
            registries: files("registry", "registry.yaml".to_owned()),
            policies: files("policy", format!("{name}.yaml")),
            tests: path.clone(),
        });
    }
    samples
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a readable file");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Tells, past the capture of passing tests, what was seen by what, and what by nothing.
fn report(samples: &[Sample], found: &[(Job, [bool; 4])]) {
    let mut to = stderr().lock();
    let count = |place: usize| found.iter().filter(|(_, caught)| caught[place]).count();
    let caught = found
        .iter()
        .filter(|(_, caught)| caught.contains(&true))
        .count();
    let _ = writeln!(
        to,
        "mutants: {} made of {} samples, {caught} seen: {} do not load, {} by lint, {} by test, {} by diff",
        found.len(),
        samples.len(),
        count(0),
        count(1),
        count(2),
        count(3),
    );
    let survivors = found.iter().filter(|(_, caught)| !caught.contains(&true));
    for (job, _) in survivors {
        let file = job.file.strip_prefix(tools::root()).unwrap_or(&job.file);
        let _ = writeln!(to, "  survived: {}: {}", file.display(), job.what);
    }
}
