//! The order desk: its messages say where they are served, and know nothing else of HTTP.

use std::collections::BTreeMap;

use nether::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

/// Orders something.
#[command(reply = Order, error = OrderError, validate, http = "POST /orders")]
#[derive(garde::Validate, JsonSchema)]
pub struct PlaceOrder {
    /// The article ordered.
    #[garde(length(chars, min = 1, max = 40))]
    pub article: String,
    /// How many of it.
    #[garde(range(min = 1, max = 1000))]
    pub pieces: u32,
    /// Something to say about it.
    #[garde(length(chars, max = 200))]
    pub note: Option<String>,
}

/// Cancels an order.
#[command(error = OrderError, requires = "orders.cancel", http = "DELETE /orders/{order_id}")]
pub struct CancelOrder {
    /// Which one.
    pub order_id: u64,
}

/// One order.
#[query(reply = Option<Order>, http = "GET /orders/{order_id}")]
pub struct FindOrder {
    /// Which one.
    pub order_id: u64,
}

/// All orders.
#[query(reply = Vec<Order>, http = "GET /orders")]
pub struct ListOrders {
    /// Lists orders of this article only.
    pub article: Option<String>,
}

/// An order was placed.
#[event(http = "SSE /orders/events")]
pub struct OrderPlaced {
    /// Which one.
    pub order_id: u64,
    /// The article ordered.
    pub article: String,
}

/// An order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Order {
    /// Its number.
    pub order_id: u64,
    /// The article ordered.
    pub article: String,
    /// How many of it.
    pub pieces: u32,
    /// What was said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why an order is not taken.
#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum OrderError {
    /// There is not that much.
    #[error("there are {left} of `{article}` left")]
    #[problem(status = 409, title = "Sold out")]
    SoldOut {
        /// The article ordered.
        article: String,
        /// How many there are.
        left: u32,
    },
    /// There is no such order.
    #[error("there is no order {0}")]
    #[problem(status = 404, title = "No such order")]
    Unknown(u64),
}

/// How many of an article one desk sells.
const IN_STOCK: u32 = 100;

/// Takes orders.
#[derive(Debug, Default)]
pub struct Desk {
    orders: BTreeMap<u64, Order>,
    last: u64,
}

#[module(handles = [PlaceOrder, CancelOrder, FindOrder, ListOrders], emits = OrderPlaced)]
impl Desk {
    async fn place(&mut self, order: PlaceOrder, ctx: &Context<Self>) -> Result<Order, OrderError> {
        let left = IN_STOCK - self.ordered(&order.article);
        if order.pieces > left {
            let article = order.article;
            return Err(OrderError::SoldOut { article, left });
        }
        self.last += 1;
        let order = Order {
            order_id: self.last,
            article: order.article,
            pieces: order.pieces,
            note: order.note,
        };
        self.orders.insert(order.order_id, order.clone());
        let placed = OrderPlaced {
            order_id: order.order_id,
            article: order.article.clone(),
        };
        // The order stands even if no client hears of it.
        let _ = ctx.publish(placed).await;
        Ok(order)
    }

    async fn cancel(&mut self, cancel: CancelOrder) -> Result<(), OrderError> {
        let order = self.orders.remove(&cancel.order_id);
        order.map(drop).ok_or(OrderError::Unknown(cancel.order_id))
    }

    async fn find(&self, find: FindOrder) -> Option<Order> {
        self.orders.get(&find.order_id).cloned()
    }

    async fn list(&self, list: ListOrders) -> Vec<Order> {
        let is_listed =
            |order: &&Order| list.article.as_ref().is_none_or(|it| *it == order.article);
        self.orders.values().filter(is_listed).cloned().collect()
    }
}

impl Desk {
    fn ordered(&self, article: &str) -> u32 {
        let orders = self.orders.values().filter(|it| it.article == article);
        orders.map(|order| order.pieces).sum()
    }
}
