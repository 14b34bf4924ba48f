//! A stream that was archived stays closed where it is moved to.

use nether::eventstore::{Append, EventStore, Expected, Position, Store, StoreError};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;
use nether_sqlite::SqliteStore;

use crate::sources::append;

fn is_archived<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Archived { stream, .. }) if stream.as_str() == "note/0")
}

#[tokio::test]
async fn an_archived_stream_is_closed_in_the_copy() {
    let folder = std::env::temp_dir().join(format!("nether-archived-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let file = SqliteStore::open(folder.join("notes.db")).expect("it can be made");
    let old = Store::new(file.clone());
    for stream in ["note/0", "note/1"] {
        old.append(append(stream, 2)).await.expect("it is stored");
    }
    let copy = old.copy_of("note/0").await.expect("it can be read");
    let archived = old.archive(&copy, "olga", "it is over").await;
    assert_eq!(archived.expect("it is archived"), Position(5));

    let database = Server::shared().database().await;
    let new = PostgresStore::connect(&database.address()).await;
    let new = new.expect("the server is there");
    new.import(&file).await.expect("it is imported");
    for expected in [Expected::Any, Expected::Version(3), Expected::Version(0)] {
        let more = Append {
            expected,
            ..append("note/0", 1)
        };
        let nothing = Append {
            events: Vec::new(),
            ..more.clone()
        };
        let other = append("note/1", 1);
        let refused = new.append_all(vec![other, more.clone()]).await;
        assert!(is_archived(&refused), "{refused:?}");
        for append in [more, nothing] {
            let refused = new.append(append).await;
            assert!(is_archived(&refused), "{refused:?}");
        }
    }
    assert_eq!(new.head().await.expect("it can be read"), Position(5));
    let record = old.read_all(Position(4), 1).await.expect("it can be read");
    let refused = new.append(append("note/0", 1)).await;
    let Err(StoreError::Archived { time, .. }) = refused else {
        panic!("it is archived: {refused:?}");
    };
    assert_eq!(time, record[0].metadata.time, "when that was");
    new.append(append("note/1", 1)).await.expect("it goes on");
    drop((old, file));
    std::fs::remove_dir_all(&folder).expect("it is there");
}
