//! A program that runs on either store: accounts, what is seen of them elsewhere, their sums in a table
//! beside the events, and a saga that rewards the third deposit.

use std::sync::{Arc, Mutex};

use nether::eventstore::{Aggregates, Personal, Position, Projections, Sagas, Step, Store};
use nether::prelude::*;
use nether_postgres::PostgresTransaction;
use nether_sqlite::SqliteTransaction;

#[command(key = account)]
pub struct Open {
    pub account: String,
    pub owner: String,
}

#[command(key = account)]
pub struct Deposit {
    pub account: String,
    pub cents: i64,
}

#[command(name = "moving.reward", key = account)]
pub struct Reward {
    pub account: String,
}

#[query(key = account, reply = Option<String>)]
pub struct Owner {
    pub account: String,
}

#[event(name = "moving.opened")]
pub struct Opened {
    pub account: String,
    pub owner: Personal<String>,
}

#[event(name = "moving.deposited")]
pub struct Deposited {
    pub account: String,
    pub cents: i64,
}

#[event(name = "moving.rewarded")]
pub struct Rewarded {
    pub account: String,
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Account {
    owner: Option<Personal<String>>,
    cents: i64,
}

#[aggregate(
    name = "account",
    handles = [Open, Deposit, Reward, Owner],
    events = [Opened, Deposited, Rewarded],
    snapshot_every = 2
)]
impl Account {
    fn open(&self, open: Open) -> Opened {
        Opened {
            owner: Personal::new(&open.account, open.owner),
            account: open.account,
        }
    }

    fn deposit(&self, deposit: Deposit) -> Deposited {
        Deposited {
            account: deposit.account,
            cents: deposit.cents,
        }
    }

    fn reward(&self, reward: Reward) -> Rewarded {
        Rewarded {
            account: reward.account,
        }
    }

    fn owner(&self, _: Owner) -> Option<String> {
        self.owner.as_ref()?.known().cloned()
    }

    fn opened(&mut self, event: &Opened) {
        self.owner = Some(event.owner.clone());
    }

    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }

    fn rewarded(&mut self, _: &Rewarded) {}
}

/// Waits for the third deposit of an account.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Third {
    deposits: u32,
}

#[saga(
    key = account,
    handles = [Opened, Deposited, Rewarded],
    starts = [Opened],
    ends = [Rewarded],
    sends = [Reward]
)]
impl Third {
    fn opened(&mut self, _: &Opened) {}

    fn deposited(&mut self, event: &Deposited, step: &mut Step<Self>) {
        self.deposits += 1;
        if self.deposits == 3 {
            let account = event.account.clone();
            step.send(Reward { account });
        }
    }

    fn rewarded(&mut self, _: &Rewarded) {}
}

/// Where a projection has its data: outside of both stores.
#[derive(Clone, Default)]
pub struct Elsewhere(pub Arc<Mutex<Vec<Position>>>);

pub struct Seen {
    elsewhere: Resource<Elsewhere>,
}

#[projection(name = "seen", handles = [Deposited])]
impl Seen {
    #[init]
    fn new(elsewhere: Resource<Elsewhere>) -> Self {
        Seen { elsewhere }
    }

    fn deposited(&mut self, _: &Deposited, at: Position) {
        self.elsewhere.0.lock().expect("no panic").push(at);
    }

    #[on_rebuild]
    fn clear(&mut self) {
        self.elsewhere.0.lock().expect("no panic").clear();
    }
}

#[derive(Default)]
pub struct SumsInFile;

#[projection(name = "sums", handles = [Deposited], transaction = SqliteTransaction)]
impl SumsInFile {
    fn deposited(
        &mut self,
        event: &Deposited,
        at: Position,
        transaction: &SqliteTransaction<'_>,
    ) -> nether::Result<()> {
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS sums (position INTEGER PRIMARY KEY, cents INTEGER)",
        )?;
        let row = (at.0.cast_signed(), event.cents);
        transaction.execute("INSERT INTO sums VALUES (?, ?)", row)?;
        Ok(())
    }

    #[on_rebuild]
    fn clear(&mut self, transaction: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(transaction.execute_batch("DELETE FROM sums")?)
    }
}

#[derive(Default)]
pub struct SumsOnServer;

#[projection(name = "sums", handles = [Deposited], transaction = PostgresTransaction)]
impl SumsOnServer {
    async fn deposited(
        &mut self,
        event: &Deposited,
        at: Position,
        transaction: &PostgresTransaction<'_>,
    ) -> nether::Result<()> {
        let row = "INSERT INTO sums VALUES ($1, $2)";
        let at = at.0.cast_signed();
        transaction.execute(row, &[&at, &event.cents]).await?;
        Ok(())
    }

    #[on_rebuild]
    async fn clear(&mut self, transaction: &PostgresTransaction<'_>) -> nether::Result<()> {
        Ok(transaction.batch_execute("DELETE FROM sums").await?)
    }
}

/// Which of the two programs runs.
#[derive(Clone, Copy)]
pub enum Kind {
    InFile,
    OnServer,
}

pub async fn start(store: &Store, elsewhere: &Elsewhere, kind: Kind) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Account>>()
        .with::<Sagas<Third>>()
        .with::<Projections<Seen>>();
    let builder = match kind {
        Kind::InFile => builder.with::<Projections<SumsInFile>>(),
        Kind::OnServer => builder.with::<Projections<SumsOnServer>>(),
    };
    let builder = builder.provide(store.clone()).provide(elsewhere.clone());
    builder.start().await.expect("it starts")
}

pub async fn open(system: &System, account: &str) {
    let (account, owner) = (account.to_owned(), format!("owner of {account}"));
    let opened = system.context().send(Open { account, owner }).await;
    opened.expect("it is accepted");
}

pub async fn deposit(system: &System, account: &str, cents: i64) {
    let account = account.to_owned();
    let deposited = system.context().send(Deposit { account, cents }).await;
    deposited.expect("it is accepted");
}
