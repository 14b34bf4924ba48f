//! Messages and modules from a macro of another crate, which names Nether through `$crate`.

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{open, post};

nether_tests::entity!(OpenDoor, IsDoorOpen, DoorOpened, Door, http = "POST /doors");

#[tokio::test]
async fn a_macro_of_a_company_makes_messages_through_its_own_path() -> nether::Result<()> {
    nether_tests::entity!(OpenGate, IsGateOpen, GateOpened, Gate,);

    let builder = System::builder().provide(1_u64);
    let system = builder
        .provide(nether::eventstore::Store::memory())
        .start()
        .await?;
    let ctx = system.context();
    assert_eq!(ctx.send(OpenDoor { id: 7 }).await?, 7);
    assert_eq!(ctx.send(OpenGate { id: 8 }).await?, 8);
    assert!(ctx.ask(IsDoorOpen).await? && ctx.ask(IsGateOpen).await?);
    ctx.publish(DoorOpened { id: 7 }).await?;
    ctx.publish(GateOpened { id: 7 }).await?;
    let _report = ctx.close().await?;
    let at = open(&system, Server::new(&system)).await;
    assert_eq!(post(&at, "/doors", r#"{"id":9}"#).await.body, "9");
    Ok(())
}
