//! Modules that all get an event: several values of one type.

use nether::{Attached, prelude::*};
use tokio::sync::mpsc;

use crate::contestants::nether::empty;
use crate::contract::{Audience, Audiences};

#[event(local)]
struct Added(u64);

struct Listener {
    sum: u64,
    /// Takes the sum when the module stops.
    report: mpsc::UnboundedSender<u64>,
}

#[module(handles = Added, manual)]
impl Listener {
    async fn added(&mut self, &Added(number): &Added) {
        self.sum += number;
    }

    #[on_stop]
    fn stop(&mut self) {
        let _ = self.report.send(self.sum);
    }
}

pub(super) struct Listeners;

impl Audiences for Listeners {
    type Audience = Opened;

    async fn audience(&self, members: usize) -> Opened {
        let system = empty().await;
        let (report, reports) = mpsc::unbounded_channel();
        let mut listeners = Vec::with_capacity(members);
        for _ in 0..members {
            let listener = Listener {
                sum: 0,
                report: report.clone(),
            };
            listeners.push(system.attach(listener).await.expect("events are for all"));
        }
        Opened {
            ctx: system.context(),
            system,
            listeners,
            reports,
        }
    }
}

/// An open context, and what it takes to end.
pub(super) struct Opened {
    ctx: Context,
    system: System,
    listeners: Vec<Attached<Listener>>,
    reports: mpsc::UnboundedReceiver<u64>,
}

impl Audience for Opened {
    async fn publish(&self, number: u64) {
        self.ctx.publish(Added(number)).await.expect("accepted");
    }

    async fn settle(&mut self) {
        let ctx = std::mem::replace(&mut self.ctx, self.system.context());
        ctx.close().await.expect("nothing fails");
    }

    async fn totals(mut self) -> Vec<u64> {
        let mut totals = Vec::with_capacity(self.listeners.len());
        for listener in self.listeners {
            self.system.detach(listener).await;
            totals.push(self.reports.recv().await.expect("it reports when it stops"));
        }
        totals
    }
}
