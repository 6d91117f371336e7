//! The two configurations: bundles, files, or files as a commit has them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    inputs::{Files, Loaded},
    report::Findings,
    source::Source,
};

/// Reads the files of a commit.
///
/// # Errors
/// Git is not there, or knows neither the commit nor a repository.
pub(super) fn load_commit(files: &Files, commit: &str) -> anyhow::Result<Result<Loaded, Findings>> {
    let mut old = Files::default();
    let lists = [
        (&files.registry, &mut old.registry),
        (&files.policy, &mut old.policy),
    ];
    for (paths, kept) in lists {
        for path in paths {
            // What the commit does not have is new.
            match exists(path, commit)? {
                true => kept.push(path.clone()),
                false => eprintln!("note: `{}` is not in `{commit}`", path.display()),
            }
        }
    }
    old.load_with(|path| {
        let bytes = git(path, &["show", &place(path, commit)])?;
        let name = format!("{commit}:{}", path.display());
        let text = String::from_utf8(bytes).with_context(|| format!("`{name}` is not UTF-8"))?;
        Ok(Source::new(name, text))
    })
}

fn exists(path: &Path, commit: &str) -> anyhow::Result<bool> {
    git(
        path,
        &[
            "rev-parse",
            "--verify",
            "--end-of-options",
            &format!("{commit}^{{commit}}"),
        ],
    )
    .with_context(|| format!("git does not know `{commit}`"))?;
    Ok(git(path, &["cat-file", "-e", &place(path, commit)]).is_ok())
}

/// The file as git names it, seen from its folder.
fn place(path: &Path, commit: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{commit}:./{name}")
}

fn git(path: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output();
    let output = output.context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{}",
            said.lines()
                .next()
                .unwrap_or("git failed")
                .trim_start_matches("fatal: ")
        );
    }
    Ok(output.stdout)
}
