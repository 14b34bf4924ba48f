//! Projections and sagas in tests without a store or a system: what they are shown, and what they make of it.

use std::collections::BTreeMap;
use std::time::Duration;

use nether::eventstore::{Position, Step, StepFailed, given_projection, given_saga};
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;

#[event(name = "scenario.placed")]
#[derive(Debug, PartialEq)]
pub struct Placed {
    pub order: String,
    pub cents: u64,
    /// How much is lost if the payment does not come; nothing is written of it.
    #[serde(skip)]
    pub remark: String,
}

#[event(name = "scenario.paid")]
pub struct Paid {
    pub order: String,
}

#[event(name = "scenario.elsewhere")]
pub struct Elsewhere;

fn placed(order: &str, cents: u64) -> Placed {
    Placed {
        order: order.to_owned(),
        cents,
        remark: "not written".to_owned(),
    }
}

fn paid(order: &str) -> Paid {
    Paid {
        order: order.to_owned(),
    }
}

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

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("the course is full")]
pub struct Full;

#[command(key = id, name = "scenario.enrol", reply = u32, error = EnrolError)]
pub struct Enrol {
    pub id: String,
    pub course: u32,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
pub enum EnrolError {
    #[error("no seat")]
    NoSeat,
    #[error("{0}")]
    Other(String),
}

#[command(name = "scenario.take_seat", error = Full)]
pub struct TakeSeat {
    pub course: u32,
}

#[command(name = "scenario.free_seat")]
pub struct FreeSeat {
    pub course: u32,
}

#[command(name = "scenario.bill", error = Full)]
pub struct Bill {
    pub course: u32,
}

#[derive(Default)]
pub struct School;

#[module(handles = [TakeSeat, FreeSeat, Bill], manual)]
impl School {
    async fn take(&self, _: TakeSeat) -> Result<(), Full> {
        Ok(())
    }

    async fn free(&self, _: FreeSeat) {}

    async fn bill(&self, _: Bill) -> Result<(), Full> {
        Ok(())
    }
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Enrolment {
    course: u32,
}

#[event(name = "scenario.withdrawn")]
pub struct Withdrawn {
    pub id: String,
}

#[saga(
    key = id,
    starts = [Enrol],
    handles = [Withdrawn],
    ends = [Withdrawn],
    sends = [TakeSeat, FreeSeat, Bill]
)]
impl Enrolment {
    fn begin(&mut self, enrol: &Enrol, step: &mut Step<Self>) {
        let course = enrol.course;
        self.course = course;
        step.send(TakeSeat { course })
            .compensate_with(FreeSeat { course });
        step.send(Bill { course });
        if course > 0 {
            step.end();
        }
    }

    fn withdrawn(&mut self, _: &Withdrawn, _: &mut Step<Self>) {}

    fn answer(&self, failed: &StepFailed) -> EnrolError {
        match failed.error::<Full>() {
            Some(Full) => EnrolError::NoSeat,
            None => EnrolError::Other(failed.to_string()),
        }
    }
}

impl From<&Enrolment> for u32 {
    fn from(enrolment: &Enrolment) -> Self {
        enrolment.course
    }
}

fn enrol() -> Enrol {
    Enrol {
        id: "e-1".to_owned(),
        course: 7,
    }
}

#[test]
fn a_saga_answers_the_command_that_has_started_it() {
    let begun = || given_saga::<Enrolment>(()).when_sent(enrol());
    begun()
        .then_sends((TakeSeat { course: 7 }, Bill { course: 7 }))
        .then_replies::<Enrol>(7);
    begun()
        .when_fails(Full)
        .then_error::<Enrol>(EnrolError::NoSeat);
    begun()
        .when_done()
        .when_fails(nether::Error::msg("the bank is closed"))
        .then_sends(FreeSeat { course: 7 })
        .then_error::<Enrol>(EnrolError::Other(
            "`scenario.bill` failed: the bank is closed".to_owned(),
        ));
}

#[test]
#[should_panic(expected = "`enrolment` has not answered a command")]
fn the_answer_of_an_earlier_saga_is_not_that_of_the_next() {
    let first = given_saga::<Enrolment>(()).when_sent(enrol());
    let next = first.when_sent(Enrol {
        course: 0, // It goes on.
        ..enrol()
    });
    next.then_replies::<Enrol>(7);
}

#[test]
#[should_panic(expected = "`enrolment` answers something else")]
fn another_answer_is_distinguished() {
    let begun = given_saga::<Enrolment>(()).when_sent(enrol());
    begun.then_replies::<Enrol>(8);
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
