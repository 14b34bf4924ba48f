//! A store that fails while it keeps keys: nothing is handled twice, and no outcome is lost that the program
//! knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, EventId, EventStore,
    MemoryStore, Position, RecordedEvent, Store, StoreError, StoreFuture, StreamId,
};
use nether_tests::http::{JSON, connect, request};
use tokio::sync::Semaphore;

use crate::till::{End, Shop, TILLS, body, pass, waiting};

/// What goes wrong.
#[derive(Debug)]
struct Failures {
    /// How many changes of documents fail, and whether they are made all the same.
    left: AtomicU32,
    are_after: bool,
    /// Whether the next document that is read takes a while to arrive.
    is_slow: AtomicBool,
    was_read: Semaphore,
    arrives: Semaphore,
}

impl Failures {
    fn new(are_after: bool) -> Arc<Self> {
        Arc::new(Failures {
            left: AtomicU32::new(0),
            are_after,
            is_slow: AtomicBool::new(false),
            was_read: Semaphore::new(0),
            arrives: Semaphore::new(0),
        })
    }
}

#[derive(Debug)]
struct Failing {
    inner: Arc<MemoryStore>,
    failures: Arc<Failures>,
}

impl EventStore for Failing {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        self.inner.append(append)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.inner.read_stream(stream, from, direction, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.inner.read_all(after, limit)
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        self.inner.head()
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.inner.wait_for_new(after)
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.inner.find(id)
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let read = self.inner.document(collection, key);
        Box::pin(async move {
            let document = read.await;
            if self.failures.is_slow.swap(false, Ordering::SeqCst) {
                self.failures.was_read.add_permits(1);
                let arrives = self.failures.arrives.acquire().await;
                arrives.expect("it is open").forget();
            }
            document
        })
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        self.inner.documents(collection)
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            // As one that another machine runs.
            tokio::task::yield_now().await;
            let left = &self.failures.left;
            let fails = |left: u32| left.checked_sub(1);
            let fails = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails);
            if fails.is_err() || self.failures.are_after {
                self.inner.change_documents(changes, conditions).await?;
            }
            fails.map_or(Ok(()), |_| {
                Err(StoreError::Failed {
                    reason: "as the test wants".to_owned(),
                    source: None,
                })
            })
        })
    }
}

async fn each_way(test: impl AsyncFn(Arc<Failures>, Shop)) {
    for are_after in [false, true] {
        let failures = Failures::new(are_after);
        let store = Failing {
            inner: Arc::default(),
            failures: Arc::clone(&failures),
        };
        test(failures, Shop::open(Some(Store::new(store)), |it| it).await).await;
    }
}

#[tokio::test]
async fn a_key_that_could_not_be_claimed_is_free() {
    each_way(async |failures, shop| {
        for till in TILLS {
            // The claim fails, and perhaps its release too.
            for (key, fail) in [("one", 1), ("two", 2)] {
                let before = shop.control.paid();
                failures.left.store(fail, Ordering::SeqCst);
                let refused = shop.pay(till, key, End::Paid).await;
                assert_eq!(refused.status, 503, "{till}: {refused:?}");
                assert_eq!(shop.control.paid(), before, "it was not begun");
                failures.left.store(0, Ordering::SeqCst);
                let done = shop.pay(till, key, End::Paid).await;
                assert_eq!(done.status, 201, "{till}, {key}: {done:?}");
                assert_eq!(shop.pay(till, key, End::Paid).await.body, done.body);
                assert_eq!(shop.control.paid(), before + 1);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_outcome_that_could_not_be_stored_is_stored_later() {
    each_way(async |failures, shop| {
        for till in TILLS {
            let before = shop.control.paid();
            let mut client = connect(&shop.at).await;
            client.write(waiting(till, "k", End::Paid, 30)).await;
            shop.control.begun().await;
            failures.left.store(2, Ordering::SeqCst);
            shop.control.go_on();
            let first = client.rest().await;
            assert!(first.contains(" 201 "), "its client gets it: {first}");
            let headers = [JSON, ("idempotency-key", "k")];
            let again = request(&shop.at, till, &headers, &body(End::Paid, true)).await;
            assert!([201, 409].contains(&again.status), "{till}: {again:?}");
            for _ in 0..2 {
                pass(Duration::from_secs(1)).await;
            }
            let again = shop.pay_waiting_until_done(till, "k", End::Paid).await;
            assert_eq!(again.status, 201, "{till}: {again:?}");
            assert_eq!(shop.control.paid(), before + 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_settled_while_another_request_reads_it_is_not_unknown() {
    let failures = Failures::new(false);
    let store = Failing {
        inner: Arc::default(),
        failures: Arc::clone(&failures),
    };
    let shop = Shop::open(Some(Store::new(store)), |it| it).await;
    for till in TILLS {
        let mut client = connect(&shop.at).await;
        client.write(waiting(till, "k", End::Paid, 30)).await;
        shop.control.begun().await;
        failures.is_slow.store(true, Ordering::SeqCst);
        let mut second = connect(&shop.at).await;
        second.write(waiting(till, "k", End::Paid, 30)).await;
        let read = failures.was_read.acquire().await;
        read.expect("it is open").forget();
        shop.control.go_on();
        let first = client.rest().await;
        assert!(first.contains(" 201 "), "{till}: {first}");
        failures.arrives.add_permits(1);
        let again = second.rest().await;
        assert!(again.contains(" 201 "), "{till}: {again}");
    }
    assert_eq!(shop.control.paid(), 2);
}

#[tokio::test]
async fn a_stop_closes_the_store_also_if_an_outcome_could_not_be_stored() {
    for till in TILLS {
        let (inner, failures) = (Arc::default(), Failures::new(false));
        let store = Failing {
            inner: Arc::clone(&inner),
            failures: Arc::clone(&failures),
        };
        let shop = Shop::open(Some(Store::new(store)), |it| it).await;
        let mut client = connect(&shop.at).await;
        client.write(waiting(till, "k", End::Paid, 30)).await;
        shop.control.begun().await;
        failures.left.store(u32::MAX, Ordering::SeqCst);
        shop.control.go_on();
        assert!(client.rest().await.contains(" 201 "));
        shop.system.shutdown().await;
        drop(shop);
        let closed = async {
            while Arc::strong_count(&inner) > 1 {
                tokio::task::yield_now().await;
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(5), closed).await;
        assert!(closed.is_ok(), "{till}: {}", Arc::strong_count(&inner));
    }
}

#[tokio::test]
async fn a_stored_key_that_cannot_be_read_keeps_no_other_out() {
    let inner = Arc::new(MemoryStore::default());
    let damaged = ["not a key".to_owned(), "0".repeat(64)].map(|key| DocumentChange {
        collection: "idempotency".into(),
        key: key.into(),
        content: Some(b"nonsense".to_vec()),
    });
    let written = inner.change_documents(damaged.into(), Vec::new()).await;
    written.expect("it is in memory");
    let store = Failing {
        inner,
        failures: Failures::new(false),
    };
    let shop = Shop::open(Some(Store::new(store)), |it| it).await;
    for till in TILLS {
        let paid = shop.pay(till, "one", End::Paid).await;
        assert_eq!(paid.status, 201, "{till}: {paid:?}");
    }
}
