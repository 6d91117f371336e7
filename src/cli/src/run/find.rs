//! Where the programs are that a run needs, and their files.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// The Envoy that was named, this project's own, or the one on the PATH.
pub(super) fn envoy(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = given {
        if path.is_file() {
            return Ok(path.to_path_buf());
        }
        bail!("no Envoy at `{}`", path.display());
    }
    let named = env::var_os("TOOLGATE_ENVOY").map(PathBuf::from);
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        if path.is_file() {
            return Ok(path);
        }
        bail!(
            "no Envoy at `{}`, which $TOOLGATE_ENVOY names",
            path.display()
        );
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).map(|folder| folder.join("envoy"));
    std::iter::once(PathBuf::from(".tools/bin/envoy"))
        .chain(folders)
        .find(|candidate| candidate.is_file())
        .context("no Envoy found: name one with --envoy or $TOOLGATE_ENVOY, or run `make setup`")
}

/// The filter: in the build's own folders, next to this program.
pub(super) fn wasm(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let found = match given {
        Some(path) => path.to_path_buf(),
        None => {
            let program = env::current_exe().context("cannot tell where this program is")?;
            let folder = program.parent().unwrap_or_else(|| Path::new("."));
            [
                folder.join("toolgate.wasm"),
                folder.join("../wasm32-wasip1/release/toolgate.wasm"),
            ]
            .into_iter()
            .find(|candidate| candidate.is_file())
            .context("no toolgate.wasm beside this program: run `make build`, or use --wasm")?
        }
    };
    fs::canonicalize(&found).with_context(|| format!("no filter at `{}`", found.display()))
}

/// Where this machine keeps the certificates it trusts.
pub(super) fn roots() -> String {
    let known = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    env::var("SSL_CERT_FILE")
        .ok()
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| {
            let found = known.into_iter().find(|path| Path::new(path).is_file());
            found
                .unwrap_or("/etc/ssl/certs/ca-certificates.crt")
                .to_owned()
        })
}

/// The approval service: beside this program, or on the PATH.
pub(super) fn approvals() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let path = env::var_os("PATH").unwrap_or_default();
    program
        .parent()
        .map(Path::to_path_buf)
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(APPROVALS))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("no {APPROVALS} beside this program: run `make build`"))
}

const APPROVALS: &str = "toolgate-approvals";
