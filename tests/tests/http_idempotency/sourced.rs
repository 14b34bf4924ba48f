//! The key of a request is the id of the aggregate's command.

use std::time::Duration;

use nether::eventstore::{Position, Store};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;

use crate::bank::{bank, deposit};
use crate::till::{Shop, pass};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn events(store: &Store) -> usize {
    store.read_all(Position::START, 100).await.unwrap().len()
}

async fn on_each_store(test: impl AsyncFn(Store, Shop)) {
    let store = Store::memory();
    test(store.clone(), bank(store).await).await;
    let folder = Folder::new("idempotency");
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    test(store.clone(), bank(store).await).await;
}

#[tokio::test]
async fn a_command_is_stored_once_also_when_its_key_is_forgotten() {
    on_each_store(async |store, shop| {
        let first = deposit(&shop, "ann", "k", 5).await;
        assert_eq!((first.status, first.body.as_str()), (201, "5"));
        assert_eq!(deposit(&shop, "ann", "k", 5).await.body, "5");
        pass(DAY + Duration::from_secs(1)).await;
        let again = deposit(&shop, "ann", "k", 5).await;
        assert_eq!((again.status, again.body.as_str()), (201, "5"));
        assert_eq!(events(&store).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_forgotten_is_the_same_commands_for_ever() {
    on_each_store(async |store, shop| {
        assert_eq!(deposit(&shop, "ann", "k", 5).await.status, 201);
        pass(DAY + Duration::from_secs(1)).await;
        for _ in 0..2 {
            let other = deposit(&shop, "ann", "k", 6).await;
            assert_eq!(other.status, 422, "{other:?}");
            assert!(other.body.contains("for another request"), "{other:?}");
        }
        assert_eq!(events(&store).await, 1);
    })
    .await;
}

#[tokio::test]
async fn keys_are_commands_of_one_route() {
    on_each_store(async |store, shop| {
        assert_eq!(deposit(&shop, "ann", "k", 5).await.body, "5");
        assert_eq!(deposit(&shop, "bob", "k", 5).await.body, "5");
        assert_eq!(deposit(&shop, "ann", "other", 5).await.body, "10");
        assert_eq!(events(&store).await, 3);
    })
    .await;
}

#[tokio::test]
async fn servers_of_one_store_handle_a_key_once() {
    let store = Store::memory();
    let shops = [bank(store.clone()).await, bank(store.clone()).await];
    let all = (0..64).map(|number| deposit(&shops[number % 2], "ann", "k", 5));
    for answer in futures_util::future::join_all(all).await {
        match answer.status {
            201 => assert_eq!(answer.body, "5"),
            409 => assert_eq!(answer.header("retry-after"), "1", "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(events(&store).await, 1);
    for shop in &shops {
        assert_eq!(deposit(shop, "ann", "k", 5).await.body, "5");
    }
}
