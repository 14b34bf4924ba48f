//! What is archived is an error to all that ask for it, and never something new.

use nether::eventstore::{Append, CommandId, Expected, Metadata, Position, Store, StoreError};
use nether::http::Server;
use nether_tests::Folder;
use nether_tests::http::{get, open, post};

use crate::program::{
    Look, LookAtBoth, NotesOf, archive, archived, archived_of, both, has_snapshot, note, noted,
    on_each_store, shared, snapshot, start,
};

#[tokio::test]
async fn commands_queries_and_decisions_of_an_archived_aggregate_are_an_error() {
    on_each_store(async |store| {
        let system = start(&store).await;
        let ctx = system.context();
        ctx.send(note(7, "a")).await.unwrap();
        ctx.send(note(8, "b")).await.unwrap();
        has_snapshot(&store, 7).await;
        let (copy, position) = archive(&store, "order/7").await;
        // It was in memory until now; and then it is read.
        for _ in 0..2 {
            assert_eq!(archived(ctx.ask(NotesOf { order: 7 }).await), "order/7");
            assert_eq!(archived(ctx.send(note(7, "c")).await), "order/7");
            assert_eq!(archived(ctx.send(note(7, "")).await), "order/7");
            assert_eq!(archived(ctx.send(Look { order: 7 }).await), "order/7");
            for (one, other) in [(7, 8), (8, 7)] {
                assert_eq!(archived(ctx.send(both(one, other, "d")).await), "order/7");
                assert_eq!(archived(ctx.send(both(one, other, "")).await), "order/7");
            }
        }
        assert!(snapshot(&*store, 7).await.is_none());
        let head = store.head().await.unwrap();
        assert_eq!(head, position, "nothing was written behind the record");
        let again = store.archive(&copy, "omar", "to be sure").await.unwrap();
        assert_eq!(again, position);
        assert_eq!(store.head().await.unwrap(), head, "and nothing again");
        let notes = ctx.send(note(8, "e")).await.unwrap();
        assert_eq!(notes.0, ["b", "e"], "others go on");
        system.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn no_kind_of_append_reopens_a_stream() {
    on_each_store(async |store| {
        store
            .append_events("order/7", [noted(7, "a")])
            .await
            .unwrap();
        archive(&store, "order/7").await;
        let refused = store.append_events("order/7", [noted(7, "b")]).await;
        let error = refused.unwrap_err();
        assert_eq!(archived_of(&error), "order/7");
        let text = error.to_string();
        assert!(text.contains("`order/7` was archived at 2"), "{text}");
        assert!(text.contains(" UTC: "), "{text}");
        for expected in [Expected::Any, Expected::Version(0), Expected::Version(2)] {
            let append = |stream: &str| Append {
                stream: stream.into(),
                expected,
                events: Vec::new(),
                metadata: Metadata::default(),
                conditions: Vec::new(),
            };
            let refused = store.append(append("order/7")).await.unwrap_err();
            assert_eq!(archived_of(&refused), "order/7");
            let all = vec![append("order/7")];
            let refused = store.append_all(all).await.unwrap_err();
            assert_eq!(archived_of(&refused), "order/7");
        }
        let redacted = store.redact(Position(1), noted(7, ""), "olga", "a secret");
        assert_eq!(archived_of(&redacted.await.unwrap_err()), "order/7");
        let copied = store.copy_of("order/7").await.unwrap_err();
        assert_eq!(archived_of(&copied), "order/7");
        let first = store.read_all(Position::START, 1).await.unwrap().remove(0);
        assert!(first.is_archived());
        let unread = first.read::<crate::program::Noted>().unwrap_err();
        assert!(unread.to_string().contains("is archived"), "{unread}");
    })
    .await;
}

#[tokio::test]
async fn a_store_that_skips_unknown_events_does_not_skip_that_they_are_archived() {
    let store = Store::memory().skip_unknown_events();
    store
        .append_events("order/7", [noted(7, "a")])
        .await
        .unwrap();
    archive(&store, "order/7").await;
    let system = start(&store).await;
    let ctx = system.context();
    assert_eq!(archived(ctx.ask(NotesOf { order: 7 }).await), "order/7");
    assert_eq!(archived(ctx.send(note(7, "b")).await), "order/7");
    system.shutdown().await;
}

#[tokio::test]
async fn a_command_that_comes_again_is_not_answered_out_of_memory() {
    let folder = Folder::new("repeated");
    let (store, other) = (shared(&folder), shared(&folder));
    let (here, there) = (start(&store).await, start(&other).await);
    let id = CommandId::new(1);
    let first = here.context().with(id);
    assert_eq!(first.send(note(7, "a")).await.unwrap().0, ["a"]);
    let again = there.context().with(id);
    assert_eq!(again.send(note(7, "a")).await.unwrap().0, ["a"]);
    archive(&store, "order/7").await;
    for system in [&here, &there] {
        let again = system.context().with(id);
        assert_eq!(archived(again.send(note(7, "a")).await), "order/7");
    }
    here.shutdown().await;
    there.shutdown().await;
}

#[tokio::test]
async fn another_process_answers_nothing_out_of_its_memory() {
    let folder = Folder::new("other-process");
    let (store, other) = (shared(&folder), shared(&folder));
    let there = start(&other).await;
    let ctx = there.context();
    for order in 0..7 {
        ctx.send(note(order, "a")).await.unwrap();
        archive(&store, &format!("order/{order}")).await;
        // Each of them is the first that the process does with the order since.
        let stream = format!("order/{order}");
        match order {
            0 => assert_eq!(archived(ctx.ask(NotesOf { order }).await), stream),
            1 => assert_eq!(archived(ctx.send(note(order, "b")).await), stream),
            2 => assert_eq!(archived(ctx.send(note(order, "")).await), stream),
            3 => assert_eq!(archived(ctx.send(Look { order }).await), stream),
            4 => assert_eq!(archived(ctx.send(both(order, 99, "b")).await), stream),
            5 => assert_eq!(archived(ctx.send(both(order, 99, "")).await), stream),
            _ => {
                let (one, other) = (order, 99);
                let looked = ctx.send(LookAtBoth { one, other }).await;
                assert_eq!(archived(looked), stream);
            }
        }
        let more = other.append_events(stream.as_str(), [noted(order, "b")]);
        assert_eq!(archived_of(&more.await.unwrap_err()), stream);
    }
    there.shutdown().await;
}

#[tokio::test]
async fn a_client_learns_that_it_is_gone() {
    let store = Store::memory();
    let system = start(&store).await;
    let at = open(&system, Server::new(&system)).await;
    let path = "/orders/7/notes";
    let body = r#"{"text":"a"}"#;
    assert_eq!(post(&at, path, body).await.status, 201);
    archive(&store, "order/7").await;
    for answer in [get(&at, path).await, post(&at, path, body).await] {
        assert_eq!(answer.status, 410, "{answer:?}");
        assert_eq!(answer.json()["detail"], "this is archived");
    }
    assert_eq!(get(&at, "/orders/8/notes").await.status, 200);
    system.shutdown().await;
}

#[tokio::test]
async fn an_archived_stream_is_refused_before_a_wrong_version_is() {
    let store = Store::memory();
    store
        .append_events("order/7", [noted(7, "a")])
        .await
        .unwrap();
    let copy = store.copy_of("order/7").await.unwrap();
    let other = Store::memory();
    other
        .append_events("order/7", [noted(7, "x")])
        .await
        .unwrap();
    let foreign = other.copy_of("order/7").await.unwrap();
    store.archive(&copy, "olga", "it is old").await.unwrap();
    let refused = store.archive(&foreign, "olga", "it is old").await;
    assert!(
        matches!(refused, Err(StoreError::Archived { .. })),
        "{refused:?}"
    );
}
