//! When a runner runs whose progress is saved: while it holds the lease. While another runner holds it, this
//! one stands by.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::context::announce;
use crate::escaped::Escaped;
use crate::eventstore::backend::{Position, StoreError};
use crate::eventstore::control::{FollowerKind, FollowerOrder};
use crate::eventstore::events::{LeaseLost, LeaseTaken};
use crate::eventstore::follower::opening::outdated;
use crate::eventstore::follower::{Followed, Follower, FollowerPlace, RunnerEnd, wait};
use crate::eventstore::lease::{Bid, Candidate, Lease, OtherHolder, until_runner_ends};
use crate::module::LeaseStatus;
use crate::race::race;
use crate::sync::lock;

/// The orders to a runner.
type Orders<F> = mpsc::Receiver<FollowerOrder<<<F as Followed>::Kind as FollowerKind>::Order>>;

/// The longest time between two looks of a standby at the progress that the holder has saved; or the lease
/// time, if that is less: tables that were replaced are kept for some of these.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// The end of the wait of a standby between two bids.
enum StandbyAction<O> {
    Stop,
    Refuse(FollowerOrder<O>),
    Bid,
}

impl<F: Followed> Follower<F> {
    /// Follows the store while it holds the lease, until the module has to stop.
    pub(super) async fn run_by_lease(
        &mut self,
        followed: &mut F,
        orders: &mut Orders<F>,
    ) -> Result<(), RunnerEnd> {
        let mut candidate = Candidate::new(F::NAME, &self.store);
        loop {
            let taken = self.until_leading(&mut candidate, followed, orders).await;
            if taken.is_err() {
                self.withdraw(&mut candidate).await;
            }
            let lease = taken?;
            let is_current = followed.is_current(&lease);
            self.take_over(&candidate, lease);
            let ended = match is_current {
                true => Ok(()),
                false => self.renewed(followed).await,
            };
            let ended = match ended {
                Ok(()) => self.follow(followed, orders).await,
                unmade => unmade,
            };
            followed.step_down();
            match ended {
                Err(RunnerEnd::Fenced) => self.give_way(),
                // Found out when the lease was taken: from now on it makes no bids.
                Err(RunnerEnd::Outdated(_)) => {
                    self.release().await;
                    self.control
                        .progress
                        .send_modify(|progress| progress.lease = None);
                }
                Ok(()) | Err(RunnerEnd::Stopped | RunnerEnd::Unmade(_)) => {
                    self.release().await;
                    candidate.end_in_order();
                    return ended;
                }
                Err(RunnerEnd::Unsaved | RunnerEnd::Failed(_)) => return ended,
            }
        }
    }

    /// Waits until it has taken the lease.
    async fn until_leading(
        &self,
        candidate: &mut Candidate,
        followed: &mut F,
        orders: &mut Orders<F>,
    ) -> Result<Lease, RunnerEnd> {
        let (mut head, mut failed, mut look_at) = (None, 0, Instant::now());
        loop {
            self.check_going()?;
            // Begins before the lease is read, so that the end of a runner in between is not missed.
            let ended = until_runner_ends();
            let bid = self.unless_stopped(self.bid(candidate)).await?;
            let mut pause = candidate.pause();
            match bid {
                Ok(Bid::Taken(lease)) => return Ok(lease),
                Ok(Bid::Refused(holder)) => {
                    failed = 0;
                    self.show_idle(None);
                    self.show_holder(holder);
                }
                Ok(Bid::Withheld(why)) => {
                    failed = 0;
                    self.show_idle(Some(why));
                }
                Err(error) if error.is_permanent() => return Err(RunnerEnd::Failed(error)),
                Err(error) => {
                    if failed == 0 {
                        tracing::warn!(name = F::NAME, error = %Escaped(&error), "the event store failed: the bid for the lease is repeated");
                    }
                    failed += 1;
                    pause = wait(failed, &self.ctx.handle().scope);
                }
            }
            // Where a look takes long, looks are rarer: they take a twentieth of the time.
            if look_at <= Instant::now() {
                let began = Instant::now();
                match self.unless_stopped(self.look(followed, &mut head)).await? {
                    Err(error) if error.is_permanent() => return Err(RunnerEnd::Failed(error)),
                    Err(error) => {
                        tracing::debug!(name = F::NAME, error = %Escaped(&error), "the event store failed")
                    }
                    Ok(()) => {}
                }
                let longest = LOOK_WITHIN.min(self.store.settings().lease_time);
                look_at = began + (began.elapsed() * 20).min(longest);
            }
            self.wait_for_bid(orders, race(ended, sleep(pause))).await?;
        }
    }

    /// Takes the lease if it is free, unless a newer program has run.
    async fn bid(&self, candidate: &mut Candidate) -> Result<Bid, StoreError> {
        match outdated::<F>(&self.store).await? {
            None => candidate.bid().await,
            Some(why) => candidate.withhold(why).await,
        }
    }

    /// Waits for `time`, and refuses the orders that come meanwhile: only the runner that holds the lease can
    /// carry them out.
    async fn wait_for_bid(
        &self,
        orders: &mut Orders<F>,
        time: impl Future<Output = ()>,
    ) -> Result<(), RunnerEnd> {
        let mut time = std::pin::pin!(time);
        loop {
            let stop = async {
                self.ctx.cancelled().await;
                StandbyAction::Stop
            };
            let order = async {
                let order = orders.recv().await;
                StandbyAction::Refuse(order.expect("the control sends them, and is held here"))
            };
            let bid = async {
                time.as_mut().await;
                StandbyAction::Bid
            };
            match race(stop, race(order, bid)).await {
                StandbyAction::Stop => return Err(RunnerEnd::Stopped),
                StandbyAction::Bid => return Ok(()),
                StandbyAction::Refuse(order) => {
                    order.refuse::<F::Kind>(self.control.not_running());
                }
            }
        }
    }

    /// Shows the progress that the runner with the lease has saved, also if the store can only be read.
    async fn look(&self, followed: &mut F, head: &mut Option<Position>) -> Result<(), StoreError> {
        let place = FollowerPlace::load(F::NAME, &self.store).await?;
        // The other runner rebuilds it: what it had stored is gone.
        let shown = self.control.progress.borrow().position;
        let is_anew = place.is_emptying || Some(place.position) < shown;
        if is_anew || head.is_none() {
            *head = Some(self.store.head().await?);
        }
        // A program that does not name its tables would read those that are removed.
        let has_other_tables = place.tables.live != 0 && !F::DEFINITION.names_tables;
        // The position is read first, so that what is shown is at least as new as it.
        followed.look(self).await?;
        *lock(&self.control.parked) = place.parked.all();
        self.control.progress.send_modify(|progress| {
            progress.position = Some(place.parked.settled_up_to(place.position));
            progress.is_retrying = place.parked.next_try().is_some();
            // Tables that stand still while others are filled are read all the same.
            let stand_still = place.tables.building.is_some() && place.tables.has_caught_up;
            let has_caught_up = Some(place.position) >= *head || stand_still;
            let has_caught_up = has_caught_up && !place.is_emptying;
            let is_ready = has_caught_up || (progress.is_ready && !is_anew);
            progress.is_ready = is_ready && !has_other_tables;
        });
        Ok(())
    }

    /// Shows that no process runs it, and logs the first time why this runner does not.
    fn show_idle(&self, why: Option<String>) {
        self.control.progress.send_if_modified(|progress| {
            let is_new = progress.idle.as_deref() != why.as_deref();
            if is_new {
                if let Some(why) = &why {
                    tracing::warn!(name = F::NAME, why, "does not run");
                    progress.lease = None;
                }
                progress.idle = why.map(Into::into);
            }
            is_new
        });
    }

    /// Shows which process holds the lease, and logs each change of that.
    fn show_holder(&self, holder: OtherHolder) {
        let OtherHolder { name, epoch } = holder;
        let shown = LeaseStatus {
            holder: name,
            epoch,
            is_own: false,
        };
        self.control.progress.send_if_modified(|progress| {
            let is_new = progress.lease.as_ref() != Some(&shown);
            if is_new {
                let (name, holder) = (F::NAME, &*shown.holder);
                tracing::info!(name, holder, epoch, "stands by: another process runs it");
                progress.lease = Some(shown);
            }
            is_new
        });
    }

    /// Runs with this lease from now on: shows and reports that.
    fn take_over(&mut self, candidate: &Candidate, lease: Lease) {
        let (name, holder, epoch) = (F::NAME, candidate.process(), lease.epoch());
        tracing::debug!(name, holder, epoch, "runs from now on");
        self.control.progress.send_modify(|progress| {
            progress.idle = None;
            progress.lease = Some(LeaseStatus {
                holder: holder.to_owned(),
                epoch,
                is_own: true,
            });
        });
        announce(self.ctx.handle(), || LeaseTaken {
            name: name.to_owned(),
            holder: holder.to_owned(),
            epoch,
        });
        self.lease = Some(Arc::new(lease));
    }

    /// Makes what follows again, because another runner has gone on with it.
    async fn renewed(&self, followed: &mut F) -> Result<(), RunnerEnd> {
        let stopped = async {
            self.ctx.cancelled().await;
            Err(RunnerEnd::Stopped)
        };
        let renewed = async {
            followed.renew(&self.store).await.map_err(|failure| {
                RunnerEnd::Unmade(format!(
                    "`{}` could not be made again to take over: {}",
                    F::NAME,
                    failure.text
                ))
            })
        };
        race(renewed, stopped).await
    }

    /// Stands by, because another runner has taken the lease: shows and reports that.
    fn give_way(&mut self) {
        let epoch = self.lease.take().map_or(0, |lease| lease.epoch());
        self.control
            .progress
            .send_modify(|progress| progress.lease = None);
        tracing::warn!(
            name = F::NAME,
            epoch,
            "the lease is lost to another runner: this one stands by"
        );
        announce(self.ctx.handle(), || LeaseLost {
            name: F::NAME.to_owned(),
            epoch,
        });
    }

    /// Gives the lease back, if a process could wait for it. If that fails, the process waits for the lease
    /// time.
    async fn release(&mut self) {
        if let Some(lease) = self.lease.take()
            && self.store.is_shared()
        {
            self.unless_late(lease.release(&self.store)).await;
        }
    }

    /// Gives back a lease that was taken by a bid whose result was not waited for.
    async fn withdraw(&self, candidate: &mut Candidate) {
        if candidate.may_have_taken() && self.store.is_shared() {
            self.unless_late(candidate.withdraw()).await;
        }
    }
}
