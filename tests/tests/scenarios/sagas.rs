//! What sagas send, how they end, and how they fail.

use nether::eventstore::{Step, given_saga};
use nether::prelude::*;

use crate::orders::{Elsewhere, Paid, Placed, paid, placed};

#[command(name = "scenario.reserve")]
pub struct Reserve {
    pub order: String,
}

#[command(name = "scenario.release")]
pub struct Release {
    pub order: String,
}

#[command(name = "scenario.charge")]
pub struct Charge {
    pub order: String,
    pub cents: u64,
}

#[derive(Default)]
pub struct Shop;

#[module(handles = [Reserve, Release, Charge], manual)]
impl Shop {
    async fn reserve(&self, _: Reserve) {}
    async fn release(&self, _: Release) {}
    async fn charge(&self, _: Charge) {}
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Fulfilment {
    order: String,
    cents: u64,
}

#[saga(
    key = order,
    starts = [Placed],
    handles = [Placed, Paid],
    ends = [Paid],
    sends = [Reserve, Release, Charge]
)]
impl Fulfilment {
    async fn placed(&mut self, event: &Placed, step: &mut Step<Self>) -> nether::Result<()> {
        if event.cents == 0 {
            return Err(nether::Error::msg("an order of nothing"));
        }
        self.order.clone_from(&event.order);
        self.cents += event.cents;
        let (order, cents) = (self.order.clone(), event.cents);
        let release = Release {
            order: order.clone(),
        };
        let reserve = Reserve {
            order: order.clone(),
        };
        step.send(reserve).compensate_with(release);
        step.send(Charge { order, cents });
        Ok(())
    }

    fn paid(&mut self, _: &Paid, _: &mut Step<Self>) {}

    #[timeout("30m")]
    fn unpaid(&mut self, step: &mut Step<Self>) {
        step.fail("not paid in time");
    }
}

fn order() -> String {
    "a".to_owned()
}

fn charge(cents: u64) -> Charge {
    Charge {
        order: order(),
        cents,
    }
}

#[test]
fn a_saga_sends_ends_and_begins_again() {
    given_saga::<Fulfilment>(())
        .when(Elsewhere)
        .then_sends_nothing()
        .when(placed("a", 7))
        .then_sends((Reserve { order: order() }, charge(7)))
        .then_goes_on()
        .when(paid("a"))
        .then_sends_nothing()
        .then_ends();
    let again = given_saga::<Fulfilment>((placed("a", 7), paid("a"))).when(paid("a"));
    assert!(again.state().is_none(), "that one is over");
    let again = again.when(placed("b", 2));
    assert_eq!(again.state().unwrap().cents, 2);
}

#[test]
fn a_saga_whose_command_fails_compensates_what_is_done() {
    let placed = || given_saga::<Fulfilment>(()).when(placed("a", 7));
    placed()
        .when_done()
        .then_sends_nothing()
        .when_fails(nether::Error::msg("the card is stolen"))
        .then_sends([Release { order: order() }])
        .then_fails("`scenario.charge` failed: the card is stolen");
    // The first one fails: nothing is done yet.
    placed()
        .when_fails(nether::Error::msg("sold out"))
        .then_sends_nothing()
        .then_fails("sold out");
}

#[test]
fn a_saga_times_out_after_its_commands() {
    given_saga::<Fulfilment>(placed("a", 7))
        .when_times_out("unpaid")
        .then_sends(Release { order: order() })
        .then_fails("not paid in time");
}

#[test]
#[should_panic(expected = "`fulfilment`: no time-out `late` is set; set are [\"unpaid\"]")]
fn a_time_out_that_is_not_set_does_not_fire() {
    let _ = given_saga::<Fulfilment>(placed("a", 7)).when_times_out("late");
}

#[test]
#[should_panic(expected = "`fulfilment` sends other commands")]
fn other_commands_are_distinguished() {
    let _ = given_saga::<Fulfilment>(())
        .when(placed("a", 7))
        .then_sends((Reserve { order: order() }, charge(8)));
}

#[test]
#[should_panic(expected = "`scenario.paid` is for another saga")]
fn a_scenario_is_of_one_saga() {
    let _ = given_saga::<Fulfilment>(placed("a", 7)).when(paid("b"));
}

#[test]
#[should_panic(expected = "`fulfilment` goes on")]
fn a_saga_that_goes_on_has_not_ended() {
    given_saga::<Fulfilment>(placed("a", 7)).then_ends();
}

#[test]
#[should_panic(
    expected = "`fulfilment` cannot handle the event `scenario.placed`: an order of nothing"
)]
fn an_event_that_a_saga_cannot_handle_fails_the_test() {
    let _ = given_saga::<Fulfilment>(placed("a", 0));
}

#[test]
#[should_panic(expected = "`fulfilment`: no command is in flight")]
fn a_command_that_was_not_sent_does_not_fail() {
    let _ = given_saga::<Fulfilment>(placed("a", 7)).when_fails(nether::Error::msg("no"));
}
