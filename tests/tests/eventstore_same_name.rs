//! Two aggregates of one name do not start: they would read each other's events.

use nether::eventstore::Store;
use nether::prelude::*;

macro_rules! aggregates {
    ($($state:ident $command:ident $event:ident $name:literal),*) => {
        $(
            #[command(key = account)]
            pub struct $command { pub account: u32 }

            #[event(name = $name)]
            pub struct $event;

            #[derive(Default)]
            pub struct $state;

            #[aggregate(handles = $command, events = $event, name = "account")]
            impl $state {
                fn open(&self, _: $command) -> $event {
                    $event
                }

                fn opened(&mut self, _: &$event) {}
            }
        )*
    };
}

aggregates!(
    Current OpenCurrent CurrentOpened "current.opened",
    Savings OpenSavings SavingsOpened "savings.opened"
);

#[tokio::test]
async fn both_are_named() {
    let builder = System::builder().provide(Store::memory());
    let error = builder.start().await.unwrap_err().to_string();
    for part in [
        "eventstore_same_name::Current",
        "eventstore_same_name::Savings",
        "`account/`",
        "name = ",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
