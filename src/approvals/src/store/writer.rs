//! The one writer of a replica. Changes queue for it; it takes all that wait into one transaction,
//! each in a savepoint so that its failure is its own, and tells them when the whole is durable.

use std::{io, sync::Arc, time::Duration};

use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Row as _, Transaction};
use tokio::{
    sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, mpsc, oneshot},
    time::timeout,
};

/// Where changes queue.
#[derive(Debug)]
pub(super) struct Writer(mpsc::Sender<oneshot::Sender<Savepoint>>);

/// A turn in the transaction: what is done in it is kept, or undone where it is dropped. What is read
/// in it may not be durable yet, so nothing of it is told before it is kept.
pub(super) struct Savepoint {
    pub(super) tx: OwnedMappedMutexGuard<Transaction<'static, Any>, AnyConnection>,
    /// The end of the trail.
    pub(super) end: End,
    keep: oneshot::Sender<Kept>,
}

/// The last entry of the trail.
#[derive(Clone)]
pub(super) struct End {
    pub(super) seq: i64,
    pub(super) hash: String,
}

struct Kept {
    end: End,
    told: oneshot::Sender<()>,
}

impl Writer {
    /// Starts to write; it ends with the store.
    pub(super) fn start(pool: AnyPool) -> Self {
        let (sender, queue) = mpsc::channel(LONGEST_QUEUE);
        tokio::spawn(write(pool, queue));
        Self(sender)
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// The database fails, or does not keep up.
    pub(super) async fn begin(&self) -> Result<Savepoint, sqlx::Error> {
        let (ticket, turn) = oneshot::channel();
        self.0
            .try_send(ticket)
            .map_err(|_| io::Error::other("too many changes wait"))?;
        in_time(turn).await
    }
}

impl Savepoint {
    /// Keeps what was done, and returns when it is durable.
    ///
    /// # Errors
    /// It is not, or nobody knows.
    pub(super) async fn keep(self) -> Result<(), sqlx::Error> {
        let (told, durable) = oneshot::channel();
        let Self { tx, end, keep } = self;
        drop(tx);
        // Without its writer nobody will tell, which is an error below.
        drop(keep.send(Kept { end, told }));
        in_time(durable).await
    }
}

async fn in_time<T>(told: oneshot::Receiver<T>) -> Result<T, sqlx::Error> {
    match timeout(PATIENCE, told).await {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(_)) => Err(io::Error::other("the transaction of this change failed").into()),
        Err(_) => Err(io::Error::other("the change was not kept in time").into()),
    }
}

/// Writes what is queued, until nobody can queue anything any more.
async fn write(pool: AnyPool, mut queue: mpsc::Receiver<oneshot::Sender<Savepoint>>) {
    let mut group = Vec::new();
    while queue.recv_many(&mut group, LARGEST_GROUP).await > 0 {
        match timeout(PATIENCE, commit(&pool, group.drain(..))).await {
            Ok(Ok(kept)) => {
                for told in kept {
                    // Whoever has gone meanwhile asks again.
                    let _ = told.send(());
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "cannot keep changes"),
            Err(_) => tracing::error!("cannot keep changes: the database does not answer"),
        }
    }
}

/// Gives everybody their turn in one transaction, and returns who is to be told that it is durable.
async fn commit(
    pool: &AnyPool,
    group: impl Iterator<Item = oneshot::Sender<Savepoint>>,
) -> Result<Vec<oneshot::Sender<()>>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    // A write comes first: in PostgreSQL it takes the row, in SQLite the database, and what is read
    // after it is what all changes before have left.
    let end = sqlx::query("UPDATE chain SET seq = seq RETURNING seq, hash")
        .fetch_one(&mut *tx)
        .await?;
    let mut end = End {
        seq: end.try_get("seq")?,
        hash: end.try_get("hash")?,
    };
    let tx = Arc::new(Mutex::new(tx));
    let mut told = Vec::new();
    for ticket in group {
        // An approval must not be used up for somebody who has gone.
        if ticket.is_closed() {
            continue;
        }
        let mut lent = Arc::clone(&tx).lock_owned().await;
        lent.execute("SAVEPOINT change").await?;
        let (keep, kept) = oneshot::channel();
        drop(ticket.send(Savepoint {
            tx: OwnedMutexGuard::map(lent, |tx| &mut **tx),
            end: end.clone(),
            keep,
        }));
        let then = match kept.await {
            Ok(kept) => {
                end = kept.end;
                told.push(kept.told);
                "RELEASE SAVEPOINT change"
            }
            Err(_) => "ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change",
        };
        tx.lock().await.execute(then).await?;
    }
    let tx = Arc::into_inner(tx).ok_or_else(|| io::Error::other("a change does not end"))?;
    let mut tx = tx.into_inner();
    sqlx::query("UPDATE chain SET seq = $1, hash = $2")
        .bind(end.seq)
        .bind(end.hash)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(told)
}

/// How long somebody waits for their turn, and for its end; and the writer for the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// More are told at once that they cannot be served.
pub(super) const LONGEST_QUEUE: usize = 1_024;
/// So that a commit is worth its while, and the first in it does not wait for too many others.
const LARGEST_GROUP: usize = 64;
