//! A desk whose messages require something, in every way in which they can.

use nether::eventstore::Store;
use nether::http::RequestContext;
use nether::prelude::*;
use nether::{Claim, Principal};
use serde::{Deserialize, Serialize};

use crate::who::Prices;

/// For those with the role.
#[command(reply = u32, requires = "orders.write", http = "POST /orders")]
pub struct Place {
    pub article: String,
}

/// For those with both roles.
#[command(requires = ["orders.write", "admin"], http = "DELETE /orders")]
pub struct Clear;

/// For the one whose it is.
#[query(reply = String, requires = is_own, http = "GET /letters/{owner}")]
pub struct Letter {
    pub owner: String,
}

/// For the one whose it is, in the role.
#[command(reply = String, requires = ["letters", is_answer_to_own], http = "POST /letters/{owner}")]
pub struct Answer {
    pub owner: String,
}

/// For all who have signed in.
#[query(reply = String, requires = nether::signed_in, http = "GET /who")]
pub struct Who;

/// For everybody.
#[query(reply = String, http = "GET /open")]
pub struct Open;

/// Decided by a function that panics.
#[query(reply = u32, requires = panics)]
pub struct Panicking;

/// Sends what requires a role, which its own sender does not need.
#[command(reply = u32, http = "POST /kiosk")]
pub struct AtKiosk {
    /// By which way.
    pub way: String,
}

/// Seen by the one whose it is.
#[event(requires = ["letters", is_for], http = "SSE /letters")]
pub struct LetterCame {
    pub to: String,
}

/// Seen by those with the role.
#[event(requires = "orders.read", http = "SSE /orders")]
pub struct Placed {
    pub article: String,
}

fn is_own(principal: &Principal, letter: &Letter) -> bool {
    principal.id() == letter.owner
}

fn is_answer_to_own(principal: &Principal, answer: &Answer) -> bool {
    principal.id() == answer.owner
}

fn is_for(principal: &Principal, came: &LetterCame) -> bool {
    principal.id() == came.to
}

fn panics(_: &Principal, _: &Panicking) -> bool {
    panic!("not today")
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Tenant(pub u32);

impl Claim for Tenant {
    const NAME: &'static str = "tenant";
}

/// The whole program, with what its aggregate and its saga need.
pub async fn started() -> System {
    let builder = System::builder().provide(Store::memory()).provide(Prices);
    builder.start().await.expect("the program is sound")
}

/// Exclusive.
#[derive(Default)]
pub struct Desk {
    placed: u32,
}

#[module(handles = [Place, Clear, Letter, Panicking], emits = Placed)]
impl Desk {
    async fn place(&mut self, place: Place, ctx: &Context<Self>) -> nether::Result<u32> {
        self.placed += 1;
        let article = place.article;
        ctx.publish(Placed { article }).await?;
        Ok(self.placed)
    }

    async fn clear(&mut self, _: Clear) {
        self.placed = 0;
    }

    async fn letter(&self, letter: Letter) -> String {
        format!("to {}", letter.owner)
    }

    async fn panicking(&self, _: Panicking) -> u32 {
        0
    }
}

/// Shared.
#[derive(Default)]
pub struct Hall;

#[module(handles = [Who, Open, Answer, AtKiosk], calls = Place, emits = LetterCame)]
impl Hall {
    async fn who(&self, _: Who, ctx: &QueryContext<Self>) -> String {
        let principal = ctx.principal();
        let tenant = principal.and_then(|it| it.claim::<Tenant>());
        let tenant = tenant.map_or(String::new(), |tenant| format!(" of {}", tenant.0));
        principal.map_or_else(|| "nobody".to_owned(), |it| format!("{}{tenant}", it.id()))
    }

    async fn open(&self, _: Open, ctx: &QueryContext<Self>) -> String {
        ctx.principal().map_or("nobody", Principal::id).to_owned()
    }

    async fn answer(&self, answer: Answer, ctx: &Context<Self>) -> nether::Result<String> {
        let to = answer.owner.clone();
        ctx.publish(LetterCame { to }).await?;
        Ok(answer.owner)
    }

    /// Whatever the way, it is a module that sends.
    async fn at_kiosk(&self, kiosk: AtKiosk, ctx: &Context<Self>) -> nether::Result<u32> {
        let place = Place {
            article: "tea".to_owned(),
        };
        match &*kiosk.way {
            "clone" => Ok(ctx.clone().send(place).await?),
            "nested" => {
                let nested = ctx.nested();
                let placed = nested.send(place).await?;
                nested.close().await?;
                Ok(placed)
            }
            "spawned" => {
                ctx.spawn(async |ctx| {
                    ctx.send(place).await?;
                    Ok(())
                })?;
                Ok(0)
            }
            _ => Ok(ctx.send(place).await?),
        }
    }
}

/// Places orders in the background, and at the start.
#[derive(Default)]
pub struct Machine;

#[module(handles = [], calls = Place)]
impl Machine {
    #[on_start]
    async fn start(&self, ctx: &Context<Self>) -> nether::Result<()> {
        let article = "milk".to_owned();
        ctx.send(Place { article }).await?;
        Ok(())
    }

    #[background]
    async fn run(&self, ctx: Context<Self>) -> nether::Result<()> {
        let article = "beans".to_owned();
        let nested = ctx.nested();
        nested.send(Place { article }).await?;
        nested.close().await?;
        ctx.cancelled().await;
        Ok(())
    }
}

#[nether::routes]
fn routes() -> axum::Router<System> {
    use axum::routing::{get, post};

    axum::Router::new()
        .route("/me", get(me))
        .route("/perhaps", get(perhaps))
        .route("/place", post(place))
}

async fn me(principal: Principal) -> String {
    principal.id().to_owned()
}

async fn perhaps(principal: Option<Principal>) -> String {
    principal.map_or("nobody".to_owned(), |it| it.id().to_owned())
}

async fn place(ctx: RequestContext) -> Result<String, CallError<nether::Error>> {
    let article = "tea".to_owned();
    ctx.send(Place { article })
        .await
        .map(|placed| placed.to_string())
}
