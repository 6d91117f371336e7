//! The commit that files are at, as far as git knows.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The commit of the work tree that files stand in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// Its full name.
    pub(super) id: String,
    /// Whether a file differs from what was committed.
    pub(super) dirty: bool,
}

/// `None` where there is no git, no commit, or not one work tree around all files.
pub(super) fn commit<'a>(files: impl Iterator<Item = &'a Path>) -> Option<Commit> {
    let files: Vec<PathBuf> = files
        .map(Path::canonicalize)
        .collect::<Result<_, _>>()
        .ok()?;
    let folder = files.first()?.parent()?;
    let git = |arguments: &[&str], files: &[PathBuf]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .args(files)
            .output()
            .ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| said.trim().to_owned())
    };
    let id = git(&["rev-parse", "--verify", "HEAD"], &[])?;
    // A file that git ignores, or does not know yet, is in no commit either.
    let status = [
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--ignored",
        "--",
    ];
    let dirty = !git(&status, &files)?.is_empty();
    Some(Commit { id, dirty })
}

#[cfg(test)]
mod tests;
