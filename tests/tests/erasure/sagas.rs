//! Sagas that have personal values in memory while their subject is forgotten.

use std::sync::Arc;

use nether::eventstore::{MemoryKeys, Personal, Sagas, Store};
use nether::prelude::*;
use nether_tests::Folder;

use crate::program::{Confirmed, Greeter, MARK, Welcoming, in_file, registered};

async fn start(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Sagas<Welcoming>>();
    builder.provide(store.clone()).start().await.unwrap()
}

async fn append(store: &Store, customer: &str, confirmed: bool) {
    let customer = customer.to_owned();
    match confirmed {
        false => {
            store
                .append_events("list", [registered(&customer, MARK)])
                .await
        }
        true => store.append_events("list", [Confirmed { customer }]).await,
    }
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_sent_again_forgets() {
    let store = Store::memory().subject_keys(MemoryKeys::default());
    let system = start(&store).await;
    append(&store, "a", false).await;
    append(&store, "a", true).await;
    // Nothing handles the command: it is sent again and again.
    let sagas = store.saga::<Welcoming>().unwrap();
    while sagas.active().iter().all(|saga| saga.repeated.is_none()) {
        tokio::task::yield_now().await;
    }
    store.forget("a").await.unwrap();
    let greeter = Greeter::default();
    let names = Arc::clone(&greeter.names);
    let _greeter = system.attach(greeter).await.unwrap();
    sagas.settled().await.unwrap();
    assert_eq!(*names.lock().unwrap(), [Personal::forgotten("a")]);
    system.shutdown().await;
}

#[tokio::test]
async fn a_handler_sees_no_subject_that_was_forgotten_before_its_event() {
    let store = Store::memory().subject_keys(MemoryKeys::default());
    let system = start(&store).await;
    let greeter = Greeter::default();
    let names = Arc::clone(&greeter.names);
    let _greeter = system.attach(greeter).await.unwrap();
    let sagas = store.saga::<Welcoming>().unwrap();
    for number in 0..20 {
        let customer = format!("c-{number}");
        append(&store, &customer, false).await;
        sagas.settled().await.unwrap();
        store.forget(&*customer).await.unwrap();
        append(&store, &customer, true).await;
        sagas.settled().await.unwrap();
        let named = names.lock().unwrap().pop().unwrap();
        assert_eq!(named, Personal::forgotten(customer));
    }
    system.shutdown().await;
}

#[tokio::test]
async fn sagas_forget_whom_another_process_has_forgotten() {
    let folder = Folder::new("other-process");
    let (store, other) = (in_file(&folder), in_file(&folder));
    let system = start(&store).await;
    let greeter = Greeter::default();
    let names = Arc::clone(&greeter.names);
    let _greeter = system.attach(greeter).await.unwrap();
    append(&store, "a", false).await;
    let sagas = store.saga::<Welcoming>().unwrap();
    sagas.settled().await.unwrap();
    let position = other.forget("a").await.unwrap();
    sagas.wait_for(position).await.unwrap();
    append(&other, "a", true).await;
    sagas.settled().await.unwrap();
    assert_eq!(*names.lock().unwrap(), [Personal::forgotten("a")]);
    system.shutdown().await;
}
