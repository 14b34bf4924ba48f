//! [`System::shutdown`]: the phases in which a system stops, and its report.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout_at};

use crate::context::end_delayed;
use crate::error::Error;
use crate::guarded::drop_unpanicked;
use crate::instants::{in_future, later};
use crate::module::AnyInstance;
use crate::sync::lock;
use crate::system::System;
use crate::system::attach::disconnect;

/// The report of a system that has stopped. [`Display`](fmt::Display) prints it in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How many messages were handled, by all modules that ever ran.
    pub handled: u64,
    /// How many messages failed there: by an error, a panic or a time-out.
    pub failed: u64,
    /// The messages that were accepted but not handled.
    pub dead_letters: Vec<DeadLetters>,
    /// The names of the modules that had to be cut off, since they did not stop in time.
    pub cut_off: Vec<&'static str>,
    /// How many accepted messages had no end when the report was made: their modules were cut off, and have
    /// not even ended that in time, because handlers block their threads or there is very much to drop.
    pub unfinished: u64,
    /// How many tasks that contexts had [spawned](crate::Context::spawn), and how many steps of
    /// [transactions](crate::Transaction), had to be cut off, since they did not end in time. Those
    /// that have still not ended when the report is made are among them.
    pub tasks_cut_off: u64,
    /// How many requests to the web server had to be cut off, since they were not done in time. Their clients
    /// were answered with 503, or got a part of their answer. A web socket, or another upgraded connection,
    /// whose handler did not let go of it counts as one.
    pub requests_cut_off: u64,
}

/// Messages of one type that were accepted but not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetters {
    /// The message's name.
    pub message: &'static str,
    /// The name of the module that would have handled them; of messages that were [delayed](crate::Delayed)
    /// and not sent, the module that delayed them.
    pub module: &'static str,
    /// How many.
    pub count: u64,
}

impl System {
    /// Stops the system, and returns a report.
    ///
    /// Messages from outside of handlers are refused from now on
    /// ([`SendError::Stopping`](crate::SendError::Stopping)). What modules have [delayed](crate::Delayed) is
    /// not sent, and becomes dead letters. Messages in flight are handled to their end, with all they cause.
    /// Then the contexts of background tasks are cancelled, and modules stop in the
    /// reverse of the order in which they started: each handles what it still has and runs its `#[on_stop]`.
    /// All of that may take [`SystemBuilder::shutdown_timeout`](crate::SystemBuilder::shutdown_timeout); what
    /// is left then is cut off, and reported as dead letters.
    ///
    /// If an exclusive module is cut off, its running handler is dropped where it waits, and its `#[on_stop]`
    /// does not run. The handlers of a shared module are no longer waited for.
    ///
    /// A second call waits for the same end and returns the same report. A handler cannot wait for it,
    /// because the shutdown waits for the handler: let it publish an event, or spawn a task.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// # #[event]
    /// # pub struct Ping;
    /// # struct Ears;
    /// # #[module(handles = Ping, manual)]
    /// # impl Ears {
    /// #     async fn ping(&mut self, _: &Ping) {}
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start().await?;
    /// let _ears = system.attach(Ears).await?;
    /// let ctx = system.context();
    /// ctx.publish(Ping).await?;
    /// let report = system.shutdown().await;
    /// assert_eq!(report.to_string(), "1 messages handled, 0 failed");
    /// assert!(ctx.publish(Ping).await.is_err()); // The system is stopping and refused it.
    /// # Ok(()) }
    /// ```
    pub async fn shutdown(&self) -> ShutdownReport {
        if !self.inner.has_shut_down.swap(true, Ordering::SeqCst) {
            let system = self.clone();
            // A task of its own: the caller may stop waiting, and the system stops all the same.
            let runtime = self.inner.mediator.runtime.clone();
            runtime.spawn(async move {
                let end = ShutdownEnd(system);
                end.0.stop().await;
            });
        }
        self.inner.report.wait().await.clone()
    }

    async fn stop(&self) {
        let deadline = in_future(self.inner.shutdown_timeout);
        let cut_off_at = later(deadline, self.inner.shutdown_timeout / 4);
        let mediator = &self.inner.mediator;
        let _ = self.inner.stop_deadline.set(deadline);
        mediator.stopping.begin();
        end_delayed(mediator);
        if let Some(limit) = &mediator.limit {
            limit.close();
        }
        let paused = self.instances();
        paused.iter().for_each(|instance| instance.pause(false));
        let _ = timeout_at(deadline, mediator.stopping.until(|| self.is_quiet())).await;
        mediator.tasks.cut_off(cut_off_at); // Those that have not ended in time.
        let have_ended = || mediator.tasks.ended() == mediator.tasks.begun();
        let _ = timeout_at(cut_off_at, mediator.stopping.until(have_ended)).await;
        let instances = self.instances();
        instances
            .iter()
            .for_each(|instance| instance.stop_background());
        for (left, instance) in (1..=instances.len() as u32)
            .rev()
            .zip(instances.iter().rev())
        {
            // One that never ends must not cost the others their `#[on_stop]`: past the deadline, each that
            // has nothing to handle gets its part of what is granted then, and the last one leaves a part to
            // be cut off in. The server cuts off requests at the deadline, and has to notify their clients.
            let is_idle = instance.ended() == instance.accepted();
            let from = Instant::now().max(deadline);
            let until = if is_idle {
                from + cut_off_at.saturating_duration_since(from) / (left + 1)
            } else {
                deadline
            };
            if timeout_at(until, Arc::clone(instance).stop())
                .await
                .is_err()
            {
                // A handler that never awaits cannot be ended, so it is not waited for for ever.
                let _ = timeout_at(cut_off_at, Arc::clone(instance).cut_off()).await;
                lock(&self.inner.cut_off).push(instance.descriptor().declaration.name);
            }
            disconnect(mediator, &**instance);
        }
        // The last hooks and handlers may have left transactions whose end is not done yet.
        let _ = timeout_at(cut_off_at, mediator.stopping.until(have_ended)).await;
        let report = self.count();
        if report.has_cut_off() {
            tracing::warn!(%report, "the system has stopped, and cut off what was not done in time");
        } else {
            tracing::info!(%report, "the system has stopped");
        }
    }

    /// What all modules did.
    fn count(&self) -> ShutdownReport {
        let instances = lock(&self.inner.instances);
        self.inner.is_reported.store(true, Ordering::SeqCst);
        let mut report = lock(&self.inner.detached).report();
        report.cut_off = lock(&self.inner.cut_off).clone();
        report.tasks_cut_off = self.inner.mediator.tasks.were_cut_off();
        report.requests_cut_off = self.inner.requests_cut_off.load(Ordering::Relaxed);
        instances
            .values()
            .for_each(|instance| report.add(&**instance));
        for ((module, message), count) in self.inner.mediator.delayed.lost() {
            report.add_dead_letters(message, module, count);
        }
        report
    }

    /// Whether nothing is in flight. The counts only grow, and a handler's message ends after those it causes
    /// are accepted; so if all that was accepted by now had ended before, nothing was in flight in between
    /// (F. Mattern, "Algorithms for distributed termination detection", 1987).
    pub(crate) fn is_quiet(&self) -> bool {
        let mut instances = self.instances();
        instances.extend(lock(&self.inner.detached).leaving().cloned());
        let tasks = &self.inner.mediator.tasks;
        let ended: u64 = instances.iter().map(|instance| instance.ended()).sum();
        let ended = ended + tasks.ended();
        let accepted: u64 = instances.iter().map(|instance| instance.accepted()).sum();
        ended == accepted + tasks.begun()
    }
}

/// The end of a shutdown. Dropped, it gives the report to all who wait for it, also if the shutdown panicked
/// (the log, for one, is written by code of the user's) or its runtime is gone.
struct ShutdownEnd(System);

impl Drop for ShutdownEnd {
    fn drop(&mut self) {
        let System { inner } = &self.0;
        inner.mediator.stopping.end();
        inner.mediator.end_subscriptions();
        // Values that have no other holder are dropped before the report: a store is closed then.
        let resources = inner.mediator.resources.swap(Arc::default());
        drop_unpanicked(resources);
        let _ = inner.report.set(self.0.count());
    }
}

impl ShutdownReport {
    /// Whether the stop had to cut something off: a module, a spawned task or a request. A program that
    /// [`#[nether::main]`](macro@crate::main) runs then ends with an exit code that is not 0.
    pub fn has_cut_off(&self) -> bool {
        !self.cut_off.is_empty() || self.tasks_cut_off > 0 || self.requests_cut_off > 0
    }

    /// The report as an error, if something was cut off.
    pub(crate) fn failure(&self) -> Option<Error> {
        let text = || Error::msg(format_args!("the stop was not in order: {self}"));
        self.has_cut_off().then(text)
    }

    /// Adds what a module did in its life.
    pub(super) fn add(&mut self, instance: &dyn AnyInstance) {
        let accepted = instance.accepted(); // Before what has ended is read, so that none is counted twice.
        let ended = instance.ended();
        let work = instance.work();
        let module = instance.descriptor().declaration.name;
        self.unfinished += accepted.saturating_sub(ended);
        self.handled += work.handled;
        self.failed += work.failed;
        for (message, count) in work.letters {
            self.add_dead_letters(message, module, count);
        }
    }

    fn add_dead_letters(&mut self, message: &'static str, module: &'static str, count: u64) {
        let mut known = self.dead_letters.iter_mut();
        match known.find(|known| (known.message, known.module) == (message, module)) {
            Some(known) => known.count += count,
            None => self.dead_letters.push(DeadLetters {
                message,
                module,
                count,
            }),
        }
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages handled, {} failed",
            self.handled, self.failed
        )?;
        for letters in &self.dead_letters {
            write!(
                f,
                ", {} `{}` not handled by `{}`",
                letters.count, letters.message, letters.module
            )?;
        }
        for module in &self.cut_off {
            write!(f, ", `{module}` cut off")?;
        }
        if self.unfinished > 0 {
            write!(f, ", {} messages unfinished", self.unfinished)?;
        }
        if self.tasks_cut_off > 0 {
            write!(f, ", {} tasks cut off", self.tasks_cut_off)?;
        }
        if self.requests_cut_off > 0 {
            write!(f, ", {} requests cut off", self.requests_cut_off)?;
        }
        Ok(())
    }
}
