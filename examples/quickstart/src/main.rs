//! An order is processed, a second module confirms it, the receipt comes back, and closing waits for all of
//! it.
//!
//! ```sh
//! cargo run -p quickstart
//! ```

use nether::SendError;
use nether::prelude::*;

#[command(reply = Receipt, error = OrderError)]
pub struct ProcessOrder {
    pub order_id: String,
    pub amount: f64,
}

#[query(reply = u64)]
pub struct OrdersProcessed;

#[event]
pub struct OrderProcessed {
    pub order_id: String,
}

#[derive(Debug)]
pub struct Receipt {
    pub order_id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("there is nothing to pay")]
    NothingToPay,
    #[error(transparent)]
    NotAnnounced(#[from] SendError),
}

#[derive(Default)]
pub struct Orders {
    processed: u64,
}

#[module(handles = [ProcessOrder, OrdersProcessed], emits = [OrderProcessed])]
impl Orders {
    async fn process(
        &mut self,
        order: ProcessOrder,
        ctx: &Context<Self>,
    ) -> Result<Receipt, OrderError> {
        if order.amount <= 0.0 {
            return Err(OrderError::NothingToPay);
        }
        self.processed += 1;
        ctx.publish(OrderProcessed {
            order_id: order.order_id.clone(),
        })
        .await?;
        Ok(Receipt {
            order_id: order.order_id,
        })
    }

    async fn processed(&self, _: OrdersProcessed) -> u64 {
        self.processed
    }
}

#[derive(Default)]
pub struct Mailer;

#[module(handles = OrderProcessed)]
impl Mailer {
    async fn confirm(&self, event: &OrderProcessed) {
        println!("order {} confirmed", event.order_id);
    }
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    let ctx = system.context();
    let receipt = ctx
        .send(ProcessOrder {
            order_id: "123".into(),
            amount: 99.99,
        })
        .await?;
    let processed = ctx.ask(OrdersProcessed).await?;
    ctx.close().await?; // Every consequence of the order is done, or reported.
    println!(
        "receipt for order {}, {processed} processed",
        receipt.order_id
    );
    Ok(())
}

#[cfg(test)]
mod tests;
