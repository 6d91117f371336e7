//! SQLite: a file beside the service, for one replica.

use super::Dialect;

/// `FULL`, because a use that a power failure takes back could happen again.
pub(super) const DIALECT: Dialect = Dialect {
    scheme: "sqlite",
    session: &[
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA busy_timeout = 4000",
    ],
    migrations: &[include_str!("../../migrations/sqlite/0001_approvals.sql")],
};

/// The file is made where there is none.
pub(super) fn url(url: &str) -> String {
    if url.contains('?') {
        return url.to_owned();
    }
    format!("{url}?mode=rwc")
}
