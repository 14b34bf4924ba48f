//! Filters of streams: by the fields that events are written with, and none that could never match.

use std::collections::BTreeMap;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{connect, get, open};
use serde::{Deserialize, Serialize};

#[event(http = "SSE /moved/{shelfNumber}")]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Moved {
    pub shelf_number: u32,
    #[serde(rename(serialize = "takenBy", deserialize = "who"))]
    pub by: String,
    pub tags: Vec<String>,
    pub corner: Corner,
    pub size: Size,
    pub is_full: Option<bool>,
    pub weight: f64,
    #[serde(skip_serializing)]
    pub secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(flatten)]
    pub place: Place,
    #[serde(flatten)]
    pub more: BTreeMap<String, String>,
    #[serde(serialize_with = "as_text")]
    pub price: Price,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Corner {
    pub x: u8,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Place {
    pub hall: String,
    pub row: u8,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    #[default]
    Small,
    Of(u8),
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Price {
    pub cents: u32,
}

fn as_text<S: serde::Serializer>(price: &Price, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{} cents", price.cents))
}

/// Has no fields at all.
#[event(http = "SSE /rung")]
pub struct Rung;

/// Is written as what it holds.
#[event(http = "SSE /placed")]
pub struct Placed(pub Place);

/// Its fields depend on what it is.
#[event(http = "SSE /sorted")]
#[serde(tag = "kind")]
pub enum Sorted {
    ByHand { by: String },
}

/// Says which type it is.
#[event(http = "SSE /tagged")]
#[serde(tag = "kind", rename_all(serialize = "camelCase"))]
pub struct Tagged {
    pub shelf_number: u8,
}

/// Is written as another type.
#[event(http = "SSE /turned")]
#[serde(into = "Wire")]
pub struct Turned {
    pub by_degrees: u16,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wire {
    pub degrees_turned: u16,
}

impl From<Turned> for Wire {
    fn from(turned: Turned) -> Self {
        Wire {
            degrees_turned: turned.by_degrees,
        }
    }
}

fn moved() -> Moved {
    Moved {
        shelf_number: 4,
        by: "ann".to_owned(),
        tags: vec!["a".to_owned()],
        corner: Corner::default(),
        size: Size::Small,
        is_full: Some(true),
        weight: 1.5,
        secret: "s".to_owned(),
        note: None,
        place: Place {
            hall: "north".to_owned(),
            row: 7,
        },
        more: BTreeMap::from([("extra".to_owned(), "x".to_owned())]),
        price: Price { cents: 99 },
    }
}

async fn hall() -> (System, String) {
    let builder = System::builder().isolated();
    let system = builder.start().await.expect("the program is sound");
    let address = open(&system, Server::new(&system).public_docs()).await;
    (system, address)
}

/// Listens, lets events be published, and waits for the first that comes.
async fn gets(system: &System, at: &str, path: &str, publish: impl AsyncFn(&Context)) {
    let mut stream = connect(at).await;
    stream.write(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
    let begun = stream.until("\n\n").await;
    assert!(begun.contains("200 OK"), "{path}: {begun}");
    let ctx = system.context();
    publish(&ctx).await;
    ctx.close().await.expect("nobody can fail");
    stream.until("data: ").await;
}

#[tokio::test]
async fn a_filter_goes_by_the_names_that_are_written() {
    let (system, at) = hall().await;
    let publish = async |ctx: &Context| ctx.publish(moved()).await.expect("it runs");
    for filter in [
        "takenBy=ann",
        "isFull=true",
        "size=small",
        "weight=1.50",
        "weight=15e-1",
        "hall=north",
        "row=7",
        "price=99%20cents",
        "takenBy=bob&takenBy=ann",
    ] {
        gets(&system, &at, &format!("/moved/4?{filter}"), publish).await;
    }
    gets(&system, &at, "/moved/+04", publish).await;
    gets(&system, &at, "/placed?hall=north", async |ctx| {
        let placed = Placed(moved().place);
        ctx.publish(placed).await.expect("it runs");
    })
    .await;
    gets(
        &system,
        &at,
        "/tagged?kind=Tagged&shelfNumber=4",
        async |ctx| {
            let tagged = Tagged { shelf_number: 4 };
            ctx.publish(tagged).await.expect("it runs");
        },
    )
    .await;
    gets(&system, &at, "/turned?degreesTurned=90", async |ctx| {
        let turned = Turned { by_degrees: 90 };
        ctx.publish(turned).await.expect("it runs");
    })
    .await;
    gets(&system, &at, "/sorted?kind=ByHand&by=ann", async |ctx| {
        let by = "ann".to_owned();
        ctx.publish(Sorted::ByHand { by }).await.expect("it runs");
    })
    .await;
}

#[tokio::test]
async fn a_filter_that_can_never_match_is_refused() {
    let (_system, at) = hall().await;
    assert_eq!(moved().secret, "s", "it is there, and not written");
    for (path, field) in [
        ("/moved/4?who=ann", "who"),
        ("/tagged?shelf_number=4", "shelf_number"),
        ("/tagged?shelfNumber=x", "shelfNumber"),
        ("/turned?by_degrees=90", "by_degrees"),
        ("/moved/4?by=ann", "by"),
        ("/moved/4?is_full=true", "is_full"),
        ("/moved/4?tags=a", "tags"),
        ("/moved/4?corner=0", "corner"),
        ("/moved/4?secret=s", "secret"),
        ("/moved/4?place=north", "place"),
        ("/moved/4?more=x", "more"),
        ("/moved/4?nonsense=1", "nonsense"),
        ("/moved/4?isFull=yes", "isFull"),
        ("/moved/4?weight=heavy", "weight"),
        ("/moved/4?weight=inf", "weight"),
        ("/moved/four", "shelfNumber"),
        ("/moved/4294967296", "shelfNumber"),
        ("/moved/-1", "shelfNumber"),
        // It would widen what the path says.
        ("/moved/4?shelfNumber=5", "shelfNumber"),
        ("/rung?loud=true", "loud"),
        ("/placed?tall=1", "tall"),
    ] {
        let refused = get(&at, path).await;
        assert_eq!(refused.status, 422, "{path}: {refused:?}");
        assert_eq!(refused.json()["field"], field, "{path}");
    }
}

#[tokio::test]
async fn the_description_offers_the_filters_that_can_match() {
    let (_system, at) = hall().await;
    let description = get(&at, "/openapi.json").await.json();
    let moved = &description["paths"]["/moved/{shelfNumber}"]["get"];
    let parameters = moved["parameters"].as_array().expect("a list");
    let parameters: Vec<_> = parameters
        .iter()
        .map(|it| {
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            (
                text(&it["name"]).expect("a name"),
                text(&it["schema"]["type"]).unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        ("shelfNumber", "integer"),
        ("takenBy", "string"),
        ("size", "string"),
        ("isFull", "boolean"),
        ("weight", "number"),
        ("note", "string"),
        ("hall", "string"),
        ("row", "string"),
        ("price", "string"),
        ("Last-Event-ID", "string"),
    ];
    let expected = expected.map(|(name, ty)| (name.to_owned(), ty.to_owned()));
    assert_eq!(parameters, expected);
    let content = &moved["responses"]["200"]["content"]["text/event-stream"];
    let event = &content["schema"]["oneOf"][0]["properties"]["data"]["contentSchema"];
    let required = event["required"].as_array().expect("a list");
    assert!(
        !required
            .iter()
            .any(|name| name == "note" || name == "secret")
    );
    assert!(required.iter().any(|name| name == "takenBy"));
}
