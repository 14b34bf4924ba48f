//! A module in which nothing is known without its path.

#![no_implicit_prelude]

use ::nether::Context;

/// Doubles a number.
#[::nether::command(reply = u8, key = number, http = "POST /doubles")]
pub struct Double {
    /// Which one.
    pub number: u8,
    /// Nothing.
    pub nothing: ::std::option::Option<u8>,
}

/// It was doubled.
#[::nether::event(http = "SSE /doubles/events")]
pub struct Doubled {
    /// Which one.
    pub number: u8,
}

/// The last double.
#[::nether::query(reply = u8, http = "GET /doubles")]
pub struct LastDouble;

/// Doubles.
#[derive(::std::fmt::Debug, ::std::default::Default)]
pub struct Doubler(u8);

#[::nether::module(handles = [Double, LastDouble], emits = Doubled)]
impl Doubler {
    async fn double(&mut self, it: Double, ctx: &Context<Self>) -> ::nether::Result<u8> {
        self.0 = it.number * 2;
        ctx.publish(Doubled { number: it.number }).await?;
        ::std::result::Result::Ok(self.0)
    }

    async fn last(&self, _: LastDouble) -> u8 {
        self.0
    }
}

/// Sees what was doubled.
#[derive(::std::fmt::Debug, ::std::default::Default)]
pub struct Watcher;

#[::nether::module(handles = Doubled)]
impl Watcher {
    async fn doubled(&self, _: &Doubled) {}
}

#[::nether::test]
async fn expansions_need_no_prelude(builder: ::nether::SystemBuilder) -> ::nether::Result<()> {
    let builder = builder
        .provide(1_u64)
        .provide(::nether::eventstore::Store::memory());
    let system = builder.start().await?;
    let ctx = system.context();
    let nothing = ::std::option::Option::None;
    ::std::assert_eq!(ctx.send(Double { number: 4, nothing }).await?, 8);
    ::std::assert_eq!(ctx.ask(LastDouble).await?, 8);
    let _report = ctx.close().await?;
    ::std::result::Result::Ok(())
}
