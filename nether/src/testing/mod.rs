//! [`TestSystem`], a system in a test (feature `test`): takes fakes, records messages, and can be waited for
//! until it has come to rest.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::StartError;
use crate::events::HandlerFailed;
use crate::mediator::{Handler, Handlers, number_instance};
use crate::message::{ByValue, Event, Message};
use crate::module::{FAKE, Fake, ModuleState};
use crate::race::race;
use crate::route::Route;
use crate::system::{System, SystemBuilder};

/// The smallest step of virtual time.
const STEP: Duration = Duration::from_millis(1);

/// A [`System`] in a test: it keeps what is sent and published in it, takes fakes, and can be waited for
/// until it has come to rest. [`#[nether::test]`](macro@crate::test) gives one; [`SystemBuilder::start_test`]
/// starts one.
///
/// Records are copies of messages: there are none of those that are [`local`](macro@crate::command), which
/// need not be `Clone`.
///
/// ```standalone_crate
/// use nether::{TestSystem, prelude::*};
///
/// #[command(reply = String)]
/// pub struct ChargeCard { pub cents: u64 }
///
/// #[command]
/// pub struct Buy { pub cents: u64 }
///
/// #[event]
/// pub struct Bought { pub receipt: String }
///
/// #[derive(Default)]
/// pub struct Shop;
///
/// #[module(handles = Buy, calls = ChargeCard, emits = Bought)]
/// impl Shop {
///     async fn buy(&mut self, buy: Buy, ctx: &Context<Self>) -> nether::Result<()> {
///         let receipt = ctx.send(ChargeCard { cents: buy.cents }).await?;
///         ctx.publish(Bought { receipt }).await?;
///         Ok(())
///     }
/// }
///
/// # #[derive(Default)] pub struct Cards;
/// # #[module(handles = ChargeCard)]
/// # impl Cards {
/// #     async fn charge(&self, _: ChargeCard) -> String { String::new() }
/// # }
/// #[nether::test(only = [Shop])]
/// async fn the_card_is_charged(system: TestSystem) -> nether::Result<()> {
///     system.fake(|charge: ChargeCard| Ok(format!("{} cents", charge.cents)));
///     let ctx = system.context();
///     ctx.process(Buy { cents: 7 }).await?;
///     system.settle().await;
///     assert_eq!(system.sent::<ChargeCard>()[0].cents, 7);
///     assert_eq!(system.published::<Bought>()[0].receipt, "7 cents");
///     assert!(system.failures().is_empty());
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct TestSystem(System);

impl SystemBuilder {
    /// Starts the system as one for a test.
    ///
    /// # Errors
    /// Those of [`start`](SystemBuilder::start).
    ///
    /// # Panics
    /// Those of [`start`](SystemBuilder::start).
    pub async fn start_test(self) -> Result<TestSystem, StartError> {
        self.recording().start().await.map(TestSystem)
    }

    /// The seed of this run, of a [test](macro@crate::test) that has some.
    pub fn seed(&self) -> Option<u64> {
        self.chance.seed()
    }
}

impl TestSystem {
    /// Lets a function answer a command or a query, from now on, in place of the module that handles it, if
    /// one does. A panic in it is the caller's [`CallError::Panicked`](crate::CallError::Panicked).
    ///
    /// ```
    /// # use nether::{TestSystem, prelude::*};
    /// # #[query(reply = u64)]
    /// # pub struct PriceOf { pub article: String }
    /// # struct Prices;
    /// # #[module(handles = PriceOf, manual)]
    /// # impl Prices {
    /// #     async fn price(&self, _: PriceOf) -> u64 { 0 }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start_test().await?;
    /// system.fake(|of: PriceOf| match of.article.as_str() {
    ///     "tea" => Ok(3),
    ///     other => Err(nether::Error::msg(format!("there is no {other}"))),
    /// });
    /// assert_eq!(system.context().ask(PriceOf { article: "tea".into() }).await?, 3);
    /// # Ok(()) }
    /// ```
    pub fn fake<M: ByValue + Send>(
        &self,
        answer: impl FnMut(M) -> Result<M::Reply, M::Error> + Send + 'static,
    ) {
        let route = Route::Inline(Arc::new(Fake::new(answer)));
        let fake = Handler {
            instance: number_instance(),
            module: &FAKE,
            route: route.erased(),
        };
        self.0.mediator().routing.change(|table| {
            if let Some(row) = table.row_mut(M::descriptor().slot()) {
                row.handlers = Handlers::of(fake);
            }
        });
    }

    /// Waits until nothing is in flight, no module is restarting, and no timer is due. Virtual time passes as
    /// far as messages in flight wait for it, and a few milliseconds more. It does not wait for what happens
    /// only later (a `#[background]` task that sleeps, the next try of a module that is crash-looping); see
    /// [`advance`](TestSystem::advance).
    ///
    /// # Panics
    /// If a module has sent a command or query that no module of the test handles, and that is not
    /// [faked](TestSystem::fake). `#[nether::test]` fails without it too, as soon as that happens.
    pub async fn settle(&self) {
        let recorder = &self.0.mediator().recorder;
        let unrouted = async { Some(recorder.unrouted().await) };
        let settled = async {
            self.settled().await;
            None
        };
        if let Some(why) = race(unrouted, settled).await {
            panic!("{why}");
        }
    }

    async fn settled(&self) {
        let stopping = &self.0.mediator().stopping;
        stopping.ask_quiet();
        loop {
            if !self.0.is_quiet() {
                stopping.until(|| self.0.is_quiet()).await;
            }
            // Whatever can go on now does so before this ends.
            sleep(STEP).await;
            let is_restarting = |state| state == ModuleState::Restarting;
            let modules = self.0.modules();
            if modules.iter().any(|module| is_restarting(module.state)) {
                continue;
            }
            if self.0.is_quiet() {
                return;
            }
        }
    }

    /// Lets so much time pass, with all that happens in it, and then [settles](TestSystem::settle).
    pub async fn advance(&self, time: Duration) {
        sleep(time).await;
        self.settle().await;
    }

    /// All commands or queries of a type that were sent in this system so far, by `send`, `ask` or `process`,
    /// by the test and by modules, in that order; also those that no module would handle in time.
    pub fn sent<M: ByValue>(&self) -> Vec<M> {
        self.all()
    }

    /// All events of a type that were published so far, in that order.
    pub fn published<E: Event>(&self) -> Vec<E> {
        self.all()
    }

    /// The failures so far.
    pub fn failures(&self) -> Vec<HandlerFailed> {
        self.all()
    }

    /// The seed of this run, of a test that has some.
    pub fn seed(&self) -> Option<u64> {
        self.0.mediator().chance.seed()
    }

    fn all<M: Message>(&self) -> Vec<M> {
        self.0.mediator().recorder.all()
    }
}

impl Deref for TestSystem {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}
