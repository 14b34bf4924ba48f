//! Aggregates: commands decide, events evolve, the store keeps them.

use nether::eventstore::Store;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum AccountError {
    #[error("not enough money")]
    NotEnough,
}

#[derive(Debug, PartialEq)]
pub struct Balance(u64);

impl From<&Account> for Balance {
    fn from(account: &Account) -> Self {
        Balance(account.cents)
    }
}

#[command(key = account_id)]
pub struct OpenAccount {
    pub account_id: String,
}

#[command(key = account_id, reply = Balance, error = AccountError)]
pub struct Withdraw {
    pub account_id: String,
    pub cents: u64,
}

#[event(name = "account.opened")]
pub struct Opened {
    pub account_id: String,
}

#[event(name = "account.withdrawn")]
pub struct Withdrawn {
    pub cents: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Account {
    cents: u64,
}

impl Account {
    fn open(&self, open: OpenAccount) -> Opened {
        Opened {
            account_id: open.account_id,
        }
    }

    async fn withdraw(
        &self,
        withdraw: Withdraw,
        limit: Resource<u64>,
    ) -> Result<(Withdrawn, Withdrawn), AccountError> {
        if withdraw.cents > self.cents.min(*limit) {
            return Err(AccountError::NotEnough);
        }
        let cents = withdraw.cents;
        Ok((Withdrawn { cents }, Withdrawn { cents: 0 }))
    }

    fn opened(&mut self, _: &Opened) {
        self.cents = 100;
    }

    fn withdrawn(&mut self, event: &Withdrawn) {
        self.cents -= event.cents;
    }
}

// What `#[event]` will add, and `#[command(key)]`.
const _: () = {
    use nether::__private::eventstore as es;
    impl es::StoredEvent for Opened {
        const SCHEMA: &'static es::EventSchema = &es::EventSchema {
            name: <Opened as nether::__private::Message>::NAME,
            version: 1,
            declaration: nether::__private::Declaration {
                name: <Opened as nether::__private::Message>::NAME,
                file: file!(),
                line: line!(),
                column: column!(),
            },
            fields: &[es::FieldSchema {
                name: "account_id",
                ty: "String",
                optional: false,
            }],
        };
        fn upcast(_: u32, _: &es::Payload) -> Option<Result<Self, es::Unreadable>> {
            None
        }
    }
    impl es::StoredEvent for Withdrawn {
        const SCHEMA: &'static es::EventSchema = &es::EventSchema {
            name: <Withdrawn as nether::__private::Message>::NAME,
            version: 1,
            declaration: nether::__private::Declaration {
                name: <Opened as nether::__private::Message>::NAME,
                file: file!(),
                line: line!(),
                column: column!(),
            },
            fields: &[],
        };
        fn upcast(_: u32, _: &es::Payload) -> Option<Result<Self, es::Unreadable>> {
            None
        }
    }
    nether::__private::inventory::submit! { es::EventRegistration(<Opened as es::StoredEvent>::SCHEMA) }
    impl es::Keyed for OpenAccount {
        type Key = String;
        fn key(&self) -> &String {
            &self.account_id
        }
    }
    impl es::Keyed for Withdraw {
        type Key = String;
        fn key(&self) -> &String {
            &self.account_id
        }
    }
};

// What `#[aggregate]` will make.
const _: () = {
    use nether::__private as p;
    use p::eventstore as es;
    static DESCRIPTOR: p::ModuleDescriptor = p::ModuleDescriptor {
        declaration: p::Declaration {
            name: concat!(module_path!(), "::", "Account"),
            file: file!(),
            line: line!(),
            column: column!(),
        },
        kind: p::ModuleKind::Shared,
        handles: &[
            <OpenAccount as p::TakenByValue>::PROOF,
            <Withdraw as p::TakenByValue>::PROOF,
        ],
        emits: &[
            <Opened as p::Message>::PROOF,
            <Withdrawn as p::Message>::PROOF,
        ],
        calls: &[],
        after: &[],
        instances: 1,
        mailbox: p::Option::None,
        restart: p::RestartPolicy {
            restart: p::Restart::Resume,
            max_restarts: 5,
            within: p::Duration::from_millis(30_000),
            is_essential: false,
        },
        breaker: p::Option::None,
        resources: &[
            <Resource<Store> as p::InitArgument>::DESCRIPTOR,
            <Resource<u64> as p::InitArgument>::DESCRIPTOR,
        ],
        launch: p::Option::Some(p::launch::<es::Aggregates<Account>>),
    };
    pub enum AccountEvent {
        Opened(Opened),
        Withdrawn(Withdrawn),
    }
    impl From<Opened> for AccountEvent {
        fn from(event: Opened) -> Self {
            AccountEvent::Opened(event)
        }
    }
    impl From<Withdrawn> for AccountEvent {
        fn from(event: Withdrawn) -> Self {
            AccountEvent::Withdrawn(event)
        }
    }
    impl es::EventOf<Account> for Opened {
        fn into_event(self) -> AccountEvent {
            AccountEvent::Opened(self)
        }
    }
    impl es::EventOf<Account> for Withdrawn {
        fn into_event(self) -> AccountEvent {
            AccountEvent::Withdrawn(self)
        }
    }
    impl es::Aggregate for Account {
        const NAME: &'static str = "account";
        const SETTINGS: es::AggregateSettings = es::AggregateSettings {
            snapshot_every: 2,
            snapshot_version: 1,
            cache: 10_000,
            idle: p::Duration::from_millis(300_000),
        };
        type Event = AccountEvent;
        type Resources = (Resource<u64>,);
        const DESCRIPTOR: &'static p::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(&mut p::Routes<'_, es::Aggregates<Self>>)] = &[
            <OpenAccount as p::TakenByValue>::add_to::<es::Aggregates<Self>>,
            <Withdraw as p::TakenByValue>::add_to::<es::Aggregates<Self>>,
        ];
        fn resources(resources: &p::Resources) -> p::Result<Self::Resources, p::Error> {
            Ok((<Resource<u64> as p::InitArgument>::of(resources)?,))
        }
        fn apply(&mut self, event: &AccountEvent) {
            match event {
                AccountEvent::Opened(event) => Self::opened(self, event),
                AccountEvent::Withdrawn(event) => Self::withdrawn(self, event),
            }
        }
        fn encode(
            event: &AccountEvent,
            encoding: es::Encoding,
        ) -> p::Result<es::Encoded, es::Unreadable> {
            match event {
                AccountEvent::Opened(event) => es::encode(event, encoding),
                AccountEvent::Withdrawn(event) => es::encode(event, encoding),
            }
        }
        fn decode(
            recorded: &es::RecordedEvent,
        ) -> p::Option<p::Result<AccountEvent, es::StoreError>> {
            let decoded = es::decode::<Opened, _>(recorded);
            let decoded = decoded.or_else(|| es::decode::<Withdrawn, _>(recorded));
            decoded
        }
        async fn publish(event: AccountEvent, ctx: &p::Context<es::Aggregates<Self>>) {
            match event {
                AccountEvent::Opened(event) => es::publish(event, ctx).await,
                AccountEvent::Withdrawn(event) => es::publish(event, ctx).await,
            }
        }
        fn save(&self) -> p::Option<p::Result<es::Payload, es::Unreadable>> {
            p::Option::Some(es::save(self))
        }
        fn restore(payload: &es::Payload) -> p::Option<p::Result<Self, es::Unreadable>> {
            p::Option::Some(es::restore(payload))
        }
    }
    impl es::Decides<OpenAccount> for Account {
        async fn decide(
            &self,
            command: OpenAccount,
            _: &Self::Resources,
        ) -> p::Result<es::Events<Self>, <OpenAccount as p::Message>::Error> {
            es::decided::<Self, OpenAccount, _>(Self::open(self, command))
        }
        fn reply(&self) -> <OpenAccount as p::Message>::Reply {
            es::reply(self)
        }
    }
    impl es::Decides<Withdraw> for Account {
        async fn decide(
            &self,
            command: Withdraw,
            resources: &Self::Resources,
        ) -> p::Result<es::Events<Self>, <Withdraw as p::Message>::Error> {
            es::decided::<Self, Withdraw, _>(
                Self::withdraw(self, command, resources.0.clone()).await,
            )
        }
        fn reply(&self) -> <Withdraw as p::Message>::Reply {
            es::reply(self)
        }
    }
    const _: fn() = <OpenAccount as p::TakenByValue>::may_change::<_>;
    impl p::HandledBy<Account> for OpenAccount {
        fn handler() -> p::Option<&'static p::Declaration> {
            p::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    impl p::HandledBy<Account> for Withdraw {
        fn handler() -> p::Option<&'static p::Declaration> {
            p::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    p::inventory::submit! { p::ModuleRegistration(&DESCRIPTOR) }
};

#[tokio::test]
async fn what_happened_is_stored_and_published() {
    let store = Store::memory();
    let system = System::builder()
        .provide(store.clone())
        .provide(60_u64)
        .start()
        .await
        .unwrap();
    let mut withdrawn = system.subscribe::<Withdrawn>();
    let ctx = system.context();
    ctx.send(OpenAccount {
        account_id: "a".into(),
    })
    .await
    .unwrap();
    let balance = ctx
        .send(Withdraw {
            account_id: "a".into(),
            cents: 40,
        })
        .await
        .unwrap();
    assert_eq!(balance, Balance(60));
    let refused = ctx
        .send(Withdraw {
            account_id: "a".into(),
            cents: 61,
        })
        .await;
    assert_eq!(
        refused.unwrap_err().into_handler_error().unwrap(),
        AccountError::NotEnough
    );
    ctx.close().await.unwrap();
    assert_eq!(withdrawn.next().await.unwrap().cents, 40);
    system.shutdown().await;
    let again = System::builder()
        .provide(store.clone())
        .provide(60_u64)
        .start()
        .await
        .unwrap();
    let balance = again
        .context()
        .send(Withdraw {
            account_id: "a".into(),
            cents: 1,
        })
        .await
        .unwrap();
    assert_eq!(balance, Balance(59));
}
