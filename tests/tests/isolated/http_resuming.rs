//! Clients of streams that come back: whatever they were sent, an id is in it, and they go on there.

use nether::http::{Server, StopServer};
use nether::prelude::*;
use nether_tests::http::{Connection, connect, open, start};

#[event(http = "SSE /ticks")]
pub struct Ticked {
    pub number: u32,
    pub is_tenth: bool,
}

#[event(http = "SSE /pages")]
pub struct Printed {
    pub number: u32,
    pub text: String,
}

async fn clock(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let builder = System::builder().isolated();
    let system = builder.start().await.expect("the program is sound");
    let address = open(&system, set(Server::new(&system))).await;
    (system, address)
}

async fn tick(system: &System, numbers: impl IntoIterator<Item = u32>) {
    let ctx = system.context();
    for number in numbers {
        let is_tenth = number.is_multiple_of(10);
        let event = Ticked { number, is_tenth };
        ctx.publish(event).await.expect("it runs");
    }
    ctx.close().await.expect("nobody can fail");
}

/// A client as a browser is one (WHATWG HTML, section 9.2.6): it keeps the id of the last block, whether that
/// has data or not, and sends it when it comes back.
struct Browser {
    connection: Connection,
    last_id: String,
    /// The types and data of the events that were dispatched.
    events: Vec<(String, String)>,
}

impl Browser {
    async fn open(address: &str, path: &str) -> Self {
        Browser::come_back(address, path, "").await
    }

    async fn come_back(address: &str, path: &str, last_id: &str) -> Self {
        let mut connection = connect(address).await;
        let header = match last_id {
            "" => String::new(),
            id => format!("last-event-id: {id}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.0\r\n{header}\r\n");
        connection.write(request).await;
        let head = connection.until("\r\n\r\n").await;
        assert!(head.contains("200 OK"), "{head}");
        let mut browser = Browser {
            connection,
            last_id: last_id.to_owned(),
            events: Vec::new(),
        };
        browser.block().await;
        browser
    }

    /// Takes one block, and says what is in it.
    async fn block(&mut self) -> String {
        let block = self.connection.until("\n\n").await;
        let (mut kind, mut data) = ("message".to_owned(), None);
        let mut has_id = false;
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => (self.last_id, has_id) = (id.to_owned(), true),
                Some(("event", name)) => kind = name.to_owned(),
                Some(("data", text)) => data = Some(text.to_owned()),
                _ => {}
            }
        }
        assert!(has_id, "{block:?} has no id");
        if let Some(data) = data {
            self.events.push((kind, data));
        }
        block
    }

    /// Takes blocks until so many events have been dispatched.
    async fn dispatched(&mut self, count: usize) {
        while self.events.len() < count {
            self.block().await;
        }
    }

    /// How many events it has been sent, or passed over.
    fn place(&self) -> u32 {
        let (_, place) = self.last_id.split_once('-').expect("a run and a place");
        place.parse().expect("a number")
    }

    fn numbers(&self) -> Vec<u32> {
        let events = self.events.iter();
        let number = |(kind, data): &(String, String)| {
            assert_eq!(kind, "message", "{data}");
            let event: Ticked = serde_json::from_str(data).expect("JSON");
            event.number
        };
        events.map(number).collect()
    }
}

#[tokio::test]
async fn a_client_that_was_sent_no_event_loses_none() {
    let (system, at) = clock(|server| server).await;
    for round in 0..3 {
        let idle = Browser::open(&at, "/ticks").await;
        drop(idle.connection);
        let first = round * 10;
        tick(&system, [first + 1, first + 2]).await;
        let mut back = Browser::come_back(&at, "/ticks", &idle.last_id).await;
        tick(&system, [first + 3]).await;
        back.dispatched(3).await;
        assert_eq!(back.numbers(), [first + 1, first + 2, first + 3]);
    }
}

#[tokio::test]
async fn a_sign_of_life_tells_the_place() {
    let alive = std::time::Duration::from_millis(1);
    let (system, at) = clock(|server| server.keep_alive(alive)).await;
    let mut filtering = Browser::open(&at, "/ticks?is_tenth=true").await;
    tick(&system, 1..=9).await;
    let begun = filtering.last_id.clone();
    while filtering.last_id == begun {
        filtering.block().await;
    }
    drop(filtering.connection);
    tick(&system, 10..=12).await;
    let path = "/ticks?is_tenth=true";
    let mut back = Browser::come_back(&at, path, &filtering.last_id).await;
    back.dispatched(1).await;
    assert_eq!(back.numbers(), [10]);
}

#[tokio::test]
async fn a_client_that_filters_gets_no_notice_of_a_loss_that_it_did_not_have() {
    let (system, at) = clock(|server| server.event_history(8)).await;
    let path = "/ticks?is_tenth=true";
    let mut filtering = Browser::open(&at, path).await;
    // Far more than is kept, and none for this client, which is here all the time.
    for round in 0..100 {
        tick(&system, (1..=4).map(|number| 10 * round + number)).await;
        // It gets its place often enough, so that what it has is never gone.
        while filtering.place() + 2 <= 4 * (round + 1) {
            filtering.block().await;
        }
    }
    assert!(filtering.events.is_empty());
    drop(filtering.connection);
    tick(&system, [1001, 1010]).await;
    let mut back = Browser::come_back(&at, path, &filtering.last_id).await;
    back.dispatched(1).await;
    assert_eq!(back.numbers(), [1010]);
}

#[tokio::test]
async fn long_events_are_kept_within_their_bytes() {
    let (system, at) = clock(|server| server.event_memory(100_000)).await;
    let print = async |numbers: std::ops::Range<u32>, length: usize| {
        let ctx = system.context();
        for number in numbers {
            let text = "a".repeat(length);
            let event = Printed { number, text };
            ctx.publish(event).await.expect("it runs");
        }
        ctx.close().await.expect("nobody can fail");
    };
    // One who filters is here all the time, and has missed nothing when it comes back.
    let mut filtering = Browser::open(&at, "/pages?number=1000").await;
    let first = Browser::open(&at, "/pages").await;
    print(0..20, 20_000).await;
    while filtering.place() < 18 {
        filtering.block().await;
    }
    assert!(filtering.events.is_empty(), "{:?}", filtering.events);
    drop(filtering.connection);
    print(1000..1001, 10).await;
    let path = "/pages?number=1000";
    let mut back = Browser::come_back(&at, path, &filtering.last_id).await;
    back.dispatched(1).await;
    assert_eq!(back.events[0].0, "message", "{:?}", back.events);
    // One that got no place: of those that it missed, two are kept, and the short one.
    drop(first.connection);
    let mut late = Browser::come_back(&at, "/pages", &first.last_id).await;
    late.dispatched(4).await;
    assert_eq!(late.events[0], ("missed".to_owned(), "18".to_owned()));
    // The newest one is kept however long it is.
    print(2000..2001, 1_000_000).await;
    late.dispatched(5).await;
    drop(late.connection);
    let mut last = Browser::come_back(&at, "/pages", &first.last_id).await;
    last.dispatched(2).await;
    assert_eq!(last.events[0], ("missed".to_owned(), "21".to_owned()));
}

#[tokio::test]
async fn a_place_holds_at_each_address_of_a_server() {
    let (system, first) = clock(|server| server).await;
    let second = start(&system).await;
    let idle = Browser::open(&first, "/ticks").await;
    let ctx = system.context();
    let address = first.clone();
    ctx.send(StopServer { address }).await.expect("it is open");
    ctx.close().await.expect("nothing else is done");
    let mut idle = idle;
    let end = idle.block().await;
    assert!(end.starts_with(": the server is stopping\n"), "{end}");
    tick(&system, [1]).await;
    let mut back = Browser::come_back(&second, "/ticks", &idle.last_id).await;
    back.dispatched(1).await;
    assert_eq!(back.numbers(), [1]);
}
