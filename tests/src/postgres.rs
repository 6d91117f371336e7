//! A PostgreSQL server that listens on a socket in a folder, and ends when it is dropped.
//!
//! The store's own tests take this file as it is, so it knows nothing of this crate.

use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The server.
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    user: Option<&'static str>,
}

impl Postgres {
    /// Starts one; `fsync` makes it as slow and as durable as in earnest. `None` where PostgreSQL is
    /// not installed; in CI it has to be.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(fsync: bool) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                env::var_os("CI").is_none(),
                "PostgreSQL is missing: apt-get install postgresql"
            );
            eprintln!("skipped: PostgreSQL is missing (apt-get install postgresql)");
            return None;
        };
        let folder = TempDir::new().unwrap();
        // PostgreSQL refuses to run as root.
        let user = (id(&["-u"]) == 0).then_some("postgres");
        if let Some(user) = user {
            chown(folder.path(), Some(id(&["-u", user])), None).unwrap();
        }
        let server = Self {
            programs,
            folder,
            user,
        };
        server.run(
            "initdb",
            &["-D", &server.data(), "-U", "postgres", "-A", "trust", "-N"],
        );
        server.resume(fsync);
        Some(server)
    }

    /// An empty database.
    ///
    /// # Panics
    /// Where there is one of that name.
    pub fn create(&self, name: &str) -> String {
        let socket = self.folder.path().display();
        self.run(
            "createdb",
            &["-h", &socket.to_string(), "-U", "postgres", name],
        );
        format!("postgres://postgres@localhost/{name}?host={socket}")
    }

    /// Ends it at once, as a power failure does.
    ///
    /// # Panics
    /// Where it has ended already.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]);
    }

    /// Starts it again.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn resume(&self, fsync: bool) {
        let at = self.folder.path().display();
        let options =
            format!("-k {at} -c listen_addresses= -c fsync={fsync} -c max_connections=64");
        let log = format!("{at}/log");
        self.run(
            "pg_ctl",
            &[
                "-D",
                &self.data(),
                "-w",
                "-l",
                &log,
                "-o",
                &options,
                "start",
            ],
        );
    }

    fn data(&self) -> String {
        format!("{}/data", self.folder.path().display())
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        let command = command
            .args(arguments)
            .current_dir("/")
            .stdout(Stdio::null());
        let status = command.status().unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if fs::exists(format!("{}/postmaster.pid", self.data())).unwrap() {
            self.stop();
        }
    }
}

/// What `id` prints: a number.
fn id(arguments: &[&str]) -> u32 {
    let id = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8(id.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Where PostgreSQL's programs are: on the path, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    folders.extend(versions.map(|version| version.unwrap().path().join("bin")));
    let whole = |folder: &Path| {
        let has = |name| folder.join(name).exists();
        has("initdb") && has("pg_ctl") && has("createdb")
    };
    folders.into_iter().find(|folder| whole(folder))
}
