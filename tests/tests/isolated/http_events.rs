//! Events as streams: each client gets each event once, in order, and learns what it missed.

use std::time::Duration;

use nether::http::{Server, StopServer};
use nether::prelude::*;
use nether_tests::http::{Connection, connect, get, open};

#[event(http = "SSE /orders/events")]
pub struct Placed {
    pub order_id: u32,
    pub article: String,
    pub express: bool,
}

#[event(http = "SSE /rooms/{room}/said")]
pub struct Said {
    pub room: String,
    pub text: String,
}

/// Cannot always be written.
#[event(http = "SSE /moods")]
pub struct Mood {
    pub mood: Grumpy,
}

#[derive(Debug, Clone, serde::Deserialize)]
pub struct Grumpy(u8);

impl serde::Serialize for Grumpy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => panic!("not today"),
            1 => Err(serde::ser::Error::custom("no")),
            mood => serializer.serialize_u8(mood),
        }
    }
}

/// Money with 18 decimals.
#[event(http = "SSE /coins")]
pub struct Minted {
    pub wei: u128,
}

fn placed(order_id: u32, article: &str) -> Placed {
    Placed {
        order_id,
        article: article.to_owned(),
        express: order_id.is_multiple_of(2),
    }
}

async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let builder = System::builder().isolated();
    let system = builder.start().await.expect("the program is sound");
    let address = open(&system, set(Server::new(&system))).await;
    (system, address)
}

/// Listens; HTTP/1.0, so that what comes is the events and nothing else. Returns once the stream is open,
/// with what comes first.
async fn listen_to(address: &str, path: &str, headers: &str) -> (Connection, String) {
    let mut stream = connect(address).await;
    let text = format!("GET {path} HTTP/1.0\r\n{headers}\r\n");
    stream.write(text.as_bytes()).await;
    let begun = stream.until("\n\n").await;
    let (head, first) = begun.split_once("\r\n\r\n").expect("a head");
    let head = head.to_lowercase();
    assert!(head.contains("200 ok"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    (stream, first.to_owned())
}

async fn listen(address: &str, path: &str, headers: &str) -> Connection {
    listen_to(address, path, headers).await.0
}

async fn publish(system: &System, events: impl IntoIterator<Item = Placed>) {
    let ctx = system.context();
    for event in events {
        ctx.publish(event).await.expect("it runs");
    }
    ctx.close().await.expect("nobody can fail");
}

/// The events in a stream: the data, in order.
fn data(stream: &str) -> Vec<&str> {
    let lines = stream.lines();
    lines
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

fn last_id(stream: &str) -> &str {
    let mut ids = stream.lines().rev();
    ids.find_map(|line| line.strip_prefix("id: "))
        .expect("an id")
}

#[tokio::test]
async fn each_client_gets_each_event_in_order() {
    let (system, at) = desk(|server| server).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(listen(&at, "/orders/events", "").await);
    }
    publish(&system, (0..100).map(|id| placed(id, "tea"))).await;
    for client in &mut clients {
        let came = client
            .until("\"order_id\":99,\"article\":\"tea\",\"express\":false}")
            .await;
        let ids: Vec<u64> = data(&came)
            .iter()
            .map(|data| serde_json::from_str::<serde_json::Value>(data).expect("JSON"))
            .map(|event| event["order_id"].as_u64().expect("a number"))
            .collect();
        assert_eq!(ids, (0..100).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_event_is_its_fields_in_their_order() {
    let (system, at) = desk(|server| server).await;
    let mut client = listen(&at, "/orders/events", "").await;
    publish(&system, [placed(7, "a\nb\u{2028}")]).await;
    let came = client.until("}\n\n").await;
    assert_eq!(
        data(&came),
        ["{\"order_id\":7,\"article\":\"a\\nb\u{2028}\",\"express\":false}"]
    );
}

#[tokio::test]
async fn a_client_gets_what_it_filters_for() {
    let (system, at) = desk(|server| server).await;
    let mut tea = listen(&at, "/orders/events?article=tea&article=milk", "").await;
    let mut express = listen(&at, "/orders/events?express=true&article=tea", "").await;
    let mut four = listen(&at, "/orders/events?order_id=4", "").await;
    let all = (0..5).map(|id| placed(id, if id < 3 { "tea" } else { "nuts" }));
    publish(&system, all.chain([placed(6, "milk"), placed(8, "tea")])).await;
    let ids = |came: String| -> Vec<String> {
        let id = |event: &str| event.split([':', ',']).nth(1).map(str::to_owned);
        data(&came).iter().filter_map(|event| id(event)).collect()
    };
    assert_eq!(
        ids(tea
            .until("\"order_id\":8,\"article\":\"tea\",\"express\":true}")
            .await),
        ["0", "1", "2", "6", "8"]
    );
    assert_eq!(
        ids(express
            .until("\"order_id\":8,\"article\":\"tea\",\"express\":true}")
            .await),
        ["0", "2", "8"]
    );
    assert_eq!(ids(four.until("}\n").await), ["4"]);
    let unknown = get(&at, "/orders/events?size=4").await;
    assert_eq!(unknown.status, 422);
    assert!(unknown.body.contains("`size`"), "{unknown:?}");
}

#[tokio::test]
async fn a_parameter_of_the_path_is_a_filter() {
    let (system, at) = desk(|server| server).await;
    let mut hall = listen(&at, "/rooms/the%20hall/said", "").await;
    let ctx = system.context();
    for room in ["attic", "the hall"] {
        let (room, text) = (room.to_owned(), format!("hello {room}"));
        ctx.publish(Said { room, text }).await.expect("it runs");
    }
    ctx.close().await.expect("nobody can fail");
    let came = hall.until("}\n\n").await;
    assert_eq!(
        data(&came),
        [r#"{"room":"the hall","text":"hello the hall"}"#]
    );
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_where_it_was() {
    let (system, at) = desk(|server| server).await;
    let mut client = listen(&at, "/orders/events", "").await;
    publish(&system, [placed(1, "tea")]).await;
    let came = client.until("}\n\n").await;
    drop(client);
    publish(&system, [placed(2, "tea"), placed(3, "tea")]).await;
    let headers = format!("last-event-id: {}\r\n", last_id(&came));
    let (mut again, first) = listen_to(&at, "/orders/events", &headers).await;
    let came = first + &again.until("\"order_id\":3").await;
    assert!(data(&came)[0].contains("\"order_id\":2"), "{came}");
    assert!(!came.contains("missed"), "{came}");
}

#[tokio::test]
async fn a_client_learns_what_it_missed() {
    let (system, at) = desk(|server| server.event_history(2)).await;
    let mut client = listen(&at, "/orders/events", "").await;
    publish(&system, [placed(1, "tea")]).await;
    let came = client.until("}\n\n").await;
    publish(&system, (2..=6).map(|id| placed(id, "tea"))).await;
    client.until("\"order_id\":6").await;
    let headers = format!("last-event-id: {}\r\n", last_id(&came));
    let (mut again, first) = listen_to(&at, "/orders/events", &headers).await;
    let came = first + &again.until("\"order_id\":6").await;
    let run = last_id(&came).split_once('-').expect("a run").0;
    let begun =
        format!(": open\nid: {run}-1\n\nid: {run}-4\nevent: missed\ndata: 3\n\nid: {run}-5\n");
    assert!(came.starts_with(&begun), "{came:?}");
    // From before the program was started anew: how many is not known.
    for id in ["00000000-1", "nonsense", "7"] {
        let headers = format!("last-event-id: {id}\r\n");
        let (_stranger, first) = listen_to(&at, "/orders/events", &headers).await;
        assert_eq!(first, format!("id: {run}-6\nevent: missed\ndata: null\n\n"));
    }
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive() {
    let (_system, at) = desk(|server| server.keep_alive(Duration::from_millis(5))).await;
    let mut client = listen(&at, "/orders/events", "").await;
    let told = client.until("\n\n").await + &client.until("\n\n").await;
    assert_eq!(told.matches(": alive\nid: ").count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_the_others_nothing() {
    let (system, at) = desk(|server| server).await;
    let _lazy = listen(&at, "/orders/events", "").await;
    let mut client = listen(&at, "/orders/events", "").await;
    let article = "x".repeat(10_000);
    for round in 0..20 {
        let first = round * 50;
        publish(&system, (first..first + 50).map(|id| placed(id, &article))).await;
        client.until(&format!("\"order_id\":{},", first + 49)).await;
    }
}

#[tokio::test]
async fn streams_end_with_a_comment_when_the_server_stops() {
    let (system, at) = desk(|server| server).await;
    let mut client = listen(&at, "/orders/events", "").await;
    let ctx = system.context();
    ctx.send(StopServer { address: at })
        .await
        .expect("it is open");
    ctx.close().await.expect("nothing else is done");
    let end = client.rest().await;
    let last = end.rfind(": the server is stopping\nid: ");
    assert!(
        last.is_some_and(|last| end[last..].matches("\n\n").count() == 1),
        "{end:?}"
    );
}

#[tokio::test]
async fn streams_end_with_a_comment_when_the_system_stops() {
    let (system, at) = desk(|server| server).await;
    let mut client = listen(&at, "/orders/events", "").await;
    publish(&system, [placed(1, "tea")]).await;
    let report = system.shutdown().await;
    assert!(report.cut_off.is_empty(), "{report}");
    let end = client.rest().await;
    assert!(end.contains("\"order_id\":1"), "{end:?}");
    let last = end.rfind(": the server is stopping\nid: ");
    assert!(
        last.is_some_and(|last| end[last..].matches("\n\n").count() == 1),
        "{end:?}"
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_written_is_missed_and_no_other() {
    let (system, at) = desk(|server| server).await;
    let mut client = listen(&at, "/moods", "").await;
    for number in [0, 1, 2] {
        let ctx = system.context();
        let mood = Grumpy(number);
        ctx.publish(Mood { mood }).await.expect("it runs");
        ctx.close().await.expect("nobody can fail");
        let came = client.until("data: ").await;
        let is_missed = came.contains("event: missed");
        assert_eq!(is_missed, number < 2, "{came}");
        assert!(came.contains("id: "), "{came}");
    }
    assert_eq!(client.until("\n").await, "{\"mood\":2}\n");
}

#[tokio::test]
async fn a_client_that_comes_back_gets_the_events_around_those_that_cannot_be_written() {
    let (system, at) = desk(|server| server).await;
    let mut client = listen(&at, "/moods", "").await;
    let publish = async |moods: &[u8]| {
        let ctx = system.context();
        for mood in moods {
            let mood = Grumpy(*mood);
            ctx.publish(Mood { mood }).await.expect("it runs");
        }
        ctx.close().await.expect("nobody can fail");
    };
    publish(&[2]).await;
    let came = client.until("}\n\n").await;
    publish(&[3, 1, 1, 4]).await;
    client.until("{\"mood\":4}").await;
    let headers = format!("last-event-id: {}\r\n", last_id(&came));
    let (mut again, first) = listen_to(&at, "/moods", &headers).await;
    let came = first + &again.until("{\"mood\":4}").await;
    let told = data(&came);
    assert_eq!(told, ["{\"mood\":3}", "2", "{\"mood\":4}"], "{came}");
    assert_eq!(came.matches("event: missed").count(), 1, "{came}");
}

#[tokio::test]
async fn integers_of_128_bits_are_streamed_and_filtered_for() {
    let (system, at) = desk(|server| server).await;
    let [most, less] = [u128::MAX, u128::MAX - 1];
    let mut client = listen(&at, &format!("/coins?wei={most}"), "").await;
    let ctx = system.context();
    for wei in [less, most] {
        ctx.publish(Minted { wei }).await.expect("it runs");
    }
    ctx.close().await.expect("nobody can fail");
    let came = client.until("}\n\n").await;
    assert_eq!(data(&came), [format!("{{\"wei\":{most}}}")]);
}
