//! When a runner runs whose progress is saved: while it holds the lease. While another runner holds it, this
//! one stands by.

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::context::announce;
use crate::eventstore::backend::{Position, StoreError};
use crate::eventstore::control::{FollowerKind, FollowerOrder};
use crate::eventstore::events::{LeaseLost, LeaseTaken};
use crate::eventstore::follower::{Followed, Follower, FollowerPlace, RunnerEnd, wait};
use crate::eventstore::lease::{Bid, Candidate, Lease, OtherHolder, until_runner_ends};
use crate::module::LeaseStatus;
use crate::race::race;
use crate::sync::lock;

/// The orders to a runner.
type Orders<F> = mpsc::Receiver<FollowerOrder<<<F as Followed>::Kind as FollowerKind>::Order>>;

/// What ends the wait of a standby between two looks.
enum StandbyAction<O> {
    Stop,
    Refuse(FollowerOrder<O>),
    Look,
}

impl<F: Followed> Follower<F> {
    /// Follows the store while it holds the lease, until the module has to stop.
    pub(super) async fn run_by_lease(
        &mut self,
        followed: &mut F,
        orders: &mut Orders<F>,
    ) -> Result<(), RunnerEnd> {
        let mut candidate = Candidate::new(F::NAME, &self.store);
        let mut is_stale = false;
        loop {
            let taken = self.until_leading(&mut candidate, followed, orders, &mut is_stale);
            let lease = taken.await?;
            self.take_over(&candidate, lease);
            let ended = match is_stale {
                true => self.renewed(followed).await,
                false => Ok(()),
            };
            let ended = match ended {
                Ok(()) => self.follow(followed, orders).await,
                unmade => unmade,
            };
            followed.step_down();
            match ended {
                Err(RunnerEnd::Fenced) => self.give_way(),
                Ok(()) | Err(RunnerEnd::Stopped | RunnerEnd::Unmade(_)) => {
                    self.release().await;
                    return ended;
                }
                Err(RunnerEnd::Unsaved | RunnerEnd::Failed(_)) => return ended,
            }
            is_stale = true;
        }
    }

    /// Waits until it has taken the lease. If it had to wait, `is_stale` is set: another runner may have gone
    /// on meanwhile, and what follows was made before that.
    async fn until_leading(
        &self,
        candidate: &mut Candidate,
        followed: &mut F,
        orders: &mut Orders<F>,
        is_stale: &mut bool,
    ) -> Result<Lease, RunnerEnd> {
        let (mut head, mut failed) = (None, 0);
        loop {
            self.check_going()?;
            // Begins before the lease is read, so that the end of a runner in between is not missed.
            let ended = until_runner_ends();
            let began = Instant::now();
            let looked = self.unless_stopped(self.look(candidate, followed, &mut head));
            let pause = match looked.await? {
                Ok(Some(lease)) => return Ok(lease),
                Ok(None) => {
                    failed = 0;
                    candidate.pause(began.elapsed())
                }
                Err(error) if error.is_permanent() => return Err(RunnerEnd::Failed(error)),
                Err(error) => {
                    tracing::warn!(name = F::NAME, %error, "the event store failed: the bid for the lease is repeated");
                    failed += 1;
                    wait(failed, &self.ctx)
                }
            };
            *is_stale = true;
            self.wait_for_look(orders, race(ended, sleep(pause)))
                .await?;
        }
    }

    /// Waits for `time`, and refuses the orders that come meanwhile: only the runner that holds the lease can
    /// carry them out.
    async fn wait_for_look(
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
            let look = async {
                time.as_mut().await;
                StandbyAction::Look
            };
            match race(stop, race(order, look)).await {
                StandbyAction::Stop => return Err(RunnerEnd::Stopped),
                StandbyAction::Look => return Ok(()),
                StandbyAction::Refuse(order) => {
                    let holder = self.control.lease().map(|lease| lease.holder);
                    let reason = match holder {
                        Some(holder) => format!(
                            "it stands by here while {holder} runs it; give the order there"
                        ),
                        None => "it waits for the event store, to learn which process runs it"
                            .to_owned(),
                    };
                    order.refuse::<F::Kind>(self.control.not_running_because(reason.into()));
                }
            }
        }
    }

    /// Takes the lease if it is free; otherwise shows which process holds it, and the progress that this one
    /// has saved.
    async fn look(
        &self,
        candidate: &mut Candidate,
        followed: &mut F,
        head: &mut Option<Position>,
    ) -> Result<Option<Lease>, StoreError> {
        let refused = match candidate.bid().await {
            Ok(Bid::Taken(lease)) => return Ok(Some(lease)),
            Ok(Bid::Refused(holder)) => {
                self.show_holder(holder);
                Ok(None)
            }
            Err(error) if error.is_permanent() => return Err(error),
            // The store may be readable, although the bid could not be written: the progress is shown all the
            // same.
            Err(error) => Err(error),
        };
        if head.is_none() {
            *head = Some(self.store.head().await?);
        }
        let place = FollowerPlace::load(F::NAME, &self.store).await?;
        // The position is read first, so that what is shown is at least as new as it.
        followed.look(self).await?;
        *lock(&self.control.parked) = place.parked.all();
        self.control.progress.send_modify(|progress| {
            progress.position = Some(place.parked.settled_up_to(place.position));
            progress.is_retrying = place.parked.next_try().is_some();
            progress.is_ready |= Some(place.position) >= *head;
        });
        refused
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
        self.lease = Some(lease);
    }

    /// Makes what follows again, because another runner has gone on with it.
    async fn renewed(&self, followed: &mut F) -> Result<(), RunnerEnd> {
        followed.renew().await.map_err(|failure| {
            RunnerEnd::Unmade(format!(
                "`{}` could not be made again to take over: {}",
                F::NAME,
                failure.text
            ))
        })
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
            "another runner has taken over, because this one was silent: it stands by"
        );
        announce(self.ctx.handle(), || LeaseLost {
            name: F::NAME.to_owned(),
            epoch,
        });
    }

    /// Gives the lease back.
    async fn release(&mut self) {
        if let Some(lease) = &self.lease {
            // If that fails, another process waits for the lease time.
            let released = self.write_persistently(|| lease.release(&self.store));
            let _ = released.await;
        }
        self.lease = None;
    }
}
