//! Databases to test with: SQLite files, and a PostgreSQL server of our own.

#[expect(unreachable_pub, reason = "the end-to-end tests have it in a library")]
#[path = "../../../../../tests/src/postgres.rs"]
mod postgres;

use tempfile::TempDir;

use super::Store;
pub(super) use postgres::Postgres;

pub(super) enum Rig {
    Sqlite(TempDir),
    Postgres(Postgres),
}

impl Rig {
    pub(super) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    pub(super) fn postgres() -> Option<Self> {
        Postgres::start(false).map(Self::Postgres)
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
