//! Accounts, transfers between two of them, and loans to the owner of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nether::prelude::*;
use tokio::sync::Semaphore;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("there are only {0} cents")]
pub struct NotEnough(pub u64);

#[command(name = "bank.deposit", key = account)]
pub struct Deposit {
    pub account: u64,
    pub cents: u64,
}

#[query(key = account, reply = u64)]
pub struct BalanceOf {
    pub account: u64,
}

#[command(
    name = "bank.transfer",
    reply = Receipt,
    error = NotEnough,
    http = "POST /accounts/{from}/transfers"
)]
#[derive(Clone)]
pub struct Transfer {
    pub from: u64,
    pub to: u64,
    pub cents: u64,
}

#[event(name = "bank.deposited")]
pub struct Deposited {
    pub cents: u64,
}

#[event(name = "bank.withdrawn")]
pub struct Withdrawn {
    pub cents: u64,
}

#[derive(Debug, Default)]
pub struct Account {
    pub cents: u64,
}

#[aggregate(handles = [Deposit, BalanceOf], events = [Deposited, Withdrawn])]
impl Account {
    fn deposit(&self, deposit: Deposit) -> Deposited {
        Deposited {
            cents: deposit.cents,
        }
    }

    fn balance(&self, _: BalanceOf) -> u64 {
        self.cents
    }

    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }

    fn withdrawn(&mut self, event: &Withdrawn) {
        assert_ne!(event.cents, 13, "no withdrawal evolves by 13");
        self.cents -= event.cents;
    }
}

/// The balances after a transfer.
#[derive(Debug, PartialEq, serde::Serialize)]
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

pub struct Transfers;

#[decision(handles = [Transfer], of = [Account(from), Account(to)])]
impl Transfers {
    fn transfer(
        transfer: Transfer,
        from: &Account,
        _to: &Account,
    ) -> Result<(Withdrawn, Deposited), NotEnough> {
        let cents = transfer.cents;
        match cents <= from.cents {
            true => Ok((Withdrawn { cents }, Deposited { cents })),
            false => Err(NotEnough(from.cents)),
        }
    }
}

/// The account is only looked at.
#[command(name = "bank.lend", error = NotEnough)]
pub struct Lend {
    pub account: u64,
    pub loan: String,
    pub cents: u64,
}

/// Nothing happens, whatever there is.
#[command(name = "bank.review")]
pub struct Review {
    pub account: u64,
    pub loan: String,
}

#[event(name = "bank.lent")]
pub struct Lent {
    pub cents: u64,
}

#[derive(Debug, Default)]
pub struct Loan {
    pub cents: u64,
}

#[aggregate(handles = [], events = [Lent])]
impl Loan {
    fn lent(&mut self, event: &Lent) {
        self.cents += event.cents;
    }
}

/// How often a decision began, and how many may end.
pub struct Pace {
    pub begun: AtomicUsize,
    pub may_end: Semaphore,
}

impl Pace {
    pub fn free() -> Arc<Self> {
        Arc::new(Pace {
            begun: AtomicUsize::new(0),
            may_end: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub fn held() -> Arc<Self> {
        Arc::new(Pace {
            begun: AtomicUsize::new(0),
            may_end: Semaphore::new(0),
        })
    }

    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

pub struct Loans;

#[decision(handles = [Lend, Review], of = [Account(account), Loan(loan)])]
impl Loans {
    async fn lend(
        lend: Lend,
        account: &Account,
        _loan: &Loan,
        pace: Resource<Arc<Pace>>,
    ) -> Result<((), Lent), NotEnough> {
        pace.begun.fetch_add(1, Ordering::SeqCst);
        let permit = pace.may_end.acquire().await;
        permit.expect("it is open").forget();
        match account.cents >= lend.cents {
            true => Ok(((), Lent { cents: lend.cents })),
            false => Err(NotEnough(account.cents)),
        }
    }

    fn review(_: Review, _: &Account, _: &Loan) {}
}
