//! A producer announces items in the background. Two consumers, attached by hand, each see every item, until
//! one of them has enough and stops the producer. Then the program ends by itself, in order.
//!
//! ```sh
//! cargo run -p producer-consumer
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nether::prelude::*;

#[event]
pub struct ItemProduced {
    pub item: u64,
}

#[event]
pub struct ProducerStopped {
    pub items: u64,
}

#[command]
pub struct StopProducing;

/// Produces until it is stopped. Its handlers take `&self`, so they run beside its background task.
#[derive(Default)]
pub struct Producer {
    has_stopped: AtomicBool,
}

#[module(handles = StopProducing, emits = [ItemProduced, ProducerStopped], manual)]
impl Producer {
    #[background]
    async fn produce(&self, ctx: Context<Self>) -> nether::Result<()> {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        let mut items = 0;
        loop {
            pace.tick().await;
            if self.has_stopped.load(Ordering::Relaxed) || ctx.is_cancelled() {
                break;
            }
            items += 1;
            ctx.publish(ItemProduced { item: items }).await?;
        }
        ctx.publish(ProducerStopped { items }).await?;
        Ok(())
    }

    async fn stop(&self, _: StopProducing) {
        self.has_stopped.store(true, Ordering::Relaxed);
    }
}

/// Sees every item that is produced while it is attached.
pub struct Consumer {
    name: &'static str,
    /// Which item is the last it wants.
    enough: Option<u64>,
    seen: u64,
}

impl Consumer {
    pub fn new(name: &'static str) -> Self {
        Consumer {
            name,
            enough: None,
            seen: 0,
        }
    }

    pub fn with_enough(self, items: u64) -> Self {
        Consumer {
            enough: Some(items),
            ..self
        }
    }
}

#[module(handles = ItemProduced, calls = [StopProducing], manual)]
impl Consumer {
    async fn consume(
        &mut self,
        produced: &ItemProduced,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        self.seen += 1;
        println!("{} sees item {}", self.name, produced.item);
        if self.enough == Some(produced.item) {
            println!("{} has enough", self.name);
            ctx.send(StopProducing).await?;
        }
        Ok(())
    }

    #[on_stop]
    fn stop(&self) {
        println!("{} saw {} items", self.name, self.seen);
    }
}

#[nether::main(flavor = "current_thread")]
async fn main(system: System) -> nether::Result<()> {
    let mut stopped = system.subscribe::<ProducerStopped>();
    system.attach(Consumer::new("ann")).await?;
    system.attach(Consumer::new("bob").with_enough(3)).await?;
    system.attach(Producer::default()).await?;
    if let Some(event) = stopped.next().await {
        println!("the producer stopped after {} items", event.items);
    }
    Ok(()) // Modules stop in the reverse of the order they came.
}

#[cfg(test)]
mod tests;
