//! Events that are retired after a projection was stored: its list is compared by all the names under which
//! what it handles is stored.

use std::sync::{Arc, Mutex};

use nether::eventstore::{Projections, Store};
use nether::prelude::*;

use crate::of_many::OfMany;
use crate::unsteady::raw;

#[event(name = "retired_lists.paid")]
pub struct Paid {
    pub cents: i64,
}

/// What it was before.
#[event(name = "retired_lists.settled", becomes = paid)]
pub struct Settled {
    pub cents: i64,
}

fn paid(old: Settled) -> Paid {
    Paid { cents: old.cents }
}

/// What was taken, and how often that was emptied.
type Till = Arc<Mutex<(i64, u32)>>;

pub struct Takings(Resource<Till>);

#[projection(name = "takings", handles = [Paid])]
impl Takings {
    #[init]
    fn new(till: Resource<Till>) -> Self {
        Takings(till)
    }

    fn paid(&mut self, event: &Paid) {
        self.0.lock().unwrap().0 += event.cents;
    }

    #[on_rebuild]
    fn clear(&mut self) {
        let mut till = self.0.lock().unwrap();
        *till = (0, till.1 + 1);
    }
}

/// Runs it with one event of each name, both before its checkpoint, after a program that has handled those
/// of `listed`, which are `taken`.
async fn run_after(listed: &[&str], taken: i64) -> (i64, u32) {
    let backend = OfMany::new(false);
    let store: Store = backend.open();
    for (name, json) in [
        ("retired_lists.settled", r#"{"cents":5}"#),
        ("retired_lists.paid", r#"{"cents":7}"#),
    ] {
        store.append(raw("till/1", name, 1, json)).await.unwrap();
    }
    let listed = listed.join(r#"",""#);
    let definition = format!(r#"{{"version":1,"handles":["{listed}"],"began_behind":0}}"#);
    let definition = definition.into_bytes();
    backend.put("definition", "takings", Some(definition)).await;
    backend
        .put("checkpoint", "takings", Some(b"2".to_vec()))
        .await;
    let till: Till = Arc::new(Mutex::new((taken, 0)));
    // The second start finds nothing that has changed.
    for _ in 0..2 {
        let store = backend.open();
        let builder = System::builder().isolated().with::<Projections<Takings>>();
        let builder = builder.provide(store.clone()).provide(Arc::clone(&till));
        let system = builder.start().await.unwrap();
        let projection = store.projection::<Takings>().unwrap();
        projection.caught_up().await.unwrap();
        system.shutdown().await;
    }
    *till.lock().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_projection_counts_what_was_stored_before_it_was_retired_into_a_listed_event() {
    let after = run_after(&["retired_lists.paid"], 7).await;
    assert_eq!(after, (12, 1), "it is rebuilt");
}

#[tokio::test(start_paused = true)]
async fn a_projection_that_no_longer_lists_what_was_retired_into_another_of_its_events_is_the_same()
{
    let after = run_after(&["retired_lists.paid", "retired_lists.settled"], 12).await;
    assert_eq!(after, (12, 0));
}

#[tokio::test(start_paused = true)]
async fn a_projection_that_lists_what_its_event_has_become_counts_what_was_stored_as_that() {
    let after = run_after(&["retired_lists.settled"], 5).await;
    assert_eq!(after, (12, 1), "it is rebuilt");
}
