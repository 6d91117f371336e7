use std::{env, fs};

use super::*;

#[track_caller]
fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(identity).args(arguments);
    let output = git.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn files_are_at_their_commit_or_changed_since_or_nowhere() {
    let folder = env::temp_dir().join(format!("toolgate-commit-{}", std::process::id()));
    let inside = folder.join("work");
    fs::create_dir_all(&inside).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let [one, two, other, outside] =
        ["work/one", "work/two", "work/other", "outside"].map(|name| write(name, "1"));
    let dirty = |files: &[&PathBuf]| {
        commit(files.iter().map(|path| path.as_path())).map(|commit| commit.dirty)
    };

    assert_eq!(dirty(&[&one]), None);
    git(&inside, &["init", "-q"]);
    assert_eq!(dirty(&[&one]), None);
    git(&inside, &["add", "one", "two"]);
    git(&inside, &["commit", "-q", "-m", "m"]);
    let id = commit([one.as_path()].into_iter()).unwrap().id;
    assert!(id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));

    for (files, expected) in [
        (vec![&one, &two], Some(false)),
        (vec![&one, &other], Some(true)),
        (vec![&one, &outside], None),
        (vec![&outside], None),
        (vec![], None),
    ] {
        assert_eq!(dirty(&files), expected, "{files:?}");
    }
    write("work/two", "2");
    assert_eq!(dirty(&[&one]), Some(false));
    assert_eq!(dirty(&[&one, &two]), Some(true));
    fs::remove_dir_all(folder).unwrap();
}
