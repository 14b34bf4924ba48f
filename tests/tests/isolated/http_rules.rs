//! Requests whose messages break their rules.

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{Answer, open, post};

/// Has rules for fields that clients know by other names.
#[command(http = "POST /rooms/{room}", validate)]
#[derive(garde::Validate)]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    #[garde(range(max = 9))]
    pub room: u8,
    #[garde(length(min = 1))]
    pub last_name: String,
    #[garde(dive)]
    pub all_guests: Vec<Guest>,
    #[serde(flatten)]
    #[garde(dive)]
    pub stay: Stay,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, garde::Validate)]
pub struct Guest {
    #[garde(range(min = 1))]
    pub age: u8,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, garde::Validate)]
pub struct Stay {
    #[garde(range(min = 1))]
    pub nights: u8,
}

/// Takes all that keep the rules.
#[derive(Debug, Default)]
pub struct Hotel;

#[module(handles = Reserve, manual)]
impl Hotel {
    async fn reserve(&self, _: Reserve) {}
}

async fn desk() -> (System, String, nether::Attached<Hotel>) {
    let system = System::builder().isolated().start().await.unwrap();
    let hotel = system.attach(Hotel).await.unwrap();
    let address = open(&system, Server::new(&system)).await;
    (system, address, hotel)
}

#[track_caller]
fn check(answer: &Answer, said: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{said:?} is not in {detail:?}");
}

#[tokio::test]
async fn all_rules_that_a_message_breaks_are_listed_by_the_names_that_clients_know() {
    let (_system, at, _hotel) = desk().await;
    let body = r#"{"lastName":"","allGuests":[{"age":1},{"age":0}],"nights":0}"#;
    let answer = post(&at, "/rooms/12", body).await;
    check(&answer, "the message breaks its rules");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["allGuests[1].age", "lastName", "room", "nights"]);
    assert_eq!(errors[2]["detail"], "greater than 9");

    let body = r#"{"lastName":"A","allGuests":[],"nights":1}"#;
    assert_eq!(post(&at, "/rooms/9", body).await.status, 204);
}

#[tokio::test]
async fn a_message_that_breaks_its_rules_without_end_has_a_short_answer() {
    let (_system, at, _hotel) = desk().await;
    let guests = vec![r#"{"age":0}"#; 10_000].join(",");
    let body = format!(r#"{{"lastName":"A","allGuests":[{guests}],"nights":1}}"#);
    let answer = post(&at, "/rooms/1", &body).await;
    check(
        &answer,
        "breaks its rules 10000 times; the first 64 are shown",
    );
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 64);
}
