//! A page that is written by hand, beside the endpoints.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use nether::http::RequestContext;
use nether::prelude::*;

use crate::orders::ListOrders;

#[nether::routes]
fn router() -> Router<System> {
    Router::new().route("/", get(home))
}

/// Asks the modules, as an endpoint does.
async fn home(ctx: RequestContext) -> Html<String> {
    let count = match ctx.ask(ListOrders { article: None }).await {
        Ok(orders) => orders.len().to_string(),
        Err(_) => "no number of".to_owned(),
    };
    Html(format!(
        "<h1>Order desk</h1><p>{count} orders. <a href=\"/docs\">Try it</a>.</p>"
    ))
}
