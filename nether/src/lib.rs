//! A declarative, message-driven framework.
//!
//! A program is a set of **modules** that communicate only by **messages**. Attributes declare both, the
//! linker collects the declarations, and a **mediator** routes each message to the modules that handle it.
//! Work is done in **contexts**: the messages of a context, and all messages that they cause, are waited for
//! together and have one result. A command or query that no module handles, or that two modules handle, does
//! not compile.
//!
//! ```standalone_crate
//! use nether::prelude::*;
//!
//! #[command(reply = Receipt)]
//! pub struct ProcessOrder { pub order_id: String, pub amount: f64 }
//!
//! #[query(reply = u64)]
//! pub struct OrdersProcessed;
//!
//! #[event]
//! pub struct OrderProcessed { pub order_id: String }
//!
//! pub struct Receipt { pub order_id: String }
//!
//! #[derive(Default)]
//! pub struct Orders { processed: u64 }
//!
//! #[module(handles = [ProcessOrder, OrdersProcessed], emits = [OrderProcessed])]
//! impl Orders {
//!     async fn process(&mut self, order: ProcessOrder, ctx: &Context<Self>) -> nether::Result<Receipt> {
//!         if order.amount <= 0.0 {
//!             return Err(nether::Error::msg("there is nothing to pay"));
//!         }
//!         self.processed += 1;
//!         ctx.publish(OrderProcessed { order_id: order.order_id.clone() }).await?;
//!         Ok(Receipt { order_id: order.order_id })
//!     }
//!
//!     async fn processed(&self, _: OrdersProcessed) -> u64 {
//!         self.processed
//!     }
//! }
//!
//! #[derive(Default)]
//! pub struct Mailer;
//!
//! #[module(handles = OrderProcessed)]
//! impl Mailer {
//!     async fn confirm(&self, event: &OrderProcessed) {
//!         println!("order {} confirmed", event.order_id);
//!     }
//! }
//!
//! #[nether::main]
//! async fn main(system: System) -> nether::Result<()> {
//!     let ctx = system.context();
//!     let receipt = ctx.send(ProcessOrder { order_id: "123".into(), amount: 99.99 }).await?;
//!     assert_eq!(receipt.order_id, "123");
//!     assert_eq!(ctx.ask(OrdersProcessed).await?, 1);
//!     ctx.close().await?; // Every consequence of the order is done, or reported.
//!     Ok(())
//! }
//! ```
//!
//! # Messages
//!
//! | declared with | handled by | verb | a handler takes | a handler may |
//! |---|---|---|---|---|
//! | [`#[command]`](macro@command) | exactly one module | [`send`](Context::send), [`process`](Context::process) | the message, `&mut self` or `&self` | send, ask, publish, process |
//! | [`#[query]`](macro@query) | exactly one module | [`ask`](QueryContext::ask), [`process`](Context::process) | the message, `&self` | ask |
//! | [`#[event]`](macro@event) | any number of modules | [`publish`](Context::publish), [`process`](Context::process) | a reference to it, `&mut self` or `&self` | send, ask, publish, process |
//!
//! `send` and `ask` wait for the reply. `publish` and `process` return when the message is accepted; the
//! context waits for its handling. A command is moved into its handler; an event is shared, so it is
//! allocated once and never cloned.
//!
//! # Modules
//!
//! [`#[module]`](macro@module) stands above one `impl` block. A method whose first argument is a message in
//! `handles` is its handler; other methods are left alone. Hooks make the module (`#[init]`), run at its
//! start and end (`#[on_start]`, `#[on_stop]`), or beside it (`#[background]`).
//!
//! The receivers decide how a module runs. With a `&mut self` handler it is *exclusive*: it has a mailbox,
//! and handles one message at a time, in the order of their arrival. With only `&self` handlers it is
//! *shared*: handlers run concurrently, and `send` and `ask` run them in the caller's task. With `per = ..`
//! it is [keyed]: it has a value for each key, which handles the messages of its key one at a time.
//!
//! [`#[middleware]`](macro@middleware) runs around the handlers of the modules that list it in
//! `with = [..]`. An [`Interceptor`] looks at all messages of a program.
//!
//! # Contexts
//!
//! [`System::context`] opens a unit of work. A handler gets a handle to the unit of work of its message, so
//! everything that a message causes belongs to it too. [`close`](Context::close) waits until nothing of it is
//! in flight, and lists every failure. A context that is dropped without `close` is cancelled.
//! [Subscribe](Context::subscribe) to see its events; give it a [deadline](Context::with_timeout), or
//! [cancel](Context::cancel) it; add [baggage](Context::with) that its handlers can read.
//!
//! A unit of work may have a [`Principal`], on whose behalf it is done; messages may
//! [require](macro@command#who-may-send-it) something of it.
//!
//! Handlers of one context share [streams](Context::stream), whose items consumers share or watch.
//! [Enlisted](Context::enlist) transactions are committed when the context succeeds, and rolled back when it
//! does not. Work that may fail on its own goes into a [nested](Context::nested) context. A handler that has
//! replied may continue in a task that it [spawns](Context::spawn).
//!
//! # Routing is checked by the compiler
//!
//! ```compile_fail,E0277
//! # use nether::prelude::*;
//! #[command]
//! pub struct Pay;
//!
//! async fn pay(ctx: &Context) -> nether::Result<()> {
//!     ctx.send(Pay).await?; // error[E0277]: no module handles `Pay`
//!     Ok(())
//! }
//! ```
//!
//! If two modules handle one command, the error shows both: keep one. In the command's own crate the error is
//! E0119, two implementations of [`HandledBy<OnlyOneModule>`]. Across crates it is E0283, at the place that
//! sends the command. A crate that nothing names with `use` is neither linked nor seen by the
//! compiler, so its modules count as missing: write `use billing as _;`.
//!
//! A module that cannot see the crate of its counterpart lists the messages that it sends, `emits = [..]` and
//! `calls = [..]`. It may then send exactly these, and the system checks at its start that each has a
//! handler. [`System::verify`] makes the same checks in a test: two handlers across crates, listed messages
//! without a handler, clashing names, missing resources, circles of modules that wait for each other.
//! [`#[nether::main(modules = [..])]`](macro@main) makes the checks of routes while compiling.
//!
//! # Errors
//!
//! [errors] lists which call returns which error, and what to do about each.
//!
//! A handler returns its reply or a `Result` of it. An `Err` is a result like any other: the module's state
//! stays. A panic is caught and is a crash: an exclusive module is restarted and continues with its next
//! message, a shared one just continues; see [`#[module]`](macro@module#crashes). The caller gets a
//! [`CallError`]: the handler's own error, the panic, or the reason why there is no reply. A failure that no
//! caller takes is kept for [`close`](Context::close). Every failure is published as [`HandlerFailed`]. A
//! message that is accepted but never handled is published as [`DeadLetter`]. A slow handler is reported as
//! [`HandlerSlow`]. [`Error`] boxes any `std::error::Error`, so `?` works on all of them.
//!
//! # Waiting
//!
//! Nether sees what a handler waits for, as long as it waits for Nether. Every such wait ends, or is
//! reported:
//!
//! | what it waits for | what else ends the wait |
//! |---|---|
//! | a reply: [`send`](Context::send), [`ask`](QueryContext::ask) | the deadline of the context; its cancellation; the end of the module. If the reply could never arrive, because the module that handles the message waits for this one, [`CallError::Deadlock`], at once |
//! | a shared module that starts or restarts | the same |
//! | room in a mailbox, in a shared module, or in the system | for work from outside, the same. A handler never waits for room with its own context; a handler of an exclusive module never waits for room |
//! | an item of a stream: [`pull`](JoinStream::pull) | deadline, cancellation. When the context closes, and all that is left waits, the stream ends in order; if it is held outside of handlers, after [`close_patience`](SystemBuilder::close_patience) with [`StreamError::Unfinished`] |
//! | room in a stream: [`push`](SharedStream::push) | the same, with a [`PushError`] |
//! | the end of a unit of work: [`close`](Context::close) | its deadline. If it waits for the handler or task that closes it, [`ContextError::deadlock`], after 10 ms or more, and the unit of work is cancelled |
//! | the modules that it starts `after`, and those that it calls in `#[on_start]` | if they wait for this module, its start fails with a [`Deadlock`] |
//!
//! A handler that waits for several replies at once (`select!`, `join!`) is stuck only if all of them are: no
//! call is refused while there is a way out. A handler, a start or a `close` that takes longer than
//! [`slow_handler`](SystemBuilder::slow_handler) is reported with what it waits for.
//!
//! # Testing
//!
//! With the feature `test`, `#[nether::test]` runs a test in a system of its own: in virtual time, with the
//! whole program or some of its modules, fakes of the messages that they send, a record of all messages, and
//! once for each seed, each time in another order.
//!
//! Without it, an [isolated](SystemBuilder::isolated) system starts nothing by itself: attach the module
//! under test, and fakes of the modules that it calls. A module marked `fake` stands in for the one that
//! handles its messages, only in the systems that attach it. An aggregate, a decision, a projection or a
//! saga is tested without a system: `given`, `given_decision`, `given_projection` and `given_saga` of
//! `eventstore`.
//!
//! ```
//! use nether::prelude::*;
//!
//! #[query(reply = u64)]
//! pub struct PriceOf { pub article: String }
//!
//! #[query(reply = u64)]
//! pub struct Total { pub articles: Vec<String> }
//!
//! #[derive(Default)]
//! pub struct Cart;
//!
//! #[module(handles = Total, calls = PriceOf)]
//! impl Cart {
//!     async fn total(&self, cart: Total, ctx: &QueryContext<Self>) -> nether::Result<u64> {
//!         let mut total = 0;
//!         for article in cart.articles {
//!             total += ctx.ask(PriceOf { article }).await?;
//!         }
//!         Ok(total)
//!     }
//! }
//!
//! /// Stands in for the module that knows the prices.
//! struct EverythingCosts(u64);
//!
//! #[module(handles = PriceOf, fake)]
//! impl EverythingCosts {
//!     async fn price(&self, _: PriceOf) -> u64 {
//!         self.0
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
//! let system = System::builder().isolated().start().await?;
//! let _cart = system.attach(Cart).await?;
//! let _prices = system.attach(EverythingCosts(3)).await?;
//! let total = system.context().ask(Total { articles: vec!["tea".into(), "milk".into()] }).await?;
//! assert_eq!(total, 6);
//! # Ok(()) }
//! ```
//!
//! # Over HTTP
//!
//! With the feature `http`, a message with `http = "POST /orders"` is an endpoint of the web server, which
//! [`System::serve`] starts; see [`http`].
//!
//! # Event sourcing
//!
//! With the feature `eventstore`, state is made from stored events: [`#[aggregate]`](macro@aggregate),
//! [`#[decision]`](macro@decision), [`#[projection]`](macro@projection), [`#[saga]`](macro@saga); see
//! [`eventstore`], and [`upkeep`] for a program in production.
//!
//! # Limits today
//!
//! Messages stay in one process, and in memory. Several processes may share one event store.
//!
//! # Feature flags
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `erasure` | no | personal values that are stored encrypted, and forgotten with their key |
//! | `eventstore` | no | event sourcing, with a store in memory |
//! | `garde` | no | `validate` on a message: the rules that it derives with [`garde`](https://docs.rs/garde) |
//! | `http` | no | the web server |
//! | `json` | yes | [`DeadLetter`] and [`HandlerFailed`] carry their message as JSON; without it their `json` is `None` |
//! | `swagger-ui` | no | a page of the web server to try endpoints on, at `/docs` |
//! | `test` | no | `#[nether::test]` and `TestSystem`, and with `eventstore` also `check_schema`; for `[dev-dependencies]` |
//! | `log` | yes | [`#[nether::main]`](macro@main) prints `tracing` events on standard error, filtered by `RUST_LOG` (warnings and errors unless it says otherwise), if the program has set no subscriber |
//!
//! Set `NETHER_MACROS_DEBUG=1` while building to see what the attributes expand to.
//!
//! # Tracing
//!
//! Handlers, requests and sagas have [spans]. The spans of one request form one tree, across modules.
//! `traceparent` is read, stored with events, and passed on.
//!
//! # Words
//!
//! The [glossary] says what each word of this manual means, and where its type is.

// docs.rs sets `docsrs` and builds with a nightly compiler, so that its pages name the feature of each item.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Expansions name `::nether`, also in this crate's own modules and documentation.
extern crate self as nether;

// The order of these modules is the order of the layers: each imports only from modules above it.
mod escaped;

mod clock_hold;
mod declaration;
#[cfg(any(feature = "http", feature = "eventstore"))]
mod digest;
mod error;
#[cfg(feature = "eventstore")]
mod hexadecimal;
mod instants;
mod race;
mod sync;
mod trace;
mod wait_queue;

mod timetable;

mod chance;
mod latency;
mod observers;

#[cfg(any(feature = "eventstore", feature = "http"))]
mod finite;
mod guarded;

mod channel;

mod principal;

mod message;
mod resources;
mod tasks;
mod watch;

mod answer;
#[cfg(feature = "http")]
mod event_log;
#[cfg(feature = "http")]
mod idempotency;
mod limit;
mod recorder;

mod mediator;
mod routing;

mod scope;

mod envelope;
mod events;
mod waiting;

mod route;

mod context;

mod sends;

mod middleware;

mod module;

mod registry;

mod system;

#[cfg(feature = "test")]
mod testing;

mod entry;

#[cfg(feature = "eventstore")]
pub mod eventstore;

#[cfg(feature = "http")]
pub mod http;

pub mod integration;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use self::context::{
    AnyEvent, Apart, Context, Delayed, JoinStream, Nested, Outcome, Processable, Producer,
    QueryContext, SharedStream, Streaming, Subscription, WatchStream,
};
pub use self::declaration::Declaration;
pub use self::error::{
    AttachError, CallError, ContextError, CrashLooping, Deadlock, EnlistError, Error, Failure,
    FailureKind, Forbidden, HandlerError, HeldStream, Invalid, NoRoute, Panic, PushError,
    Rejection, Result, SendError, StartError, StartProblem, StreamError, TimedOut, TooDeep,
    TransactionFailure, TransactionReport, TransactionStep, TryPushError, TrySendError,
    Unavailable, Violation, Violations, WaitEdge,
};
pub use self::events::{
    BreakerClosed, BreakerOpened, ChainCut, DeadLetter, HandlerFailed, HandlerSlow, KeyCrashed,
    ModuleCrashLooping, ModuleRestarted, ModuleStopped,
};
pub use self::message::{
    AccessDescriptor, Command, EndpointDescriptor, Event, Keyed, Message, MessageDescriptor,
    MessageKind, MessageTypeId, Query,
};
pub use self::middleware::{
    Answer, AnswerError, Call, Committed, Ended, Interceptor, MessageInfo, Middleware, Next,
};
pub use self::module::{KeyedStatus, LeaseStatus, Module, ModuleKind, ModuleState};
pub use self::observers::Ending;
pub use self::principal::{Claim, Principal, signed_in};
pub use self::registry::{Edge, MessageNode, ModuleNode, Relation, Requirement, Topology};
pub use self::resources::Resource;
pub use self::routing::{Caller, Calls, Emits, External, HandledBy, OnlyOneModule, Unlisted};
pub use self::scope::{ContextId, MessageId, Transaction};
pub use self::sends::{Asks, Processes, Publishes, Sends};
pub use self::system::{
    Attached, DeadLetters, ModuleStatus, PauseError, ShutdownReport, System, SystemBuilder,
};
pub use self::trace::TraceContext;

#[doc = include_str!("docs/command.md")]
#[doc(inline)]
pub use nether_macros::command;

#[doc = include_str!("docs/query.md")]
#[doc(inline)]
pub use nether_macros::query;

#[doc = include_str!("docs/event.md")]
#[doc(inline)]
pub use nether_macros::event;

#[doc = include_str!("docs/module.md")]
#[doc(inline)]
#[doc(alias = "actor", alias = "handler", alias = "service")]
pub use nether_macros::module;

#[cfg(feature = "eventstore")]
#[doc = include_str!("docs/aggregate.md")]
#[doc(inline)]
pub use nether_macros::aggregate;

#[cfg(feature = "eventstore")]
#[doc = include_str!("docs/decision.md")]
#[doc(inline)]
#[doc(
    alias = "dynamic consistency boundary",
    alias = "DCB",
    alias = "unique"
)]
pub use nether_macros::decision;

#[cfg(feature = "eventstore")]
#[doc = include_str!("docs/projection.md")]
#[doc(inline)]
pub use nether_macros::projection;

#[cfg(feature = "eventstore")]
#[doc = include_str!("docs/saga.md")]
#[doc(inline)]
pub use nether_macros::saga;

// Without the feature, each says that it needs it.
#[cfg(not(feature = "eventstore"))]
#[doc(hidden)]
pub use nether_macros::{aggregate, decision, projection, saga};

#[cfg(feature = "http")]
#[doc = include_str!("docs/routes.md")]
#[doc(inline)]
pub use nether_macros::routes;

#[cfg(feature = "http")]
#[doc(inline)]
pub use self::http::Problem;

#[cfg(feature = "http")]
#[doc(hidden)]
pub use nether_macros::Problem;

#[cfg(not(feature = "http"))]
#[doc(hidden)]
pub use nether_macros::{Problem, routes};

#[doc = include_str!("docs/middleware.md")]
#[doc(inline)]
#[doc(alias = "filter", alias = "hook", alias = "layer")]
pub use nether_macros::middleware;

#[doc = include_str!("docs/main.md")]
#[doc(inline)]
pub use nether_macros::main;

#[cfg(feature = "test")]
#[doc = include_str!("docs/test.md")]
#[doc(inline)]
pub use nether_macros::test;

#[cfg(not(feature = "test"))]
#[doc(hidden)]
pub use nether_macros::test;

#[cfg(feature = "test")]
pub use self::testing::TestSystem;

#[doc = include_str!("docs/glossary.md")]
pub mod glossary {}

#[doc = include_str!("docs/actors.md")]
pub mod actors {}

#[doc = include_str!("docs/errors.md")]
pub mod errors {}

#[doc = include_str!("docs/keyed.md")]
pub mod keyed {}

#[doc = include_str!("docs/later.md")]
pub mod later {}

#[doc = include_str!("docs/tracing.md")]
pub mod spans {}

#[cfg(feature = "eventstore")]
#[doc = include_str!("docs/upkeep.md")]
pub mod upkeep {}

pub mod future {
    //! The futures that the verbs of a [`Context`](crate::Context) return.

    pub use crate::context::{CallFuture, PostFuture, StreamFuture};
}

pub mod prelude {
    //! What nearly every file needs: `use nether::prelude::*;`.

    pub use crate::{
        CallError, Command as _, Context, Event as _, Message as _, MessageTypeId, Query as _,
        QueryContext, Resource, System, SystemBuilder, aggregate, command, decision, event, module,
        projection, query, saga,
    };
}
