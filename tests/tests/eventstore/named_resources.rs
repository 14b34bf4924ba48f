//! Decisions that ask for one of several resources of a type, by its name.

use nether::eventstore::{Aggregates, Store};
use nether::prelude::*;

/// Rates of one source.
pub struct Rates(u64);

#[command(name = "named.convert", key = wallet, reply = Cents)]
pub struct Convert {
    pub wallet: u32,
    pub coins: u64,
}

#[command(name = "named.appraise", key = wallet, reply = Cents)]
pub struct Appraise {
    pub wallet: u32,
    pub coins: u64,
}

#[event(name = "named.converted")]
pub struct Converted {
    pub cents: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cents(u64);

#[derive(Default)]
pub struct Wallet {
    cents: u64,
}

impl From<&Wallet> for Cents {
    fn from(wallet: &Wallet) -> Self {
        Cents(wallet.cents)
    }
}

#[aggregate(handles = [Convert, Appraise], events = Converted)]
impl Wallet {
    fn convert(
        &self,
        convert: Convert,
        #[resource("archive")] old: Resource<Rates>,
        new: Resource<Rates>,
    ) -> Converted {
        Converted {
            cents: convert.coins * (100 * old.0 + new.0),
        }
    }

    fn appraise(
        &self,
        appraise: Appraise,
        #[resource("spare")] spare: Resource<Rates>,
    ) -> Converted {
        Converted {
            cents: appraise.coins * spare.0,
        }
    }

    fn converted(&mut self, event: &Converted) {
        self.cents = event.cents;
    }
}

fn builder() -> SystemBuilder {
    let builder = System::builder().isolated().with::<Aggregates<Wallet>>();
    builder.provide(Store::memory()).provide(Rates(3))
}

#[tokio::test]
async fn a_decision_asks_for_the_resource_of_a_name() {
    let builder = builder().provide_named("archive", Rates(7));
    let builder = builder.provide_named("spare", Rates(11));
    let system = builder.start().await.unwrap();
    let ctx = system.context();
    let converted = ctx.send(Convert {
        wallet: 1,
        coins: 2,
    });
    assert_eq!(converted.await.unwrap(), Cents(1406));
    let appraised = ctx.send(Appraise {
        wallet: 1,
        coins: 2,
    });
    assert_eq!(appraised.await.unwrap(), Cents(22));
}

#[tokio::test]
async fn a_resource_of_a_name_that_a_decision_asks_for_and_is_not_provided_is_a_start_problem() {
    let builder = builder().provide_named("archive", Rates(7));
    let problems = builder.start().await.unwrap_err().to_string();
    assert!(problems.contains("\"spare\""), "{problems}");
    assert!(!problems.contains("\"archive\""), "{problems}");
}
