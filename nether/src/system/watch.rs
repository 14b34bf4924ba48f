//! Watches for slow handlers, and reports each with the modules that it waits for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::context::{Handle, Origin, announce};
use crate::events::HandlerSlow;
use crate::mediator::{InstanceId, Mediator};
use crate::module::{AnyInstance, BeingHandled, ModuleState};
use crate::race::race;
use crate::registry::Registry;
use crate::scope::{Scope, ScopeKind};
use crate::system::SystemInner;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(1);

/// Looks at all that is being handled a few times within `slow`, and reports what takes longer; again when it
/// takes twice as long.
pub(super) async fn watch(mediator: Arc<Mediator>, system: Weak<SystemInner>, slow: Duration) {
    let scope = Scope::new(Arc::clone(&mediator), ScopeKind::Standing);
    let mut watcher = Watcher {
        slow,
        handle: Handle::new(Arc::new(scope), Origin::Hook),
        seen: HashMap::new(),
    };
    let interval = (slow / 4).max(SHORTEST);
    let mut idle = 0;
    loop {
        if idle >= 2 && !mediator.stopping.has_begun() {
            race(mediator.watch.until_busy(), mediator.stopping.begun()).await;
            idle = 0;
        }
        sleep(interval).await;
        let Some(instances) = system.upgrade().map(|inner| inner.instances()) else {
            return;
        };
        if mediator.stopping.has_ended() {
            return;
        }
        watcher.look(&instances);
        idle = if watcher.seen.is_empty() { idle + 1 } else { 0 };
        if idle == 1 {
            mediator.watch.doze();
        }
    }
}

/// What stands for the message while a module starts: its name, and a slot and a turn that no message has.
const STARTING: (&str, usize, u64) = ("#[on_start]", usize::MAX, u64::MAX);

/// What the instance handles, or that it starts.
fn under_way(instance: &dyn AnyInstance) -> Vec<BeingHandled> {
    let (_, slot, turn) = STARTING;
    match instance.state() {
        ModuleState::Starting => vec![BeingHandled {
            turn,
            slot,
            since: None,
            is_of_report: false,
        }],
        _ => instance.handling(),
    }
}

struct Watcher {
    slow: Duration,
    /// The handle by which reports are published.
    handle: Handle,
    /// What was being handled at the last look.
    seen: HashMap<(InstanceId, u64), WatchedMessage>,
}

#[derive(Clone, Copy)]
struct WatchedMessage {
    since: Instant,
    /// The time after which a slow one is reported.
    limit: Duration,
}

impl Watcher {
    fn look(&mut self, instances: &[Arc<dyn AnyInstance>]) {
        let now = Instant::now();
        let mut seen = HashMap::new();
        for instance in instances {
            for handling in under_way(&**instance) {
                let key = (instance.id(), handling.turn);
                let mut now_seen = self.seen.get(&key).copied().unwrap_or(WatchedMessage {
                    since: handling.since.unwrap_or(now),
                    limit: self.slow,
                });
                let age = now - now_seen.since;
                if age >= now_seen.limit {
                    now_seen.limit = now_seen.limit.max(age).saturating_mul(2);
                    self.report(&**instance, &handling, age);
                }
                seen.insert(key, now_seen);
            }
        }
        self.seen = seen;
    }

    fn report(&self, instance: &dyn AnyInstance, handling: &BeingHandled, age: Duration) {
        let messages = &Registry::of_program().messages;
        let message = messages
            .get(handling.slot)
            .map_or(STARTING.0, |message| message.name());
        let module = instance.descriptor().declaration.name;
        let waits = instance.waits();
        let waits_for: Vec<String> = waits.iter().map(|waits| waits.to_string()).collect();
        tracing::warn!(message, module, ?age, ?waits_for, "a handler takes long");
        if handling.is_of_report {
            return;
        }
        announce(&self.handle, || HandlerSlow {
            message: message.to_owned(),
            module: module.to_owned(),
            instance: instance.index(),
            millis: age.as_millis() as u64,
            waits_for,
        });
    }
}
