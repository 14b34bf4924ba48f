//! The copy that is made of a stream before it is archived.

use nether::eventstore::{
    Direction, Encoding, MemoryKeys, Personal, Position, Store, StoreError, StreamArchived,
    StreamCopy,
};
use nether::prelude::*;

use crate::program::{Noted, SECRET, archive, noted, on_each_store};

/// The copy as a program keeps it.
fn kept(copy: &StreamCopy) -> String {
    serde_json::to_string_pretty(copy).unwrap()
}

fn is_not_archived(error: &StoreError, because: &str) {
    let StoreError::NotArchived { reason, .. } = error else {
        panic!("another error: {error}");
    };
    assert!(reason.contains(because), "{reason}");
}

#[tokio::test]
async fn a_copy_that_was_written_down_has_all_that_the_events_were() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        on_each_store(async |store| {
            let store = store.encoding(encoding);
            let events = [noted(7, "größe \"\\"), noted(7, SECRET)];
            store.append_events("order/7", events).await.unwrap();
            store
                .append_events("order/8", [noted(8, "")])
                .await
                .unwrap();
            store
                .append_events("order/7", [noted(7, "3")])
                .await
                .unwrap();
            let stream = "order/7".into();
            let before = store.read_stream(&stream, 1, Direction::Forwards, 9);
            let before = before.await.unwrap();
            let (copy, record) = archive(&store, "order/7").await;
            assert_eq!((copy.version(), copy.position()), (3, Position(4)));
            assert_eq!(*copy.stream(), stream);
            let again: StreamCopy = serde_json::from_str(&kept(&copy)).unwrap();
            assert_eq!(again, copy);
            assert_eq!(store.read_copy(&again).await.unwrap(), before);
            let repeated = store.archive(&again, "olga", "it is old").await;
            assert_eq!(repeated.unwrap(), record);
            let all = store.read_all(Position(4), 9).await.unwrap();
            let StreamArchived {
                stream,
                events,
                sha256,
                by,
                reason,
            } = all[0].read().unwrap();
            assert_eq!((stream.as_str(), events), ("order/7", 3));
            assert_eq!(sha256, copy.sha256());
            assert_eq!((by.as_str(), reason.as_str()), ("olga", "it is old"));
        })
        .await;
    }
}

#[tokio::test]
async fn a_stream_that_is_not_what_was_copied_stays() {
    on_each_store(async |store| {
        let events = [noted(7, "1"), noted(7, SECRET)];
        store.append_events("order/7", events).await.unwrap();
        let copy = store.copy_of("order/7").await.unwrap();
        let redacting = store.redact(Position(2), noted(7, "(removed)"), "olga", "a secret");
        redacting.await.unwrap();
        let archive = async |copy: &StreamCopy| {
            let archived = store.archive(copy, "olga", "it is old").await;
            archived.unwrap_err()
        };
        is_not_archived(&archive(&copy).await, "version 2 is not the one");
        let copy = store.copy_of("order/7").await.unwrap();
        store.append_events("order/7", [noted(7, "3")]).await.unwrap();
        let error = archive(&copy).await;
        assert!(
            matches!(&error, StoreError::Conflict { stream, expected: 2, actual: 3 } if stream.as_str() == "order/7"),
            "{error}"
        );
        let other = Store::memory();
        for text in ["1", "(removed)", "3"] {
            other.append_events("order/7", [noted(7, text)]).await.unwrap();
        }
        let foreign = other.copy_of("order/7").await.unwrap();
        is_not_archived(&archive(&foreign).await, "the copy is of another store");
        let longer = store.copy_of("order/7").await.unwrap();
        other.append_events("order/8", [noted(8, "")]).await.unwrap();
        let none = store.copy_of("order/9").await.unwrap();
        assert_eq!((none.version(), none.position()), (0, Position::START));
        is_not_archived(&archive(&none).await, "has no events");
        let own = store.copy_of("nether/redacted").await.unwrap();
        is_not_archived(&archive(&own).await, "the framework's own");
        let read = store.read_stream(&"order/7".into(), 1, Direction::Forwards, 9);
        assert!(read.await.unwrap().iter().all(|it| !it.is_archived()));
        store.archive(&longer, "olga", "it is old").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_damaged_copy_is_found_out_before_anything_is_lost() {
    let store = Store::memory();
    let events = [noted(7, "one"), noted(7, "two")];
    store.append_events("order/7", events).await.unwrap();
    let copy = store.copy_of("order/7").await.unwrap();
    let damaged: StreamCopy = serde_json::from_str(&kept(&copy).replace("two", "2")).unwrap();
    for _ in 0..2 {
        let errors = [
            store.archive(&damaged, "olga", "").await.map(drop),
            store.read_copy(&damaged).await.map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains("`order/7`"), "{error}");
        }
        // Also once the stream is archived with the copy as it was.
        store.archive(&copy, "olga", "").await.unwrap();
    }
}

#[event(name = "archiving.addressed")]
pub struct Addressed {
    pub to: Personal<String>,
}

#[tokio::test]
async fn who_is_forgotten_is_forgotten_in_the_copy_too() {
    let store = Store::memory().subject_keys(MemoryKeys::default());
    let addressed = |subject: &str| Addressed {
        to: Personal::new(subject, SECRET.to_owned()),
    };
    let events = [addressed("ann"), addressed("bob")];
    store.append_events("order/7", events).await.unwrap();
    let (copy, _) = archive(&store, "order/7").await;
    assert!(
        !kept(&copy).contains(SECRET),
        "it is encrypted as in the store"
    );
    let read = async || {
        let events = store.read_copy(&copy).await.unwrap();
        let to = events.iter().map(|it| it.read::<Addressed>().unwrap().to);
        to.map(|it| it.known().cloned()).collect::<Vec<_>>()
    };
    let known = Some(SECRET.to_owned());
    assert_eq!(read().await, [known.clone(), known.clone()]);
    store.forget("ann").await.unwrap();
    assert_eq!(read().await, [None, known]);
}

#[tokio::test]
async fn a_subscription_leaves_out_what_is_archived() {
    on_each_store(async |store| {
        store
            .append_events("order/7", [noted(7, "1")])
            .await
            .unwrap();
        store
            .append_events("order/8", [noted(8, "2")])
            .await
            .unwrap();
        store
            .append_events("order/7", [noted(7, "3")])
            .await
            .unwrap();
        archive(&store, "order/7").await;
        let mut events = store.subscribe(Position::START);
        let first = events.next().await.unwrap();
        assert_eq!(first.read::<Noted>().unwrap().text, "2");
        let second = events.next().await.unwrap();
        assert_eq!(second.read::<StreamArchived>().unwrap().events, 2);
        assert_eq!(events.position(), Position(4));
    })
    .await;
}
