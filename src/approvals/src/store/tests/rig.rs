//! Databases to test with: SQLite files, and a PostgreSQL server of our own.

use std::{
    env, fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::Store;

pub(super) enum Rig {
    Sqlite(TempDir),
    Postgres(Server),
}

/// A PostgreSQL that listens on a socket in a folder, and ends with the test.
pub(super) struct Server {
    programs: PathBuf,
    folder: TempDir,
    user: Option<&'static str>,
}

impl Rig {
    pub(super) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    /// `None` where PostgreSQL is not installed; in CI it has to be.
    pub(super) fn postgres() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                env::var_os("CI").is_none(),
                "PostgreSQL is missing: apt-get install postgresql"
            );
            eprintln!("skipped: PostgreSQL is missing (apt-get install postgresql)");
            return None;
        };
        Some(Self::Postgres(Server::start(programs)))
    }

    /// An empty database, opened by two replicas.
    pub(super) async fn replicas(&self, name: &str) -> [Store; 2] {
        let url = match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join(name).display()),
            Self::Postgres(server) => server.create(name),
        };
        [
            Store::open(&url).await.unwrap(),
            Store::open(&url).await.unwrap(),
        ]
    }
}

impl Server {
    fn start(programs: PathBuf) -> Self {
        let folder = TempDir::new().unwrap();
        // PostgreSQL refuses to run as root.
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let user = root.then_some("postgres");
        if let Some(user) = user {
            let id = Command::new("id").args(["-u", user]).output().unwrap();
            let id = String::from_utf8(id.stdout)
                .unwrap()
                .trim()
                .parse()
                .unwrap();
            chown(folder.path(), Some(id), None).unwrap();
        }
        let server = Self {
            programs,
            folder,
            user,
        };
        let at = server.folder.path().display().to_string();
        let data = format!("{at}/data");
        server.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-N"],
        );
        let options = format!("-k {at} -c listen_addresses= -c fsync=off -c max_connections=64");
        let log = format!("{at}/log");
        server.run(
            "pg_ctl",
            &["-D", &data, "-w", "-l", &log, "-o", &options, "start"],
        );
        server
    }

    fn create(&self, name: &str) -> String {
        let socket = self.folder.path().display();
        self.run(
            "createdb",
            &["-h", &socket.to_string(), "-U", "postgres", name],
        );
        format!("postgres://postgres@localhost/{name}?host={socket}")
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

impl Drop for Server {
    fn drop(&mut self) {
        let data = format!("{}/data", self.folder.path().display());
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    }
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
