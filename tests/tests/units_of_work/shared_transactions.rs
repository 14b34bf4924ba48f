//! Transactions that all in a unit of work share, one of each type.

use std::sync::{Arc, Mutex};

use nether::Transaction;
use nether::prelude::*;

/// What transactions did, in order.
type Journal = Arc<Mutex<Vec<String>>>;

/// A handle to one that writes down how it is called.
#[derive(Clone)]
struct Handle(Journal);

impl Transaction for Handle {
    async fn commit(self) -> nether::Result<()> {
        self.0.lock().expect("no panic").push("commit".into());
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        self.0.lock().expect("no panic").push("rollback".into());
        Ok(())
    }
}

/// Another type.
#[derive(Clone)]
struct Other(Handle);

impl Transaction for Other {
    async fn commit(self) -> nether::Result<()> {
        self.0.commit().await
    }

    async fn rollback(self) -> nether::Result<()> {
        self.0.rollback().await
    }
}

#[tokio::test]
async fn a_shared_transaction_is_begun_once_however_many_ask_for_it() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let journal = Journal::default();
    let ctx = system.context();
    let begin = async || {
        tokio::task::yield_now().await; // Meanwhile others ask.
        journal.lock().expect("no panic").push("begin".into());
        Ok(Handle(Arc::clone(&journal)))
    };
    let (first, second, failed) = tokio::join!(
        ctx.transaction(begin),
        ctx.transaction(begin),
        ctx.transaction::<Other>(async || {
            ctx.transaction(begin).await?; // One may need another.
            Err(nether::Error::msg("no database"))
        }),
    );
    first?;
    second?;
    assert!(failed.is_err());
    let late = ctx.clone();
    assert_eq!(ctx.close().await?.committed, 1);
    assert_eq!(*journal.lock().expect("no panic"), ["begin", "commit"]);
    let refused = late.transaction::<Other>(async || panic!("it is not begun"));
    let refused = refused.await.err().expect("the context is over");
    assert!(
        refused
            .to_string()
            .starts_with("a context that has ended takes no transactions")
    );
    Ok(())
}
