//! What projections are shown, and what they make of it.

use std::collections::BTreeMap;
use std::time::Duration;

use nether::eventstore::{Position, given_projection};
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;

use crate::orders::{Elsewhere, Paid, Placed, paid, placed};

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is no order {0}")]
pub struct NoOrder(String);

#[query(reply = u64, error = NoOrder)]
pub struct Open {
    pub order: String,
}

#[derive(Default)]
pub struct Orders {
    cents: BTreeMap<String, u64>,
    remarks: Vec<String>,
    last: Position,
}

#[projection(handles = [Placed, Paid, Open])]
impl Orders {
    async fn placed(&mut self, event: &Placed, at: Position) -> nether::Result<()> {
        tokio::task::yield_now().await;
        if event.cents == 0 {
            return Err(nether::Error::msg("an order of nothing"));
        }
        self.cents.insert(event.order.clone(), event.cents);
        self.remarks.push(event.remark.clone());
        self.last = at;
        Ok(())
    }

    fn paid(&mut self, event: &Paid) {
        self.cents.remove(&event.order);
    }

    fn open(&self, open: Open) -> Result<u64, NoOrder> {
        let cents = self.cents.get(&open.order).copied();
        cents.ok_or(NoOrder(open.order))
    }
}

#[test]
fn a_projection_is_shown_what_was_written_in_order_and_answers() {
    let orders = given_projection(Orders::default())
        .when((placed("a", 1), [placed("b", 2), placed("c", 3)]))
        .when((Elsewhere, Some(paid("a")), Vec::<Paid>::new()));
    let open = |order: &str| {
        orders.ask(Open {
            order: order.to_owned(),
        })
    };
    assert_eq!(open("b"), Ok(2));
    assert_eq!(open("a"), Err(NoOrder("a".to_owned())));
    assert_eq!(orders.projection().last, Position(3));
    assert_eq!(orders.projection().remarks, [""; 3], "as it is read");
}

#[test]
fn an_event_that_a_projection_cannot_handle_is_an_error() {
    let mut orders = given_projection(Orders::default()).when(placed("a", 1));
    let error = orders.error_of(placed("b", 0)).to_string();
    assert_eq!(error, "an order of nothing");
    assert_eq!(orders.projection().last, Position(1));
}

#[test]
#[should_panic(
    expected = "`orders` cannot handle the event `scenario.placed` at position 2: an order of nothing"
)]
fn a_projection_that_fails_says_where() {
    let _ = given_projection(Orders::default()).when([placed("a", 1), placed("b", 0)]);
}

#[event(name = "scenario.measured")]
pub struct Measured {
    pub value: f64,
}

#[derive(Default)]
pub struct Measures {
    sum: f64,
}

#[projection(handles = [Measured])]
impl Measures {
    fn measured(&mut self, event: &Measured) {
        self.sum += event.value;
    }
}

#[test]
#[should_panic(expected = "the event `scenario.measured` cannot be stored")]
fn an_event_that_cannot_be_stored_cannot_have_happened() {
    let measures = given_projection(Measures::default()).when(Measured { value: 0.5 });
    assert_eq!(measures.projection().sum, 0.5);
    let _ = measures.when(Measured { value: f64::NAN });
}

#[derive(Default)]
pub struct Slow;

#[projection(handles = [Paid], timeout = "20ms")]
impl Slow {
    async fn paid(&mut self, _: &Paid) {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}

#[test]
fn a_handler_is_cut_off_as_its_runner_does_it() {
    let error = given_projection(Slow).error_of(paid("a")).to_string();
    assert!(error.contains("longer than 20ms"), "{error}");
}

#[derive(Default)]
pub struct Written;

#[projection(handles = [Paid], transaction = SqliteTransaction)]
impl Written {
    fn paid(&mut self, _: &Paid, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(tx.execute_batch("CREATE TABLE never (a)")?)
    }

    #[on_rebuild]
    fn clear(&mut self, _: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(())
    }
}

#[test]
#[should_panic(expected = "`written` writes in the transactions of a store")]
fn a_projection_in_transactions_needs_its_store() {
    let _ = given_projection(Written);
}

#[derive(Default)]
pub struct Patient {
    seen: u32,
}

#[query(reply = u32)]
pub struct Seen;

#[projection(handles = [Paid, Seen])]
impl Patient {
    async fn paid(&mut self, _: &Paid) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.seen += 1;
    }

    async fn seen(&self, _: Seen) -> u32 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.seen
    }
}

fn patience() {
    let patient = given_projection(Patient::default()).when(paid("a"));
    assert_eq!(patient.ask(Seen).unwrap(), 1);
}

#[test]
fn a_handler_that_waits_is_waited_for() {
    patience();
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_is_waited_for_also_in_a_runtime() {
    patience();
}
