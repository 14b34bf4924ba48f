//! The example's modules, used as the program uses them.

use nether::{CallError, TestSystem};

use crate::{OrderError, OrderProcessed, OrdersProcessed, ProcessOrder};

#[nether::test]
async fn an_order_is_processed_and_announced(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    let receipt = ctx
        .send(ProcessOrder {
            order_id: "7".into(),
            amount: 1.0,
        })
        .await?;
    assert_eq!(receipt.order_id, "7");
    system.settle().await;
    assert_eq!(system.published::<OrderProcessed>()[0].order_id, "7");
    assert_eq!(ctx.ask(OrdersProcessed).await?, 1);
    // The order, its announcement, and the question.
    assert_eq!(ctx.close().await?.handled, 3);
    Ok(())
}

#[nether::test]
async fn an_order_without_a_price_is_refused(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    let refused = ctx
        .send(ProcessOrder {
            order_id: "7".into(),
            amount: 0.0,
        })
        .await;
    assert!(matches!(
        refused,
        Err(CallError::Handler(OrderError::NothingToPay))
    ));
    assert_eq!(ctx.ask(OrdersProcessed).await?, 0);
    ctx.close().await?;
    Ok(())
}
