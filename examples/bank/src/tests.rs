//! The bank: what accounts decide, and what becomes of transfers.

use std::path::PathBuf;
use std::time::Duration;

use bank::account::{
    Account, AccountError, Credit, Credited, Debit, Debited, Deposit, Deposited, MOST, OpenAccount,
    Opened, Refund,
};
use bank::balance::BalanceOf;
use bank::customer::{Customer, CustomerRegistered, NameOfCustomer};
use bank::transfer::{MoneyTransfer, Transfer};
use nether::eventstore::{Personal, Store, given};
use nether::prelude::*;

use crate::balances::Balances;
use crate::open;

fn opened() -> Opened {
    Opened {
        account_id: "ann".to_owned(),
    }
}

fn debit(cents: u64) -> Debit {
    Debit {
        account_id: "ann".to_owned(),
        transfer_id: "t".to_owned(),
        cents,
    }
}

fn deposited(cents: u64) -> Deposited {
    Deposited {
        account_id: "ann".to_owned(),
        cents,
    }
}

#[test]
fn what_an_account_has_can_be_taken_from_it() {
    let debited = Debited {
        account_id: "ann".to_owned(),
        transfer_id: "t".to_owned(),
        cents: 100,
    };
    given((opened(), deposited(100)))
        .when(debit(100))
        .then(debited);
}

#[test]
fn no_more_can_be_taken_than_there_is() {
    given((opened(), deposited(99)))
        .when(debit(100))
        .then_error(AccountError::NotEnough {
            account_id: "ann".to_owned(),
            cents: 99,
        });
}

#[test]
fn no_more_can_be_paid_in_than_an_account_holds() {
    for (held, cents) in [(MOST, 1), (0, u64::MAX), (1, u64::MAX), (1, MOST)] {
        let too_much = AccountError::TooMuch {
            account_id: "ann".to_owned(),
        };
        let account_id = "ann".to_owned();
        let deposit = Deposit { account_id, cents };
        given((opened(), deposited(held)))
            .when(deposit)
            .then_error(too_much);
    }
}

#[test]
fn what_comes_back_from_a_transfer_is_never_refused() {
    let (account_id, transfer_id) = ("ann".to_owned(), "t".to_owned());
    let refund = Refund {
        account_id: account_id.clone(),
        transfer_id: transfer_id.clone(),
        cents: MOST,
    };
    given((opened(), deposited(MOST)))
        .when(refund)
        .then(Credited {
            account_id,
            transfer_id,
            cents: MOST,
        });
}

#[test]
fn nothing_reaches_an_account_that_is_not_open() {
    let credit = Credit {
        account_id: "ann".to_owned(),
        transfer_id: "t".to_owned(),
        cents: 1,
    };
    given::<Account, _>(())
        .when(credit)
        .then_error(AccountError::Unknown("ann".to_owned()));
}

#[test]
fn a_customer_has_a_name_until_forgotten() {
    let customer_id = || "c-1".to_owned();
    let registered = |name| CustomerRegistered {
        customer_id: customer_id(),
        name,
    };
    let asked = || NameOfCustomer {
        customer_id: customer_id(),
    };
    let known = registered(Personal::new("c-1", "Dora".to_owned()));
    let name = given::<Customer, _>(known).ask(asked()).unwrap();
    assert_eq!(name.as_deref(), Some("Dora"));
    let forgotten = registered(Personal::forgotten("c-1"));
    let name = given::<Customer, _>(forgotten).ask(asked()).unwrap();
    assert_eq!(name, None);
}

#[test]
fn what_is_stored_stays_readable() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/nether-schema.lock.json");
    nether::eventstore::check_schema(path).unwrap();
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn cents(system: &System, store: &Store, account: &str) -> Option<u64> {
    let balances = store.projection::<Balances>().unwrap();
    balances.caught_up().await.unwrap();
    let account_id = account.to_owned();
    let balance = system.context().ask(BalanceOf { account_id }).await;
    balance.ok().map(|balance| balance.cents)
}

#[tokio::test]
async fn a_transfer_is_made_once_or_taken_back() -> nether::Result<()> {
    let folder = std::env::temp_dir().join(format!("nether-bank-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let folder = Folder(folder);
    let file = folder.0.join("bank.db");
    let inspection = Duration::from_millis(1);
    let (system, store) = open(System::builder(), file, inspection).await?;
    let ctx = system.context();
    for account in ["ann", "bob"] {
        let account_id = account.to_owned();
        ctx.send(OpenAccount { account_id }).await?;
    }
    let account_id = "ann".to_owned();
    let balance = ctx
        .send(Deposit {
            account_id,
            cents: 100,
        })
        .await?;
    assert_eq!(balance.cents, 100);
    for (id, to, cents) in [
        ("1", "bob", 30),
        ("1", "bob", 30),
        ("2", "bob", 1000),
        ("3", "carl", 10),
    ] {
        ctx.send(Transfer {
            transfer_id: id.to_owned(),
            from: "ann".to_owned(),
            to: to.to_owned(),
            cents,
        })
        .await?;
    }
    ctx.close().await?;
    store.saga::<MoneyTransfer>()?.settled().await?;
    assert_eq!(cents(&system, &store, "ann").await, Some(70));
    assert_eq!(cents(&system, &store, "bob").await, Some(30));
    assert_eq!(cents(&system, &store, "carl").await, None);

    store.projection::<Balances>()?.rebuild().await?;
    assert_eq!(cents(&system, &store, "ann").await, Some(70));
    assert_eq!(cents(&system, &store, "bob").await, Some(30));
    assert_eq!(count::<Credited>(&store).await, 2, "bob's, and ann's back");
    system.shutdown().await;
    Ok(())
}

async fn count<E: nether::eventstore::StoredEvent>(store: &Store) -> usize {
    let all = store.read_all(nether::eventstore::Position::START, 1000);
    let all = all.await.unwrap();
    all.iter().filter(|event| event.read::<E>().is_ok()).count()
}
