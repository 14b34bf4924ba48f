//! A projection in memory, which needs no lease: every system with the store runs it.

use nether::eventstore::{EventStore, Projections};
use nether::prelude::*;

use crate::leases::{Ordered, leases, order};
use crate::of_many::OfMany;

#[query(reply = usize)]
pub struct Counted;

#[derive(Default)]
pub struct Count(usize);

#[projection(handles = [Ordered, Counted])]
impl Count {
    fn ordered(&mut self, _: &Ordered) {
        self.0 += 1;
    }

    fn counted(&self, _: Counted) -> usize {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_projection_in_memory_needs_no_lease() {
    let backend = OfMany::new(true);
    let both = [backend.open(), backend.open()];
    order(&both[0], 0..3).await;
    let mut systems = Vec::new();
    for store in &both {
        let builder = System::builder().isolated().with::<Projections<Count>>();
        let system = builder.provide(store.clone()).start().await.unwrap();
        assert_eq!(system.context().ask(Counted).await.unwrap(), 3);
        assert_eq!(leases(&system), []);
        systems.push(system);
    }
    assert_eq!(backend.store.documents("lease").await.unwrap(), []);
    for system in systems {
        system.shutdown().await;
    }
}
