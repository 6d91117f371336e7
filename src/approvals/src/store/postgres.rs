//! PostgreSQL: for several replicas.

use super::Dialect;

/// A replica that hangs with the end of the chain in its hands must not stop the others for ever.
pub(super) const DIALECT: Dialect = Dialect {
    scheme: "postgres",
    session: &[
        "SET default_transaction_isolation = 'read committed'",
        "SET lock_timeout = '4s'",
        "SET idle_in_transaction_session_timeout = '10s'",
    ],
    migrations: &[include_str!("../../migrations/postgres/0001_approvals.sql")],
};
