//! One module under test, and fakes of the rest: in the crate where the real ones are.

use nether::prelude::*;
use nether::{AttachError, CallError};

#[command(reply = u64, error = Declined)]
struct Charge(u64);

#[derive(Debug, thiserror::Error)]
#[error("the card was declined")]
struct Declined;

#[command(reply = u64)]
struct Order;

/// The real thing, which a test must not call.
#[derive(Default)]
struct Gateway;

#[module(handles = Charge)]
impl Gateway {
    async fn charge(&mut self, Charge(amount): Charge) -> u64 {
        amount
    }
}

/// Has no lists: the compiler sees who handles what it sends.
#[derive(Default)]
struct Shop;

#[module(handles = Order)]
impl Shop {
    async fn order(&mut self, _: Order, ctx: &Context<Self>) -> nether::Result<u64> {
        Ok(ctx.send(Charge(10)).await?)
    }
}

struct DecliningGateway;

#[module(handles = Charge, fake)]
impl DecliningGateway {
    async fn charge(&self, _: Charge) -> Result<u64, Declined> {
        Err(Declined)
    }
}

#[tokio::test]
async fn a_fake_stands_in_for_the_real_handler() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Shop).await?;
    system.attach(DecliningGateway).await?;
    let ctx = system.context();
    let error = ctx.send(Order).await.expect_err("declined");
    assert_eq!(error.to_string(), "the card was declined");
    // The compiler knows of one handler, so this needs no list either.
    assert!(matches!(
        ctx.send(Charge(1)).await,
        Err(CallError::Handler(Declined))
    ));
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn a_fake_is_no_part_of_the_program(system: System) -> nether::Result<()> {
    assert_eq!(system.context().send(Order).await?, 10);
    let topology = system.topology();
    assert!(
        topology
            .modules
            .iter()
            .all(|module| module.name != "fakes::DecliningGateway")
    );
    let error = system
        .attach(DecliningGateway)
        .await
        .expect_err("the real one runs");
    assert!(matches!(error, AttachError::AlreadyHandled { .. }));
    Ok(())
}
