//! Where the tools and the built things are.

use std::path::{Path, PathBuf};

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The Envoy that `make setup` installs.
pub fn envoy() -> PathBuf {
    installed(".tools/bin/envoy")
}

/// The Node that `make setup` installs; the machine's own may be too old for the suite.
pub fn node() -> PathBuf {
    installed(".tools/bin/node")
}

/// The Python that has version 1 or 2 of the `mcp` package.
pub fn python(major: u8) -> PathBuf {
    installed(&format!(".tools/python-{major}/bin/python"))
}

/// The filter that `make build` makes.
pub fn filter() -> PathBuf {
    built("wasm32-wasip1/release/toolgate.wasm")
}

/// The filter that does nothing, which `make bench` makes.
pub fn noop() -> PathBuf {
    present(
        target().join("wasm32-wasip1/release/examples/noop.wasm"),
        "make bench",
    )
}

/// The command line that `make build` makes.
pub fn toolgate() -> PathBuf {
    built("release/toolgate")
}

/// The approval service that `make build` makes.
pub fn approvals() -> PathBuf {
    built("release/toolgate-approvals")
}

/// What prints fingerprints, built for this machine.
pub fn fingerprint() -> PathBuf {
    present(target().join("debug/examples/fingerprint"), "tests/run")
}

/// The same as the filter is built.
pub fn fingerprint_wasm() -> PathBuf {
    present(
        target().join("wasm32-wasip1/release/examples/fingerprint.wasm"),
        "tests/run",
    )
}

/// A client script or package under `tests/clients`.
pub fn client(path: &str) -> PathBuf {
    root().join("tests/clients").join(path)
}

fn installed(path: &str) -> PathBuf {
    present(root().join(path), "make setup")
}

fn built(path: &str) -> PathBuf {
    present(target().join(path), "make build")
}

fn present(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(
        path.exists(),
        "`{}` is missing: run `{remedy}`",
        path.display()
    );
    path
}
