//! Events of older programs, of newer ones, and of others.

use nether::CallError;
use nether::eventstore::{
    Aggregates, Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, Store, StoreError,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

/// What version 1 wrote.
#[derive(Serialize, Deserialize)]
pub struct PaidV1 {
    euros: u64,
}

/// What version 2 wrote.
#[derive(Serialize, Deserialize)]
pub struct PaidV2 {
    cents: u64,
}

#[event(name = "till.paid", version = 3, upcast = [in_cents, with_currency])]
pub struct Paid {
    pub cents: u64,
    pub currency: String,
}

fn in_cents(old: PaidV1) -> PaidV2 {
    PaidV2 {
        cents: old.euros * 100,
    }
}

fn with_currency(old: PaidV2) -> Paid {
    Paid {
        cents: old.cents,
        currency: "EUR".into(),
    }
}

#[derive(Debug, PartialEq)]
pub struct Sum(String);

impl From<&Till> for Sum {
    fn from(till: &Till) -> Self {
        Sum(till.paid.join(" "))
    }
}

#[command(key = till, reply = Sum)]
pub struct Pay {
    pub till: u32,
    pub cents: u64,
}

#[derive(Default)]
pub struct Till {
    paid: Vec<String>,
}

#[aggregate(handles = Pay, events = Paid, name = "cash-desk")]
impl Till {
    fn pay(&self, pay: Pay) -> Option<Paid> {
        let currency = "CHF".into();
        (pay.cents > 0).then_some(Paid {
            cents: pay.cents,
            currency,
        })
    }

    fn paid(&mut self, paid: &Paid) {
        self.paid.push(format!("{}{}", paid.cents, paid.currency));
    }
}

fn written<T: Serialize>(
    name: &'static str,
    schema_version: u32,
    content: &T,
    encoding: Encoding,
) -> NewEvent {
    let bytes = match encoding {
        Encoding::MessagePack => rmp_serde::to_vec_named(content).unwrap(),
        _ => serde_json::to_vec(content).unwrap(),
    };
    NewEvent {
        id: EventId::new(),
        name: name.into(),
        schema_version,
        payload: Payload { encoding, bytes },
    }
}

async fn append(store: &Store, stream: &str, events: Vec<NewEvent>) {
    let append = Append {
        stream: stream.into(),
        expected: Expected::Any,
        events,
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
}

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Till>>()
        .provide(store.clone());
    builder.start().await.unwrap()
}

/// What the till sums up to, or why that cannot be known.
async fn sum(store: &Store, till: u32) -> Result<Sum, CallError<nether::Error>> {
    let system = started(store).await;
    let sum = system.context().send(Pay { till, cents: 0 }).await;
    system.shutdown().await;
    sum
}

#[tokio::test]
async fn what_older_versions_wrote_is_read_in_any_encoding() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let events = vec![
            written("till.paid", 1, &PaidV1 { euros: 3 }, encoding),
            written("till.paid", 2, &PaidV2 { cents: 250 }, encoding),
        ];
        append(&store, "cash-desk/1", events).await;
        let system = started(&store).await;
        let sum = system
            .context()
            .send(Pay { till: 1, cents: 5 })
            .await
            .unwrap();
        assert_eq!(sum, Sum("300EUR 250EUR 5CHF".into()));
        system.shutdown().await;
        let last = store
            .read_all(nether::eventstore::Position(2), 9)
            .await
            .unwrap();
        assert_eq!(
            (last[0].schema_version, last[0].payload.encoding),
            (3, encoding)
        );
        // The encoding of a store is how it writes: it reads all of them.
        let store = store.encoding(Encoding::Json);
        assert_eq!(self::sum(&store, 1).await.unwrap(), sum);
    }
}

#[tokio::test]
async fn an_event_that_is_not_known_is_named_and_skipped_only_if_its_name_is_not_listed() {
    let unlisted = || written("till.robbed", 1, &(), Encoding::Json);
    let newer = || written("till.paid", 4, &(), Encoding::Json);
    let damaged = || written("till.paid", 3, &"??", Encoding::Json);
    let known = || written("till.paid", 2, &PaidV2 { cents: 250 }, Encoding::Json);
    for (event, name, why) in [
        (
            unlisted(),
            "till.robbed",
            "not in the `events` of `eventstore::versions::Till`",
        ),
        (newer(), "till.paid", "written by a newer one"),
        (damaged(), "till.paid", "invalid type"),
    ] {
        let store = Store::memory();
        append(&store, "other/1", vec![known()]).await;
        append(&store, "cash-desk/1", vec![known(), event, known()]).await;
        let CallError::Unavailable(error) = sum(&store, 1).await.unwrap_err() else {
            panic!("the store is to blame");
        };
        let text = format!("{error}: {}", chain(&*error));
        for part in ["`cash-desk/1`", "position 3", &format!("`{name}`"), why] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // Another aggregate does not know of it.
        assert_eq!(sum(&store, 2).await.unwrap(), Sum(String::new()));
        let skipping = sum(&store.skip_unknown_events(), 1).await;
        match name {
            "till.robbed" => assert_eq!(skipping.unwrap(), Sum("250EUR 250EUR".into())),
            _ => assert!(matches!(skipping, Err(CallError::Unavailable(_)))),
        }
    }
}

/// An error with all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

#[tokio::test]
async fn a_store_that_has_failed_says_so() {
    let store = Store::memory();
    append(
        &store,
        "cash-desk/1",
        vec![written("till.robbed", 1, &(), Encoding::Json)],
    )
    .await;
    let CallError::Unavailable(error) = sum(&store, 1).await.unwrap_err() else {
        panic!("the store is to blame");
    };
    let source = std::error::Error::source(&*error).expect("the store's error");
    let unknown = source.downcast_ref::<StoreError>();
    assert!(
        matches!(
            unknown,
            Some(StoreError::Unknown {
                schema_version: 1,
                ..
            })
        ),
        "{source:?}"
    );
}
