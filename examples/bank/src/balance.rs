//! The balance of an account, as clients ask for it. The table that it is in is in the database of the store,
//! so that each program has a projection of its own for it.

use nether::Problem;
use nether::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks for the balance of an account.
#[query(reply = Balance, error = BalanceError, http = "GET /accounts/{account_id}")]
pub struct BalanceOf {
    /// Which account.
    pub account_id: String,
}

/// The balance of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// So much.
    pub cents: u64,
}

/// Why there is no balance.
#[derive(Debug, thiserror::Error, Problem)]
pub enum BalanceError {
    /// There is no such account.
    #[error("there is no account `{0}`")]
    #[problem(status = 404)]
    Unknown(String),
    /// The database cannot be read.
    #[error("the balances cannot be read")]
    #[problem(status = 503)]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl BalanceError {
    /// The error of a database.
    pub fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        BalanceError::Unreadable(Box::new(error))
    }
}

/// The reply, of what the table says of an account.
///
/// # Errors
/// If there is no such account.
pub fn balance(account_id: String, cents: Option<i64>) -> Result<Balance, BalanceError> {
    let cents = cents.ok_or(BalanceError::Unknown(account_id))?;
    Ok(Balance {
        cents: cents.cast_unsigned(),
    })
}
