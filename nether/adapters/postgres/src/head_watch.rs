//! [`HeadWatch`]: the position of the newest event, as this process and others move it.
//!
//! Polling is what counts: a table is asked, 20 ms after the last change and then less and less often, as
//! long as someone waits. Hints make it fast: each process that has written says so by `NOTIFY`, at most
//! every 5 ms, outside of the transactions that write, because a commit with a notification takes a lock of
//! the whole server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nether::eventstore::{Position, StoreError};
use nether::integration::hold_clock;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::{Client, Statement};

use crate::connector::{Connector, SessionUse};
use crate::errors::store_error;
use crate::schema::Schema;

/// How long after a change the head is asked for again, and how long at most.
const POLL: Duration = Duration::from_millis(20);
const POLL_AT_MOST: Duration = Duration::from_secs(1);

/// How long after a hint the next one is given.
const HINT: Duration = Duration::from_millis(5);

/// How long after an error the next connection is opened, and how long at most.
const RECONNECT: Duration = Duration::from_millis(100);
const RECONNECT_AT_MOST: Duration = Duration::from_secs(5);

/// The channel of hints. The schema is in the payload: a name of a channel has no room for both.
const CHANNEL: &str = "nether";

/// The position of the newest event, as far as this process knows.
pub(super) struct HeadWatch {
    head: watch::Sender<Position>,
    waiters: Arc<Waiters>,
    follower: AbortHandle,
}

#[derive(Default)]
struct Waiters {
    count: AtomicUsize,
    came: Notify,
}

struct Waiter<'a>(&'a Waiters);

impl<'a> Waiter<'a> {
    fn new(waiters: &'a Waiters) -> Self {
        waiters.count.fetch_add(1, Ordering::Relaxed);
        waiters.came.notify_one();
        Waiter(waiters)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HeadWatch {
    /// Watches the head of a store. `written` says where this process has moved it to.
    pub(super) fn start(
        connector: Connector,
        schema: Schema,
        written: watch::Receiver<Position>,
    ) -> Self {
        let head = watch::Sender::new(Position::START);
        let waiters = Arc::new(Waiters::default());
        let following = Following {
            connector,
            schema,
            written,
            head: head.clone(),
            waiters: Arc::clone(&waiters),
        };
        let follower: JoinHandle<()> = tokio::spawn(following.run());
        HeadWatch {
            head,
            waiters,
            follower: follower.abort_handle(),
        }
    }

    /// Waits until the head is after the position.
    pub(super) async fn wait_for_new(&self, after: Position) -> Result<Position, StoreError> {
        let mut head = self.head.subscribe();
        let known = *head.borrow_and_update();
        if known > after {
            return Ok(known);
        }
        let _waiter = Waiter::new(&self.waiters);
        let newest = head.wait_for(|head| *head > after).await;
        newest.map(|head| *head).map_err(|_| StoreError::Closed)
    }

    pub(super) fn known(&self) -> Position {
        *self.head.borrow()
    }
}

impl Drop for HeadWatch {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// What the task that watches has.
struct Following {
    connector: Connector,
    schema: Schema,
    written: watch::Receiver<Position>,
    head: watch::Sender<Position>,
    waiters: Arc<Waiters>,
}

/// A connection that asks, hears and gives hints.
struct HintedSession {
    client: Client,
    asks: Statement,
    hints: Statement,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Following {
    async fn run(mut self) {
        let mut pause = RECONNECT;
        let mut is_lost = false;
        loop {
            let failed = match self.open().await {
                Ok(session) => {
                    if is_lost {
                        tracing::info!("the event store is reached again: new events are seen");
                    }
                    pause = RECONNECT;
                    self.follow(session).await
                }
                Err(error) => error,
            };
            let Some(error) = failed.stated() else {
                return;
            };
            if !std::mem::replace(&mut is_lost, true) {
                tracing::warn!(
                    error = %error,
                    "new events in the store cannot be seen until it is reached again"
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(RECONNECT_AT_MOST);
        }
    }

    async fn open(&self) -> Result<HintedSession, Ended> {
        let _hold = hold_clock();
        let (heard_by, heard) = mpsc::unbounded_channel();
        let opened = self.connector.open(SessionUse::Hints, Some(heard_by)).await;
        let (client, _) = opened.map_err(Ended::by)?;
        let listen = format!("LISTEN {CHANNEL}");
        client.batch_execute(&listen).await.map_err(Ended::by)?;
        let asks = format!("SELECT position FROM {}.head", self.schema);
        let asks = client.prepare(&asks).await.map_err(Ended::by)?;
        let hints = format!("SELECT pg_notify('{CHANNEL}', $1)");
        let hints = client.prepare(&hints).await.map_err(Ended::by)?;
        let session = HintedSession {
            client,
            asks,
            hints,
            heard,
        };
        // The server may be another one than before, and know less: then this is the head.
        let head = session.head().await?;
        self.head.send_replace(head);
        Ok(session)
    }

    /// Follows the head on a connection until that ends, or the store is closed.
    async fn follow(&mut self, mut session: HintedSession) -> Ended {
        let mut poll = POLL;
        let mut polled = Instant::now();
        let mut hint_from = Instant::now();
        let mut hinted = *self.written.borrow_and_update();
        loop {
            let is_waited_for = self.waiters.count.load(Ordering::Relaxed) > 0;
            let newest = *self.written.borrow();
            tokio::select! {
                biased;
                changed = self.written.changed() => {
                    if changed.is_err() {
                        return Ended::Closed;
                    }
                    let written = *self.written.borrow_and_update();
                    self.publish(written);
                }
                heard = session.heard.recv() => {
                    let Some(heard) = heard else {
                        return Ended::By(StoreError::Unavailable {
                            reason: "the connection has ended".to_owned(),
                        });
                    };
                    if let Some(newest) = self.hinted(&heard) {
                        self.publish(newest);
                        poll = POLL;
                    }
                }
                () = sleep_until(hint_from), if newest > hinted => {
                    hinted = newest;
                    let payload = format!("{} {}", newest.0, self.schema.name());
                    let _hold = hold_clock();
                    if let Err(error) = session.client.query(&session.hints, &[&payload]).await {
                        return Ended::by(error);
                    }
                    hint_from = Instant::now() + HINT;
                }
                () = self.waiters.came.notified(), if !is_waited_for => {}
                () = sleep_until(polled + poll), if is_waited_for => {
                    let head = match session.head().await {
                        Ok(head) => head,
                        Err(ended) => return ended,
                    };
                    let has_grown = self.publish(head);
                    poll = if has_grown { POLL } else { (poll * 2).min(POLL_AT_MOST) };
                    polled = Instant::now();
                }
            }
        }
    }

    /// The position in a hint, if it is about this store.
    fn hinted(&self, heard: &str) -> Option<Position> {
        let (position, schema) = heard.split_once(' ')?;
        let is_own = schema == self.schema.name();
        position.parse().ok().filter(|_| is_own).map(Position)
    }

    /// Publishes the position, unless a newer one is known; whether it was.
    fn publish(&self, newest: Position) -> bool {
        self.head.send_if_modified(|head| {
            let grows = newest > *head;
            if grows {
                *head = newest;
            }
            grows
        })
    }
}

impl HintedSession {
    async fn head(&self) -> Result<Position, Ended> {
        let _hold = hold_clock();
        let row = self.client.query_one(&self.asks, &[]).await;
        let row = row.map_err(Ended::by)?;
        Ok(Position(row.get::<_, i64>(0).cast_unsigned()))
    }
}

/// Why a session has ended.
enum Ended {
    /// The store is closed.
    Closed,
    By(StoreError),
}

impl Ended {
    fn by(error: tokio_postgres::Error) -> Self {
        Ended::By(store_error(&error))
    }

    fn stated(self) -> Option<StoreError> {
        match self {
            Ended::Closed => None,
            Ended::By(error) => Some(error),
        }
    }
}
