//! `account!`: an account to pay into, for programs and tests that each have their own.

/// An aggregate behind an endpoint: `POST /deposits/{account}` pays an amount into an account, and is
/// answered with what is in it.
#[macro_export]
macro_rules! account {
    () => {
        /// Pays into an account.
        #[command(name = "bank.deposit", key = account, reply = Balance, http = "POST /deposits/{account}")]
        pub struct Deposit {
            /// Which one.
            pub account: String,
            /// How much.
            pub amount: u64,
        }

        /// It was paid in.
        #[event(name = "bank.deposited")]
        pub struct Deposited {
            /// How much.
            pub amount: u64,
        }

        /// The balance of an account.
        #[derive(Debug, serde::Serialize)]
        pub struct Balance(u64);

        impl From<&Account> for Balance {
            fn from(account: &Account) -> Self {
                Balance(account.balance)
            }
        }

        /// An account.
        #[derive(Debug, Default)]
        pub struct Account {
            balance: u64,
        }

        #[aggregate(handles = [Deposit], events = [Deposited])]
        impl Account {
            fn deposit(&self, deposit: Deposit) -> Deposited {
                Deposited {
                    amount: deposit.amount,
                }
            }

            fn deposited(&mut self, event: &Deposited) {
                self.balance += event.amount;
            }
        }
    };
}
