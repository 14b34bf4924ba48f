//! Decisions over several aggregates.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nether::eventstore::{Facts, given_decision, given_decision_with};
use nether::prelude::*;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("only {0} cents")]
pub struct NotEnough(u64);

#[command(error = NotEnough, reply = Receipt)]
pub struct Transfer {
    pub from: u32,
    pub to: u32,
    pub cents: u64,
}

#[command(reply = Receipt)]
pub struct Compare {
    pub from: u32,
    pub to: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    pub from: u64,
    pub to: u64,
}

impl From<(&Account, &Account)> for Receipt {
    fn from((from, to): (&Account, &Account)) -> Self {
        Receipt {
            from: from.cents,
            to: to.cents,
        }
    }
}

#[event(name = "scenario.decisions.deposited")]
pub struct Deposited {
    pub cents: u64,
}

#[event(name = "scenario.decisions.withdrawn")]
pub struct Withdrawn {
    pub cents: u64,
    pub by: Option<String>,
}

#[derive(Default)]
pub struct Account {
    cents: u64,
}

#[aggregate(handles = [], events = [Deposited, Withdrawn])]
impl Account {
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }

    fn withdrawn(&mut self, event: &Withdrawn) {
        self.cents -= event.cents;
    }
}

/// What a transfer costs.
pub struct Fee(u64);

pub struct Transfers;

#[decision(handles = [Transfer, Compare], of = [Account(from), Account(to)])]
impl Transfers {
    async fn transfer(
        transfer: Transfer,
        from: &Account,
        _to: &Account,
        fee: Resource<Fee>,
        facts: &Facts,
    ) -> Result<(Withdrawn, Deposited), NotEnough> {
        tokio::task::yield_now().await;
        let cents = transfer.cents + fee.0;
        if from.cents < cents {
            return Err(NotEnough(from.cents));
        }
        let by = facts.principal().map(|it| it.id().to_owned());
        let deposited = Deposited {
            cents: transfer.cents,
        };
        Ok((Withdrawn { cents, by }, deposited))
    }

    fn compare(_: Compare, _: &Account, _: &Account) {}
}

fn transfer(from: u32, to: u32, cents: u64) -> Transfer {
    Transfer { from, to, cents }
}

fn deposited(cents: u64) -> Deposited {
    Deposited { cents }
}

#[test]
fn a_decision_is_shown_what_has_happened_to_each_aggregate_and_answers() {
    let fee = || (Resource::new(Fee(1)),);
    let withdrawn = |by: Option<&str>| Withdrawn {
        cents: 31,
        by: by.map(str::to_owned),
    };
    let receipt = given_decision_with::<Transfers, _>(fee(), ([deposited(40), deposited(10)], ()))
        .when(transfer(1, 2, 30))
        .then((withdrawn(None), deposited(30)));
    assert_eq!(receipt, Receipt { from: 19, to: 30 });
    given_decision_with::<Transfers, _>(fee(), (deposited(50), deposited(1)))
        .with_facts(Facts::new().with_principal("ann"))
        .when(transfer(1, 2, 30))
        .then((withdrawn(Some("ann")), deposited(30)));
    given_decision_with::<Transfers, _>(fee(), ())
        .when(transfer(1, 2, 30))
        .then_error(NotEnough(0));
    let compared = given_decision_with::<Transfers, _>(fee(), (deposited(5), deposited(6)))
        .when(Compare { from: 1, to: 2 })
        .then_nothing();
    assert_eq!(compared, Receipt { from: 5, to: 6 });
}

#[test]
fn one_aggregate_in_two_places_of_a_decision_has_one_state() {
    let fee = (Resource::new(Fee(1)),);
    let receipt = given_decision_with::<Transfers, _>(fee, (deposited(20), deposited(30)))
        .when(transfer(7, 7, 40))
        .into_result();
    assert_eq!(receipt, Ok(Receipt { from: 49, to: 49 }));
}

#[test]
fn a_decision_that_comes_to_something_else_fails_the_test_and_says_what_happened() {
    let fee = || (Resource::new(Fee(0)),);
    let decided =
        || given_decision_with::<Transfers, _>(fee(), (deposited(40), ())).when(transfer(1, 2, 30));
    let why = |failing: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(failing)).unwrap_err();
        *panic.downcast::<String>().unwrap()
    };
    let other = why(&|| {
        decided().then((deposited(30), deposited(30)));
    });
    assert!(
        other.contains("other events happened") && other.contains("scenario.decisions.withdrawn"),
        "{other}"
    );
    let accepted = why(&|| decided().then_error(NotEnough(1)));
    assert!(accepted.contains("was not refused"), "{accepted}");
    let refused = why(&|| {
        let poor = given_decision_with::<Transfers, _>(fee(), ());
        poor.when(transfer(1, 2, 30)).then_nothing();
    });
    assert!(refused.contains("was refused: only 0 cents"), "{refused}");
}

/// A decision without resources.
pub struct Comparing;

#[command]
pub struct Look {
    pub one: u32,
    pub other: u32,
}

#[decision(handles = [Look], of = [Account(one), Account(other)])]
impl Comparing {
    fn look(_: Look, one: &Account, other: &Account) -> Option<(Deposited, ())> {
        (one.cents < other.cents).then(|| (deposited(other.cents - one.cents), ()))
    }
}

#[test]
fn a_decision_without_resources_needs_none() {
    let look = || Look { one: 1, other: 2 };
    given_decision::<Comparing, _>((deposited(1), deposited(3)))
        .when(look())
        .then((deposited(2), ()));
    given_decision::<Comparing, _>(())
        .when(look())
        .then_nothing();
}
