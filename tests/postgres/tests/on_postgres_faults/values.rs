//! Values at the edge of what a database can hold, and databases that are not as a store wants them.

use nether::eventstore::{
    Direction, DocumentChange, EventStore, Expected, PageLimit, Position, StoreError, StreamId,
};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;
use tokio::task::JoinSet;

use crate::support::{all, any, append, connected, event, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_stored_spoils_nothing_beside_it() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    // A name that repeats itself would be compressed, this one is not.
    let numbers: Vec<String> = (0..1200_u64).map(|n| (n * n * 7919).to_string()).collect();
    let long = numbers.join("-");
    assert!(long.len() > 5000);
    let mut appends = JoinSet::new();
    for n in 0..60 {
        let (store, long) = (store.clone(), long.clone());
        appends.spawn(async move {
            let mut new = match n % 6 {
                0 => any(&long, "long"),
                1 => any("a\0b", "nul"),
                _ => any(&format!("s/{n}"), "good"),
            };
            if n % 6 == 2 {
                new.metadata.principal = Some("a\0b".into());
            }
            (n % 6, store.append(new).await)
        });
    }
    while let Some(appended) = appends.join_next().await {
        match appended.unwrap() {
            (0, Err(StoreError::Codec { what, reason })) => {
                assert!(what.len() < 200, "{what}");
                assert!(reason.contains("2600"), "{reason}");
            }
            (1 | 2, Err(StoreError::Codec { reason, .. })) => {
                assert!(reason.contains("NUL"), "{reason}");
            }
            (3.., Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(texts(&store).await, vec!["good"; 30]);
    let change = |key: &str, content: &str| DocumentChange {
        collection: "c".into(),
        key: key.into(),
        content: Some(content.into()),
    };
    let changes = vec![change("a", "1"), change(&long, "2")];
    let error = store
        .change_documents(changes, Vec::new())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Codec { .. }), "{error}");
    assert_eq!(store.document("c", "a").await.unwrap(), None);
    assert_eq!(store.document("c", &long).await.unwrap(), None);
    let longest = &long[..2600];
    store.append(any(longest, "longest")).await.unwrap();
    store
        .change_documents(vec![change(&long[..2599], "3")], Vec::new())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_payloads_and_large_appends_are_stored() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let mut large = event("large");
    large.payload.bytes = (0..10_u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let written = append("large/1", Expected::Version(0), vec![large.clone()]);
    store.append(written).await.unwrap();
    let many: Vec<_> = (0..2000).map(|n| event(&n.to_string())).collect();
    let appended = store
        .append(append("many/1", Expected::Version(0), many))
        .await
        .unwrap();
    assert_eq!((appended.version, appended.position.0), (2000, 2001));
    let read = all(&store).await;
    assert_eq!(read[0].payload, large.payload);
    let limit = PageLimit {
        events: 100,
        bytes: 1 << 20,
    };
    let page = store.read_all_page(Position::START, limit).await.unwrap();
    assert_eq!(page.events.len(), 1, "it ends with the event that fills it");
    let newest = store.read_stream(&StreamId::from("many/1"), u64::MAX, Direction::Backwards, 1);
    assert_eq!(newest.await.unwrap()[0].payload.bytes, b"1999");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_in_one_database_know_nothing_of_each_other() {
    let database = Server::shared().database().await;
    let mut stores = Vec::new();
    for name in ["It's \"quoted\"", "Größe; --", "select"] {
        let options = PostgresStore::options().schema(name);
        let store = options.connect(&database.address()).await.unwrap();
        store.append(any("a/1", name)).await.unwrap();
        stores.push((name, store));
    }
    for (name, store) in &stores {
        assert_eq!(texts(store).await, [*name]);
        assert!(store.wait_for_new(Position::START).await.unwrap() == Position(1));
    }
    for name in ["", "a\0b", &"long".repeat(16)] {
        let options = PostgresStore::options().schema(name);
        let error = options.connect(&database.address()).await.unwrap_err();
        assert!(error.to_string().contains("1 to 63 bytes"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_that_cannot_hold_a_store_are_refused() {
    let server = Server::shared();
    let database = server.database().await;
    let client = database.client().await;
    let make = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0";
    client.batch_execute(make).await.unwrap();
    let folder = server.folder().display().to_string().replace('/', "%2F");
    let latin = format!("postgres://postgres@{folder}:{}/latin", server.port());
    let error = PostgresStore::connect(&latin).await.unwrap_err();
    assert!(error.to_string().contains("encoding LATIN1"), "{error}");

    connected(&database).await;
    client
        .batch_execute("UPDATE nether.version SET number = 7")
        .await
        .unwrap();
    let error = PostgresStore::connect(&database.address())
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 7, .. }),
        "{error:?}"
    );

    for (schema, table) in [
        ("a", "events (n int)"),
        ("b", "version (number text)"),
        ("c", "version (n int)"),
    ] {
        let make = format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.{table}");
        client.batch_execute(&make).await.unwrap();
        let options = PostgresStore::options().schema(schema);
        let error = options.connect(&database.address()).await.unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
        assert!(
            error.to_string().contains(&format!("\"{schema}\"")),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_make_the_tables_at_once() {
    let database = Server::shared().database().await;
    let mut connects = JoinSet::new();
    for n in 0..20 {
        let address = database.address();
        connects.spawn(async move {
            let store = PostgresStore::connect(&address).await.unwrap();
            store.append(any("a/1", &n.to_string())).await.unwrap();
        });
    }
    connects.join_all().await;
    assert_eq!(all(&connected(&database).await).await.len(), 20);
}
