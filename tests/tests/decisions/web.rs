//! Commands of a decision as endpoints.

use nether::eventstore::{Aggregates, Decisions};
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{Answer, JSON, open, request};

use crate::bank::{Account, Transfers};
use crate::store::OtherStore;

async fn transfer(at: &str, key: &str, cents: u64) -> Answer {
    let headers = [JSON, ("idempotency-key", key)];
    let body = format!("{{\"to\":2,\"cents\":{cents}}}");
    request(at, "POST /accounts/1/transfers", &headers, &body).await
}

#[tokio::test]
async fn a_transfer_is_an_endpoint_and_a_key_of_a_request_is_its_id() -> nether::Result<()> {
    let store = OtherStore::default();
    store
        .append_now("account/1", "bank.deposited", r#"{"cents":100}"#)
        .await;
    for round in 0..2 {
        let builder = System::builder()
            .isolated()
            .with::<Aggregates<Account>>()
            .with::<Decisions<Transfers>>();
        let system = builder.provide(store.open()).start().await?;
        let at = open(&system, Server::new(&system)).await;
        let answer = transfer(&at, "k", 30).await;
        assert_eq!(answer.json(), serde_json::json!({"from": 70, "to": 30}));
        let again = transfer(&at, "k", 30).await;
        assert_eq!((again.status, again.body), (answer.status, answer.body));
        assert_eq!(transfer(&at, "k", 31).await.status, 422);
        let refused = transfer(&at, &format!("other {round}"), 71).await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        system.shutdown().await;
    }
    assert_eq!(store.names("account/1").await.len(), 2);
    assert_eq!(store.names("account/2").await.len(), 1);
    Ok(())
}
