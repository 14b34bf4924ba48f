//! Events are read as they were appended.

use crate::eventstore::backend::{
    Append, Direction, Encoding, EventId, EventStore, Expected, Metadata, MetadataEntries,
    NewEvent, PageLimit, Payload, Position, RecordedEvent, StreamId,
};
use crate::eventstore::conformance::{append, event, happen, texts};

pub(super) async fn streams_are_read_in_both_directions(store: &impl EventStore) {
    happen(store, "a/1", &["1", "2", "3"]).await;
    happen(store, "a/2", &["other"]).await;
    happen(store, "a/1", &["4"]).await;
    let stream = StreamId::from("a/1");
    let cases: [(u64, Direction, usize, &[&str]); 9] = [
        (1, Direction::Forwards, 10, &["1", "2", "3", "4"]),
        (0, Direction::Forwards, 10, &["1", "2", "3", "4"]),
        (2, Direction::Forwards, 2, &["2", "3"]),
        (5, Direction::Forwards, 10, &[]),
        (u64::MAX, Direction::Backwards, 10, &["4", "3", "2", "1"]),
        (3, Direction::Backwards, 2, &["3", "2"]),
        (0, Direction::Backwards, 10, &[]),
        (1, Direction::Forwards, 0, &[]),
        (u64::MAX, Direction::Forwards, 10, &[]),
    ];
    for (from, direction, limit, expected) in cases {
        let read = store.read_stream(&stream, from, direction, limit).await;
        let read = texts(&read.expect("a stream can be read"));
        assert_eq!(
            read, expected,
            "up to {limit} events {direction:?} from version {from}"
        );
    }
    let nothing = StreamId::from("a/3");
    let read = store
        .read_stream(&nothing, 1, Direction::Forwards, 10)
        .await;
    let read = read.expect("a stream that was never written can be read");
    assert!(read.is_empty(), "a stream that was never written is empty");
}

pub(super) async fn pages_leave_nothing_out(store: &impl EventStore) {
    happen(store, "a/1", &["1", "2", "3"]).await;
    happen(store, "b/1", &["4"]).await;
    happen(store, "a/1", &["5"]).await;
    let stream = StreamId::from("a/1");
    for limit in [
        (1, 1),
        (2, usize::MAX),
        (100, 1),
        (100, 2),
        (100, usize::MAX),
    ] {
        let limit = PageLimit {
            events: limit.0,
            bytes: limit.1,
        };
        let (mut all, mut after) = (Vec::new(), Position::START);
        let (mut of_stream, mut from) = (Vec::new(), 1);
        loop {
            let page = store.read_all_page(after, limit).await;
            let page = page.expect("a page can be read");
            let is_whole = page.events.len() <= limit.events;
            assert!(is_whole, "a page has no more events than its limit");
            check_bytes(&page.events, limit);
            after = page.events.last().map_or(after, |event| event.position);
            all.extend(texts(&page.events));
            if page.is_last {
                break;
            }
        }
        loop {
            let page = store.read_stream_page(&stream, from, limit).await;
            let page = page.expect("a page of a stream can be read");
            check_bytes(&page.events, limit);
            from = page
                .events
                .last()
                .map_or(from, |event| event.stream_version + 1);
            of_stream.extend(texts(&page.events));
            if page.is_last {
                break;
            }
        }
        assert_eq!(all, ["1", "2", "3", "4", "5"], "pages have all events");
        assert_eq!(
            of_stream,
            ["1", "2", "3", "5"],
            "pages of a stream have all of its events"
        );
    }
}

fn check_bytes(page: &[RecordedEvent], limit: PageLimit) {
    let before = page.split_last().map_or(&[][..], |(_, before)| before);
    let bytes: usize = before.iter().map(|event| event.payload.bytes.len()).sum();
    assert!(
        page.is_empty() || bytes < limit.bytes,
        "a page ends with the event that reaches its bytes"
    );
}

pub(super) async fn all_events_are_read_in_order(store: &impl EventStore) {
    let head = store
        .head()
        .await
        .expect("the head of an empty store can be read");
    assert_eq!(
        head,
        Position::START,
        "the head of an empty store is the start"
    );
    happen(store, "a/1", &["1", "2"]).await;
    happen(store, "b/1", &["3"]).await;
    happen(store, "a/1", &["4"]).await;
    let head = store.head().await.expect("the head can be read");
    assert_eq!(
        head,
        Position(4),
        "the head is the position of the newest event"
    );
    let all = store.read_all(Position::START, 10).await;
    let all = all.expect("all events can be read");
    assert_eq!(texts(&all), ["1", "2", "3", "4"], "all events, in order");
    let positions: Vec<u64> = all.iter().map(|event| event.position.0).collect();
    assert_eq!(
        positions,
        [1, 2, 3, 4],
        "positions count from 1 without gaps"
    );
    let versions: Vec<u64> = all.iter().map(|event| event.stream_version).collect();
    assert_eq!(versions, [1, 2, 1, 3], "versions count within a stream");
    let some = store
        .read_all(Position(1), 2)
        .await
        .expect("some can be read");
    assert_eq!(texts(&some), ["2", "3"], "up to 2 events after position 1");
    for after in [Position(4), Position(u64::MAX)] {
        let none = store.read_all(after, 10).await.expect("it can be read");
        assert!(none.is_empty(), "there is nothing after position {after}");
    }
}

pub(super) async fn what_is_acknowledged_is_seen_at_once(store: &impl EventStore) {
    for number in 1..=20 {
        let new = append("a/1", Expected::Version(number - 1), vec![event("new")]);
        let appended = store.append(new).await.expect("it can be appended");
        let head = store.head().await.expect("the head can be read");
        assert_eq!(head, appended.position, "the head is not stale");
        let before = Position(appended.position.0 - 1);
        let newer = store.read_all(before, 10).await;
        let newer = newer.expect("all events can be read");
        assert_eq!(newer.len(), 1, "what was appended is among all events");
        let stream = StreamId::from("a/1");
        let newest = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1);
        let newest = newest.await.expect("a stream can be read");
        assert_eq!(newest[..], newer[..], "and the newest of its stream");
    }
}

pub(super) async fn what_was_appended_is_read_back_whole(store: &impl EventStore) {
    let long = vec![0xab; 1 << 20];
    let each: Vec<u8> = (0..=u8::MAX).collect();
    let stream = StreamId::from("größe/a/b c");
    let new = |name: &'static str, schema_version, encoding, bytes: &[u8]| NewEvent {
        id: EventId::new(),
        name: name.into(),
        schema_version,
        payload: Payload {
            encoding,
            bytes: bytes.to_vec(),
        },
    };
    let events = vec![
        new("überwiesen", 1, Encoding::Json, b"{\"a\":1}"),
        new("long", u32::MAX, Encoding::MessagePack, &long),
        new("empty", 2, Encoding::MessagePack, &[]),
        new("each", 2, Encoding::Json, &each),
    ];
    let metadata = Metadata {
        time: 1_700_000_000_123,
        correlation: Some("c".into()),
        causation: None,
        principal: Some("Zoë".into()),
        // As a newer version of this library may write them.
        entries: MetadataEntries::from_text(r#"{ "cause":1, "новое" : [1e2, "\u0000"]}"#),
    };
    let appended = store
        .append(Append {
            stream: stream.clone(),
            expected: Expected::Version(0),
            events: events.clone(),
            metadata: metadata.clone(),
            conditions: Vec::new(),
        })
        .await
        .expect("anything can be appended");
    assert_eq!(appended.version, 4, "the version after 4 events");
    assert_eq!(appended.position, Position(4), "the position of the last");
    assert!(!appended.is_repeated, "it is the first time");
    let read = store.read_all(Position::START, 10).await;
    let read = read.expect("anything can be read");
    assert_eq!(read.len(), 4, "as many events as were appended");
    for (event, read) in events.iter().zip(read) {
        assert_eq!(read.id, event.id, "its id");
        assert_eq!(*read.name, *event.name, "its name");
        assert_eq!(
            read.schema_version, event.schema_version,
            "the version of its shape"
        );
        assert!(read.payload == event.payload, "its content, byte by byte");
        assert_eq!(read.stream, stream, "its stream");
        assert_eq!(read.metadata, metadata, "what else is known of it");
        let found = store.find(event.id).await.expect("it can be looked for");
        let found = found.expect("an event is found by its id");
        assert!(found == read, "an event is found as it is read: {found:?}");
    }
    let unknown = store
        .find(EventId::new())
        .await
        .expect("it can be looked for");
    assert_eq!(unknown, None, "an id that is not there is not found");
    let other = append("a/1", Expected::Any, vec![event("1")]);
    let appended = store.append(other).await;
    let appended = appended.expect("another can be appended");
    let read = store.read_all(Position(appended.position.0 - 1), 1).await;
    let read = read.expect("it can be read");
    assert_eq!(
        read[0].metadata,
        Metadata::default(),
        "what is not known of an event is not made up"
    );
}
