//! What servers know the gateway by, from where people keep it to where Envoy finds it.

use std::{
    env, fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use engine::problem::Problem;

use crate::{
    envoy::{Setup, document},
    render,
};

/// Where secrets are kept: in files of a folder, or in the environment.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    pub(super) folder: Option<&'a Path>,
}

impl Secrets<'_> {
    /// Writes what Envoy takes up into `folder`.
    ///
    /// # Errors
    /// The folder cannot be written to. Secrets that are nowhere are the inner result's.
    pub(super) fn write(
        self,
        setup: &Setup,
        folder: &Path,
    ) -> anyhow::Result<Result<(), Vec<Problem>>> {
        let mut documents = Vec::new();
        let mut problems = Vec::new();
        for (name, prefix) in render::secrets(setup) {
            match self.find(name) {
                Ok(secret) => documents.push((name, document(name, &format!("{prefix}{secret}")))),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        for (name, document) in documents {
            let (path, new) = (
                folder.join(format!("{name}.yaml")),
                folder.join(format!("{name}.new")),
            );
            let text = document.to_string();
            // Envoy reads again what was moved here, whether it changed or not.
            if fs::read_to_string(&path).is_ok_and(|known| known == text) {
                continue;
            }
            let mut options = fs::OpenOptions::new();
            let mut file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            fs::rename(new, path)?;
        }
        Ok(Ok(()))
    }

    /// The files that it reads.
    pub(super) fn files(self, setup: &Setup) -> impl Iterator<Item = PathBuf> {
        let names = render::secrets(setup).map(|(name, _)| name.to_owned());
        let folder = self.folder.map(Path::to_path_buf);
        let names: Vec<_> = names.collect();
        names
            .into_iter()
            .filter_map(move |name| Some(folder.as_ref()?.join(name)))
    }

    fn find(self, name: &str) -> Result<String, Problem> {
        let variable = variable(name);
        let wrong = |message: String| {
            let help =
                format!("set {variable}, or give a folder by --secrets with a file `{name}`");
            Problem::new("", format!("secret `{name}` {message}")).help(help)
        };
        let file = self.folder.map(|folder| folder.join(name));
        let text = match file.filter(|file| file.exists()) {
            Some(file) => fs::read_to_string(file)
                .map_err(|error| wrong(format!("cannot be read: {error}")))?,
            None => env::var(&variable).map_err(|_| wrong("is nowhere to be found".to_owned()))?,
        };
        // Editors and `echo` end a file with a line.
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() || secret.chars().any(char::is_control) {
            return Err(wrong("is not one line of text".to_owned()));
        }
        Ok(secret.to_owned())
    }
}

/// `TOOLGATE_SECRET_PAYMENTS_TOKEN` for `payments-token`.
fn variable(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    format!("TOOLGATE_SECRET_{name}")
}
