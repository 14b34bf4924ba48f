//! [`HeadWatch`]: the position of the newest event, as this process and others move it.
//!
//! Polling is what counts: a table is asked, 20 ms after the last change and then less and less often, as
//! long as someone waits. Hints make it fast: each process that has written says so by `NOTIFY`, at most
//! every 5 ms, outside of the transactions that write, because a commit with a notification takes a lock of
//! the whole server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nether::eventstore::{Appended, Position, StoreError};
use nether::integration::hold_clock;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connector::{Connector, OpenConnection, SessionUse};
use crate::errors::store_error;
use crate::limits::Limits;
use crate::schema::Schema;
use crate::statement::number;
use crate::work::Work;

/// How long after a change the head is asked for again, and how long at most.
const POLL: Duration = Duration::from_millis(20);
const POLL_AT_MOST: Duration = Duration::from_secs(1);

/// How long after a hint the next one is given.
const HINT: Duration = Duration::from_millis(5);

/// How long after an error the next connection is opened, and how long at most.
const RECONNECT: Duration = Duration::from_millis(100);
const RECONNECT_AT_MOST: Duration = Duration::from_secs(1);

/// The channel of hints. The schema is in the payload: a name of a channel has no room for both.
const CHANNEL: &str = "nether";

/// The position of the newest event, as far as this process knows.
pub(super) struct HeadWatch {
    head: watch::Sender<KnownHead>,
    waiters: Arc<Waiters>,
    follower: AbortHandle,
}

/// The newest event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NewestEvent {
    pub(super) position: Position,
    /// Its id: another server may have another event at the position.
    pub(super) id: Uuid,
}

impl NewestEvent {
    /// There is none.
    pub(super) const NONE: NewestEvent = NewestEvent {
        position: Position::START,
        id: Uuid::nil(),
    };

    /// The last of the events that some work has appended.
    pub(super) fn of(work: &Work, appended: &[Appended]) -> Option<Self> {
        let appends = work.appends.iter().zip(appended);
        let events = appends.filter_map(|(append, appended)| {
            Some(NewestEvent {
                position: appended.position,
                id: Uuid::from_u128(append.events.last()?.id.as_u128()),
            })
        });
        events.max_by_key(|event| event.position)
    }

    /// Publishes it where no newer one is known; whether it was.
    pub(super) fn publish(self, to: &watch::Sender<NewestEvent>) -> bool {
        to.send_if_modified(|newest| newest.grow(self))
    }

    fn grow(&mut self, newer: NewestEvent) -> bool {
        let grows = newer.position > self.position;
        if grows {
            *self = newer;
        }
        grows
    }
}

/// The newest event, as far as it is known, and whether events were lost.
#[derive(Debug, Clone, Copy)]
struct KnownHead {
    newest: NewestEvent,
    /// How often the server has lost events.
    losses: u64,
    /// The last time that it did: where the newest event had been, and where it was then.
    last_seen: Position,
    left: Position,
    /// Until when one who waits behind `last_seen` is one who has read what is lost: it may be about to wait
    /// again, as those do that have other work, too. Later it may be one who has read what took the place of
    /// that.
    suspects_until: Option<Instant>,
}

impl KnownHead {
    const NONE: KnownHead = KnownHead {
        newest: NewestEvent::NONE,
        losses: 0,
        last_seen: Position::START,
        left: Position::START,
        suspects_until: None,
    };

    /// Whether the event at a position may be one of those that the server has lost, for a waiter that began
    /// to wait after so many losses.
    fn has_lost(&self, position: Position, since: u64) -> bool {
        let was_seen = self.newest.position < position && position <= self.last_seen;
        let suspects =
            position == self.last_seen && self.suspects_until.is_some_and(|it| Instant::now() < it);
        position > Position::START && (self.losses > since || was_seen || suspects)
    }
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
        written: watch::Receiver<NewestEvent>,
    ) -> Self {
        let head = watch::Sender::new(KnownHead::NONE);
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
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the event at the position is there no more; [`StoreError::Closed`].
    pub(super) async fn wait_for_new(&self, after: Position) -> Result<Position, StoreError> {
        let mut head = self.head.subscribe();
        let known = *head.borrow_and_update();
        if known.newest.position > after && !known.has_lost(after, known.losses) {
            return Ok(known.newest.position);
        }
        let _waiter = Waiter::new(&self.waiters);
        let is_over =
            |head: &KnownHead| head.newest.position > after || head.has_lost(after, known.losses);
        let head = head.wait_for(is_over).await;
        let head = *head.map_err(|_| StoreError::Closed)?;
        if head.has_lost(after, known.losses) {
            let (last, left) = (head.last_seen, head.left);
            return Err(StoreError::Corrupt {
                reason: format!(
                    "the event at position {after} may have been lost: the newest event was at {last}, and when the server was reached again, that event was not there, and the newest was at {left}. Events are missing, as after a failover to a server that did not have all of them: restart what has read them, so that it goes on from its checkpoint, or restore a backup that has them"
                ),
                readable_up_to: Some(left),
            });
        }
        Ok(head.newest.position)
    }

    pub(super) fn known(&self) -> Position {
        self.head.borrow().newest.position
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
    written: watch::Receiver<NewestEvent>,
    head: watch::Sender<KnownHead>,
    waiters: Arc<Waiters>,
}

/// A connection that asks, hears and gives hints.
struct HintedSession {
    client: OpenConnection,
    asks: Statement,
    finds: Statement,
    hints: Statement,
    heard: mpsc::UnboundedReceiver<String>,
    limits: Limits,
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

    async fn open(&mut self) -> Result<HintedSession, Ended> {
        let _hold = hold_clock();
        let (heard_by, heard) = mpsc::unbounded_channel();
        let opened = self.connector.open(SessionUse::Hints, Some(heard_by)).await;
        let client = opened.map_err(Ended::By)?;
        let limits = self.connector.limits;
        let prepared = async {
            client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
            let schema = &self.schema;
            let id = format!("SELECT e.id FROM {schema}.events e WHERE e.position = h.position");
            let asks = format!(
                "SELECT h.position, coalesce(({id}), '{}'), pg_catalog.pg_is_in_recovery() FROM {schema}.head h",
                Uuid::nil()
            );
            let asks = client.prepare(&asks).await?;
            let finds = format!("SELECT FROM {schema}.events WHERE position = $1 AND id = $2");
            let finds = client.prepare(&finds).await?;
            let hints = format!("SELECT pg_catalog.pg_notify('{CHANNEL}', $1)");
            Ok((asks, finds, client.prepare(&hints).await?))
        };
        let prepared = Limits::answered(limits.answer, prepared).await;
        let (asks, finds, hints) = prepared.map_err(Ended::By)?.map_err(Ended::by)?;
        let session = HintedSession {
            client,
            asks,
            finds,
            hints,
            heard,
            limits,
        };
        // What this process has seen, and what it has written: on the server as it was before, or as it is
        // now.
        let seen = self.head.borrow().newest;
        let written = match self.written.has_changed() {
            Ok(true) => *self.written.borrow_and_update(),
            _ => NewestEvent::NONE,
        };
        let found = session.head().await?;
        let mut lost = NewestEvent::NONE;
        for event in [seen, written] {
            if !found.is_behind && !session.has(event).await? {
                lost.grow(event);
            }
        }
        if lost == NewestEvent::NONE {
            self.publish(found.newest);
        } else {
            self.note_lost(lost, found.newest);
        }
        Ok(session)
    }

    /// Notes that the server has lost events: its newest event counts from now on, and waiters that have read
    /// more get an error.
    fn note_lost(&self, seen: NewestEvent, left: NewestEvent) {
        tracing::error!(
            seen = seen.position.0,
            newest = left.position.0,
            "events are missing from the store: the newest that was seen before the server was lost is not there"
        );
        self.head.send_modify(|head| {
            *head = KnownHead {
                newest: left,
                losses: head.losses + 1,
                last_seen: seen.position,
                left: left.position,
                suspects_until: Some(Instant::now() + self.connector.limits.turn()),
            };
        });
    }

    /// Follows the head on a connection until that ends, or the store is closed.
    async fn follow(&mut self, mut session: HintedSession) -> Ended {
        let mut poll = POLL;
        let mut polled = Instant::now();
        let mut hint_from = Instant::now();
        // A hint is given for each event that is written from here on.
        let mut hinted = self.written.borrow().position;
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
                    if self.is_news(&heard) {
                        // Any role of the database may send a hint: the table says what there is.
                        match session.head().await {
                            Ok(head) => self.publish(head.newest),
                            Err(ended) => return ended,
                        };
                        (poll, polled) = (POLL, Instant::now());
                    }
                }
                () = sleep_until(hint_from), if newest.position > hinted => {
                    hinted = newest.position;
                    let payload = format!("{hinted} {}", self.schema.name());
                    if let Err(ended) = session.hint(&payload).await {
                        return ended;
                    }
                    hint_from = Instant::now() + HINT;
                }
                () = self.waiters.came.notified(), if !is_waited_for => {}
                () = sleep_until(polled + poll), if is_waited_for => {
                    let head = match session.head().await {
                        Ok(head) => head.newest,
                        Err(ended) => return ended,
                    };
                    let has_grown = self.publish(head);
                    poll = if has_grown { POLL } else { (poll * 2).min(POLL_AT_MOST) };
                    polled = Instant::now();
                }
            }
        }
    }

    /// Whether a hint is about this store, and about an event that is newer than what is known.
    fn is_news(&self, heard: &str) -> bool {
        let known = self.head.borrow().newest.position.0;
        let Some((position, schema)) = heard.split_once(' ') else {
            return false;
        };
        schema == self.schema.name() && position.parse().is_ok_and(|it: u64| it > known)
    }

    /// Publishes the event, unless a newer one is known; whether it was.
    fn publish(&self, newest: NewestEvent) -> bool {
        self.head.send_if_modified(|head| head.newest.grow(newest))
    }
}

/// What the server says of its newest event.
struct FoundHead {
    newest: NewestEvent,
    /// Whether it is a copy, which may lag behind.
    is_behind: bool,
}

impl HintedSession {
    async fn head(&self) -> Result<FoundHead, Ended> {
        let _hold = hold_clock();
        let asked = self.client.query_one(&self.asks, &[]);
        let row = Limits::answered(self.limits.answer, asked).await;
        let row = row.map_err(Ended::By)?.map_err(Ended::by)?;
        Ok(FoundHead {
            newest: NewestEvent {
                position: Position(row.get::<_, i64>(0).cast_unsigned()),
                id: row.get(1),
            },
            is_behind: row.get(2),
        })
    }

    /// Whether an event is where it was seen.
    async fn has(&self, seen: NewestEvent) -> Result<bool, Ended> {
        if seen == NewestEvent::NONE {
            return Ok(true);
        }
        let _hold = hold_clock();
        let position = number(seen.position.0);
        let parameters: [&(dyn ToSql + Sync); 2] = [&position, &seen.id];
        let asked = self.client.query(&self.finds, &parameters);
        let rows = Limits::answered(self.limits.answer, asked).await;
        Ok(!rows.map_err(Ended::By)?.map_err(Ended::by)?.is_empty())
    }

    async fn hint(&self, payload: &str) -> Result<(), Ended> {
        let _hold = hold_clock();
        let parameters: [&(dyn ToSql + Sync); 1] = [&payload];
        let hinted = self.client.query(&self.hints, &parameters);
        let hinted = Limits::answered(self.limits.answer, hinted).await;
        hinted.map_err(Ended::By)?.map_err(Ended::by)?;
        Ok(())
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
