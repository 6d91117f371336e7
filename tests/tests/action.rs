//! The GitHub Action: its own steps, as a runner runs them, over a repository and a pull request.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::tools;

/// A repository with the sample policies, the remote that it was cloned from, and a runner's files.
struct Checkout {
    folder: PathBuf,
}

impl Checkout {
    fn new() -> Self {
        let name = format!("toolgate-action-{}", std::process::id());
        let checkout = Self {
            folder: std::env::temp_dir().join(name),
        };
        fs::create_dir_all(&checkout.folder).expect("a folder");
        let root = tools::root().canonicalize().expect("the project");
        checkout.shell(&format!(
            "mkdir -p repository/envoy bin
             cp -r {root}/policies repository/ && cp -r {root}/envoy/issuer repository/envoy/
             ln -s {toolgate} bin/toolgate
             cd repository
             git init --quiet --initial-branch main
             git -c user.name=a -c user.email=a@example.com add .
             git -c user.name=a -c user.email=a@example.com commit --quiet --message all
             git clone --quiet --bare . ../remote.git
             git remote add origin ../remote.git",
            root = root.display(),
            toolgate = tools::toolgate().canonicalize().expect("built").display(),
        ));
        checkout
    }

    fn shell(&self, script: &str) {
        let status = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.folder)
            .status()
            .expect("bash");
        assert!(status.success(), "{script}");
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.join("repository").join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file} lacks {from}");
        fs::write(path, text.replace(from, to)).expect("written");
    }

    /// Runs the steps after the installation: by name, the exit status and what was said.
    fn run(&self) -> BTreeMap<String, (i32, String)> {
        let action = read(&tools::root().join("action.yml"));
        let mut inputs: BTreeMap<String, String> = action["inputs"]
            .as_object()
            .expect("inputs")
            .iter()
            .map(|(name, input)| (name.clone(), text(&input["default"])))
            .collect();
        inputs.insert("base".into(), "main".into());
        let policy = "policies/policy.yaml policies/identity.yaml";
        inputs.insert("policy".into(), policy.into());
        inputs.insert("sarif".into(), "../lint.sarif".into());
        let steps = action["runs"]["steps"].as_array().expect("steps");
        steps
            .iter()
            .filter(|step| step["name"] != "Install")
            .map(|step| (text(&step["name"]), self.step(step, &inputs)))
            .collect()
    }

    fn step(&self, step: &Value, inputs: &BTreeMap<String, String>) -> (i32, String) {
        let path = format!(
            "{}:{}",
            self.folder.join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut bash = Command::new("bash");
        // As GitHub's runner calls it.
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
            .arg(text(&step["run"]))
            .current_dir(self.folder.join("repository"))
            .env("PATH", path)
            .env("GITHUB_STEP_SUMMARY", self.folder.join("summary.md"));
        for (name, value) in step["env"].as_object().expect("env") {
            let value = text(value);
            let input = value
                .strip_prefix("${{ inputs.")
                .and_then(|rest| rest.strip_suffix(" }}"))
                .expect("only inputs");
            bash.env(name, &inputs[input]);
        }
        let output = bash.output().expect("bash");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        (output.status.code().expect("an exit"), said)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file");
    serde_saphyr::from_str(&text).expect("YAML")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn its_steps_pass_what_is_good_and_stop_what_is_not() {
    let checkout = Checkout::new();
    for (step, (status, said)) in checkout.run() {
        assert_eq!(status, 0, "{step}: {said}");
    }
    let sarif = fs::read_to_string(checkout.folder.join("lint.sarif")).expect("a file");
    let sarif: Value = serde_json::from_str(&sarif).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");

    // Nobody approves large refunds any more, and everybody may see everything.
    checkout.edit(
        "policies/policy.yaml",
        "  when: args.amount > 100\n  decision: approval_required\n",
        "  when: args.amount > 100\n  decision: allow\n",
    );
    checkout.edit(
        "policies/policy.yaml",
        "  tools: { server: crm, access: read }\n  require: { user: true, roles: [support_agent, support_manager] }\n",
        "  tools: { server: crm, access: read }\n  when: \"tool.riskTier == 'extreme'\"\n",
    );
    let steps = checkout.run();
    let check = |step: &str, words: &[&str]| {
        let (status, said) = &steps[step];
        assert_eq!(*status, 1, "{step}: {said}");
        for words in words {
            assert!(said.contains(words), "{step}: no `{words}` in {said}");
        }
    };
    check(
        "Lint",
        &[
            "::error file=policies/policy.yaml,line=",
            "condition-never-true",
        ],
    );
    check("Test", &["::error file=policies/policy.test.yaml,line="]);
    check(
        "Compare",
        &["refund_customer", "wider", "by finance_approver -> allow"],
    );
    let summary = fs::read_to_string(checkout.folder.join("summary.md")).expect("a file");
    assert!(
        summary.contains("by finance_approver -> allow"),
        "{summary}"
    );
}
