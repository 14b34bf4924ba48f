//! [`Lent`]: what the code of a program may do with a transaction of the store, and what it has done to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nether::eventstore::StoreError;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization, TransactionOperation};

/// Settings of the file, or of how it is written, which are the store's.
const SETTINGS: [&str; 12] = [
    "application_id",
    "auto_vacuum",
    "encoding",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "page_size",
    "schema_version",
    "synchronous",
    "user_version",
    "wal_autocheckpoint",
    "writable_schema",
];

/// Why a transaction that is lent is not committed.
#[derive(Debug, Clone)]
enum End {
    /// SQLite has rolled it back: after an error, or because of a commit that is not the store's.
    RolledBack,
    /// A statement was refused.
    Refused(String),
}

/// Watches over the transactions that are lent to the code of a program.
///
/// SQLite asks it when a statement is prepared, which costs a statement that is prepared already nothing. So
/// the authorizer is there all the time: each time one is set, all prepared statements expire. A statement
/// that was prepared, and kept, can still not commit: there is a hook for that while a transaction is lent.
#[derive(Debug, Clone, Default)]
pub(super) struct Lent(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether the code of a program runs, and not that of the store.
    is_lent: AtomicBool,
    has_ended: AtomicBool,
    end: Mutex<Option<End>>,
}

impl Lent {
    pub(super) fn watch(connection: &Connection) -> rusqlite::Result<Self> {
        let lent = Lent::default();
        let state = Arc::clone(&lent.0);
        connection.authorizer(Some(move |it: AuthContext<'_>| {
            match state.is_lent.load(Ordering::Relaxed) {
                true => state.authorize(it.action),
                false => Authorization::Allow,
            }
        }))?;
        Ok(lent)
    }

    /// Lends the transaction that is open on that connection, until [`Lent::take_back`].
    pub(super) fn lend(&self, connection: &Connection) -> rusqlite::Result<()> {
        *self.0.end.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.has_ended.store(false, Ordering::Relaxed);
        let state = Arc::clone(&self.0);
        connection.rollback_hook(Some(move || state.ends(End::RolledBack)))?;
        // Every commit is vetoed, which rolls it back.
        connection.commit_hook(Some(|| true))?;
        self.0.is_lent.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn take_back(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.0.is_lent.store(false, Ordering::Relaxed);
        connection.commit_hook(None::<fn() -> bool>)?;
        connection.rollback_hook(None::<fn()>)
    }

    /// Does something of the store's, while the transaction is lent.
    pub(super) fn as_store<T>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(error) = self.ended() {
            return Err(error);
        }
        let was_lent = self.0.is_lent.swap(false, Ordering::Relaxed);
        let done = work();
        self.0.is_lent.store(was_lent, Ordering::Relaxed);
        done
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::Relaxed)
    }

    /// Why the transaction cannot be committed any more.
    pub(super) fn ended(&self) -> Option<StoreError> {
        if !self.has_ended() {
            return None;
        }
        Some(failed(match self.0.end()? {
            End::RolledBack => ROLLED_BACK.to_owned(),
            End::Refused(statement) => refusal(&statement),
        }))
    }

    /// Why a statement was refused, if one was: SQLite says no more than `not authorized`.
    pub(super) fn refusal(&self) -> Option<String> {
        match self.0.end()? {
            End::Refused(statement) => Some(refusal(&statement)),
            End::RolledBack => None,
        }
    }
}

const ROLLED_BACK: &str = "the database has rolled the transaction back, after an error or a constraint with \
    `ON CONFLICT ROLLBACK`: nothing of it is written, also not what came after that. Return such an error, or \
    use `ON CONFLICT ABORT`, whose error takes back its statement alone";

fn refusal(statement: &str) -> String {
    format!(
        "{statement} is refused inside of a transaction of the store, and nothing of the transaction is written: return `Ok` to commit it, an error to roll it back, use `SAVEPOINT` for a part of it, and write to tables of the program alone"
    )
}

pub(super) fn failed(reason: String) -> StoreError {
    StoreError::Failed {
        reason,
        source: None,
    }
}

impl State {
    fn end(&self) -> Option<End> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.clone()
    }

    /// Writes down why it has ended. The first reason counts.
    #[cold]
    fn ends(&self, end: End) {
        let mut known = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(end);
        self.has_ended.store(true, Ordering::Relaxed);
    }

    fn authorize(&self, action: AuthAction<'_>) -> Authorization {
        let is_read = matches!(
            action,
            AuthAction::Select
                | AuthAction::Read { .. }
                | AuthAction::Function { .. }
                | AuthAction::Recursive
        );
        if is_read {
            return Authorization::Allow;
        }
        let is_setting = matches!(action, AuthAction::Pragma { .. });
        let forbidden = forbidden(action);
        let is_setting = is_setting && forbidden.is_none();
        if let Some(statement) = forbidden {
            tracing::error!("{}", refusal(&statement));
            self.ends(End::Refused(statement));
        }
        // After its end, a statement would be one outside of it. A setting of the connection is none.
        match self.has_ended.load(Ordering::Relaxed) && !is_setting {
            true => Authorization::Deny,
            false => Authorization::Allow,
        }
    }
}

/// What a program may not do in a transaction of the store, as errors name it.
fn forbidden(action: AuthAction<'_>) -> Option<String> {
    let table = match action {
        AuthAction::Transaction { operation } => {
            return Some(match operation {
                TransactionOperation::Begin => "`BEGIN`".to_owned(),
                TransactionOperation::Rollback => "`ROLLBACK`".to_owned(),
                _ => "`COMMIT`".to_owned(),
            });
        }
        AuthAction::Attach { .. } => return Some("`ATTACH`".to_owned()),
        AuthAction::Detach { .. } => return Some("`DETACH`".to_owned()),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            let name = pragma_name.to_ascii_lowercase();
            let is_set = pragma_value.is_some() && SETTINGS.contains(&&*name);
            return (is_set || name == "wal_checkpoint").then(|| format!("`PRAGMA {name}`"));
        }
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::CreateTempTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::CreateTempTrigger { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::DropIndex { table_name, .. }
        | AuthAction::CreateVtable { table_name, .. } => table_name,
        AuthAction::CreateView { view_name } | AuthAction::CreateTempView { view_name } => {
            view_name
        }
        _ => return None,
    };
    let begins = table.get(..7)?;
    let is_of_store = begins.eq_ignore_ascii_case("nether_");
    is_of_store.then(|| format!("a change of `{table}`, which is the store's"))
}
