//! What the writer promises: failures apart, nothing done for nobody, answers in bounded time.

use std::time::Instant;

use tokio::time::timeout;

use super::*;
use crate::store::writer::{LONGEST_QUEUE, PATIENCE};

/// Good and bad changes that are committed together.
pub(super) async fn each_change_fails_alone([one, _]: [Store; 2]) {
    let one = Arc::new(one);
    let block = one.change(at(0)).await.unwrap();
    let mut changes = JoinSet::new();
    for second in 0..40 {
        let store = Arc::clone(&one);
        changes.spawn(async move {
            if second % 2 == 0 {
                opened(&store, &numbered(second), second).await;
                return;
            }
            let mut change = store.change(at(second)).await.unwrap();
            sqlx::query("DELETE FROM asks")
                .execute(change.tx())
                .await
                .unwrap();
            sqlx::query("INSERT INTO chain VALUES (NULL, NULL)")
                .execute(change.tx())
                .await
                .unwrap_err();
        });
    }
    let early = timeout(MOMENT, changes.join_next()).await;
    assert!(early.is_err(), "nothing is told before it is durable");
    drop(block);
    changes.join_all().await;
    assert_eq!(one.open_count().await.unwrap(), (20, 0));
    let (entries, _) = one.verify().await.unwrap().unwrap();
    assert_eq!(entries, 20);
}

pub(super) async fn nothing_is_done_for_whoever_has_gone([one, two]: [Store; 2]) {
    let first = opened(&one, &ask(), 0).await;
    rule(&one, &first.id, Verdict::Approve, "bob", 1)
        .await
        .unwrap();
    let block = one.change(at(2)).await.unwrap();
    let left = timeout(MOMENT, put(&one, &ask(), 2)).await;
    assert!(left.is_err(), "it had to queue");
    drop(block);
    let used = put(&two, &ask(), 3).await;
    assert_eq!((used.state, used.id), (State::Used, first.id));
}

/// A change that ends at any of its statements takes nobody else's with it.
pub(super) async fn whoever_leaves_in_the_middle_leaves_nothing([one, two]: [Store; 2]) {
    let replicas = [Arc::new(one), Arc::new(two)];
    let mut changes = JoinSet::new();
    for number in 0..200 {
        let store = Arc::clone(&replicas[number % 2]);
        let number = i64::try_from(number).unwrap();
        changes.spawn(async move {
            let patience = match number % 4 {
                0 => PATIENCE * 2,
                _ => Duration::from_micros(number.unsigned_abs() * 100),
            };
            let asking = async { put(&store, &numbered(number), number).await };
            timeout(patience, asking).await.is_ok()
        });
    }
    let answered = changes.join_all().await;
    let answered = answered.iter().filter(|answered| **answered).count();
    let (kept, _) = replicas[0].open_count().await.unwrap();
    let kept = usize::try_from(kept).unwrap();
    assert!(answered >= 50, "{answered}");
    assert!(kept >= answered, "{kept} kept, {answered} answered");
    let (entries, _) = replicas[0].verify().await.unwrap().unwrap();
    assert_eq!(usize::try_from(entries).unwrap(), kept);
}

pub(super) async fn a_full_queue_is_told_at_once([one, _]: [Store; 2]) {
    let one = Arc::new(one);
    let block = one.change(at(0)).await.unwrap();
    let mut changes = JoinSet::new();
    for second in 0..LONGEST_QUEUE + 1_000 {
        let store = Arc::clone(&one);
        let second = second.try_into().unwrap();
        changes.spawn(async move { store.change(at(second)).await.map(drop) });
    }
    // Those that find room wait.
    let told = changes.join_next().await.unwrap().unwrap().unwrap_err();
    assert!(told.to_string().contains("too many changes wait"), "{told}");
    drop(block);
    let told = changes.join_all().await;
    let served = told.iter().filter(|told| told.is_ok()).count();
    assert!(served >= LONGEST_QUEUE, "{served} found room");
}

/// Not for SQLite, whose file does not go away.
pub(super) async fn a_database_that_is_away_is_told_in_time(server: &Postgres) {
    let store = Store::open(&server.create("away")).await.unwrap();
    let first = opened(&store, &ask(), 0).await;
    server.stop();
    let began = Instant::now();
    store
        .ask(&numbered(1), TERMS, Vec::new, at(1))
        .await
        .unwrap_err();
    store.change(at(1)).await.map(drop).unwrap_err();
    assert!(began.elapsed() < PATIENCE * 3, "{:?}", began.elapsed());
    server.resume(false);
    assert_eq!(opened(&store, &ask(), 2).await.id, first.id);
    opened(&store, &numbered(1), 3).await;
}

fn numbered(number: i64) -> Ask {
    Ask {
        arguments: payload(&json!({ "amount": number }).to_string()),
        ..ask()
    }
}

const MOMENT: Duration = Duration::from_millis(100);
