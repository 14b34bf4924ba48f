//! Accounts: what may happen to one, decided from what has happened to it.

use nether::Problem;
use nether::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Open an account.
#[command(key = account_id, error = AccountError, http = "POST /accounts", status = 201)]
pub struct OpenAccount {
    /// Its number.
    pub account_id: String,
}

/// Pay cash in.
#[command(key = account_id, reply = NewBalance, error = AccountError, http = "POST /accounts/{account_id}/deposits")]
pub struct Deposit {
    /// To which account.
    pub account_id: String,
    /// How much.
    pub cents: u64,
}

/// Take what is transferred from the one who sends it.
#[command(name = "account.debit", key = account_id, error = AccountError)]
pub struct Debit {
    /// From which account.
    pub account_id: String,
    /// For which transfer.
    pub transfer_id: String,
    /// How much.
    pub cents: u64,
}

/// Give what is transferred to the one who gets it.
#[command(name = "account.credit", key = account_id, error = AccountError)]
pub struct Credit {
    /// To which account.
    pub account_id: String,
    /// For which transfer.
    pub transfer_id: String,
    /// How much.
    pub cents: u64,
}

/// Give what was to be transferred back to the one who sent it.
#[command(name = "account.refund", key = account_id, error = AccountError)]
pub struct Refund {
    /// To which account.
    pub account_id: String,
    /// For which transfer.
    pub transfer_id: String,
    /// How much.
    pub cents: u64,
}

/// An account was opened.
#[event(name = "account.opened")]
pub struct Opened {
    /// Its number.
    pub account_id: String,
}

/// Cash was paid in.
#[event(name = "account.deposited")]
pub struct Deposited {
    /// To which account.
    pub account_id: String,
    /// How much.
    pub cents: u64,
}

/// Money left an account for a transfer.
#[event(name = "account.debited")]
pub struct Debited {
    /// Which account.
    pub account_id: String,
    /// Which transfer.
    pub transfer_id: String,
    /// How much.
    pub cents: u64,
}

/// Money reached an account by a transfer.
#[event(name = "account.credited")]
pub struct Credited {
    /// Which account.
    pub account_id: String,
    /// Which transfer.
    pub transfer_id: String,
    /// How much.
    pub cents: u64,
}

/// An account with this in it, ten billion in cents, takes nothing more than what comes back from a transfer
/// that has failed. A refund is never refused, or the money would be lost: the number has room for millions
/// of times as much.
pub const MOST: u64 = 1_000_000_000_000;

/// Why something may not happen to an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Problem)]
#[problem(status = 409)]
pub enum AccountError {
    /// There is one already.
    #[error("the account `{0}` is open already")]
    OpenAlready(String),
    /// There is none.
    #[error("there is no account `{0}`")]
    #[problem(status = 404)]
    Unknown(String),
    /// There would be too much in it.
    #[error("`{account_id}` would hold more than an account may")]
    TooMuch {
        /// Which account.
        account_id: String,
    },
    /// There is not enough in it.
    #[error("`{account_id}` has {cents} cents, which is not enough")]
    NotEnough {
        /// Which account.
        account_id: String,
        /// How much it has.
        cents: u64,
    },
}

/// The balance of an account after a deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewBalance {
    /// So much.
    pub cents: u64,
}

/// An account: whether it is open, and what is in it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Account {
    is_open: bool,
    cents: u64,
}

#[aggregate(
    handles = [OpenAccount, Deposit, Debit, Credit, Refund],
    events = [Opened, Deposited, Debited, Credited],
    snapshot_every = 100
)]
impl Account {
    fn open(&self, open: OpenAccount) -> Result<Opened, AccountError> {
        if self.is_open {
            return Err(AccountError::OpenAlready(open.account_id));
        }
        Ok(Opened {
            account_id: open.account_id,
        })
    }

    fn deposit(&self, deposit: Deposit) -> Result<Deposited, AccountError> {
        self.check_open(&deposit.account_id)?;
        self.check_room(&deposit.account_id, deposit.cents)?;
        Ok(Deposited {
            account_id: deposit.account_id,
            cents: deposit.cents,
        })
    }

    fn debit(&self, debit: Debit) -> Result<Debited, AccountError> {
        self.check_open(&debit.account_id)?;
        if debit.cents > self.cents {
            return Err(AccountError::NotEnough {
                account_id: debit.account_id,
                cents: self.cents,
            });
        }
        Ok(Debited {
            account_id: debit.account_id,
            transfer_id: debit.transfer_id,
            cents: debit.cents,
        })
    }

    fn credit(&self, credit: Credit) -> Result<Credited, AccountError> {
        self.check_open(&credit.account_id)?;
        self.check_room(&credit.account_id, credit.cents)?;
        Ok(Credited {
            account_id: credit.account_id,
            transfer_id: credit.transfer_id,
            cents: credit.cents,
        })
    }

    fn refund(&self, refund: Refund) -> Result<Credited, AccountError> {
        self.check_open(&refund.account_id)?;
        Ok(Credited {
            account_id: refund.account_id,
            transfer_id: refund.transfer_id,
            cents: refund.cents,
        })
    }

    fn opened(&mut self, _: &Opened) {
        self.is_open = true;
    }

    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }

    fn debited(&mut self, event: &Debited) {
        self.cents -= event.cents;
    }

    fn credited(&mut self, event: &Credited) {
        self.cents += event.cents;
    }

    /// A sum that does not fit is found before it happens: what has happened cannot be refused.
    fn check_room(&self, account_id: &str, cents: u64) -> Result<(), AccountError> {
        match self.cents.checked_add(cents) {
            Some(sum) if sum <= MOST => Ok(()),
            _ => Err(AccountError::TooMuch {
                account_id: account_id.to_owned(),
            }),
        }
    }

    fn check_open(&self, account_id: &str) -> Result<(), AccountError> {
        if self.is_open {
            return Ok(());
        }
        Err(AccountError::Unknown(account_id.to_owned()))
    }
}

impl From<&Account> for NewBalance {
    fn from(account: &Account) -> Self {
        NewBalance {
            cents: account.cents,
        }
    }
}
