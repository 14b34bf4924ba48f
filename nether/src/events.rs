//! The framework's own events: any module may handle them, and any program may subscribe to them.
//!
//! A module handles a report outside of the unit of work that the report is about, see `announce` in
//! `context`. What happens in consequence of a report is logged, and not reported again.

use nether_macros::event;

use crate::scope::ContextId;

/// A handler returned an error, panicked, or exceeded its time-out; if the message was retried, in the last
/// attempt.
///
/// Subscribers of the unit of work of the message get the event, even if a caller waits for the reply.
/// Modules handle it outside of that unit of work, as they do all reports of the framework: see
/// [the reports](macro@crate::module#reports).
///
/// An error of an `#[on_stop]`, an `#[on_idle]` or a `#[background]` task is published too; then `message` is
/// the name of the mark.
#[event(__framework, name = "nether.handler_failed")]
pub struct HandlerFailed {
    /// The message's name.
    pub message: String,
    /// The module's name.
    pub module: String,
    /// The context it was sent in: its correlation id.
    pub context: ContextId,
    /// The message's number within its context.
    pub sequence: u64,
    /// The number of the message whose handler sent it; `None` if it came from outside.
    pub cause: Option<u64>,
    /// The text of the error.
    pub error: String,
    /// Whether the handler crashed: it panicked, or took longer than its `timeout`.
    pub crashed: bool,
    /// The message as JSON, if it is an event that can be serialised (it is not `local`). A command or query
    /// was given to its handler, and is gone with it.
    pub json: Option<String>,
}

/// A message was accepted, but will not be handled: its context was cancelled, its deadline passed, or its
/// module stopped.
#[event(__framework, name = "nether.dead_letter")]
pub struct DeadLetter {
    /// The message's name.
    pub message: String,
    /// The name of the module that would have handled it. Of a message that was [delayed](crate::Delayed) and
    /// not sent, it is the module that delayed it.
    pub module: String,
    /// The context it was sent in: its correlation id.
    pub context: ContextId,
    /// The message's number within its context.
    pub sequence: u64,
    /// The number of the message whose handler sent it; `None` if it came from outside.
    pub cause: Option<u64>,
    /// Why it was not handled, in words.
    pub reason: String,
    /// The message as JSON, if it can be serialised (it is not `local`), and was not in its handler when that
    /// was cut off.
    pub json: Option<String>,
}

/// A message was refused because the chain of causes that leads to it is as long as
/// [`max_depth`](crate::SystemBuilder::max_depth) permits. Its sender got
/// [`SendError::TooDeep`](crate::SendError::TooDeep). What the chain was to do is not done any more; see
/// [programs that go on forever](crate::later#programs-that-go-on-forever).
///
/// The chain of causes goes on across this report, so that a handler of it begins another chain with
/// [`apart`](crate::Context::apart).
#[event(__framework, name = "nether.chain_cut")]
pub struct ChainCut {
    /// The name of the message that was refused.
    pub message: String,
    /// The context it was sent in: its correlation id.
    pub context: ContextId,
    /// The number of the message whose handler sent it; `None` if it came from outside.
    pub cause: Option<u64>,
    /// The limit.
    pub limit: u32,
    /// The names of the messages that caused it, oldest first; the newest half of the chain.
    pub chain: Vec<String>,
}

/// A module crashed and was restarted. The new value handles the messages that waited.
#[event(__framework, name = "nether.module_restarted")]
pub struct ModuleRestarted {
    /// The module's name.
    pub module: String,
    /// How often it has been restarted, this one included.
    pub restarts: u64,
    /// Why it crashed, in words.
    pub reason: String,
}

/// The value of one key of a module crashed, and is gone. The next message of the key makes another.
#[event(__framework, name = "nether.key_crashed")]
pub struct KeyCrashed {
    /// The module's name.
    pub module: String,
    /// The key, as text.
    pub key: String,
    /// Why it crashed, in words.
    pub reason: String,
    /// How long messages of the key are refused before another is made, in milliseconds; `None` if the next
    /// message makes it.
    pub retry_in_millis: Option<u64>,
}

/// A module crashed more often than its `max_restarts` allows, and is left alone before it is built again:
/// for a second at first, and each time twice as long, up to five minutes. Each message that waited for it is
/// reported as a dead letter; meanwhile messages are refused with
/// [`CallError::CrashLooping`](crate::CallError::CrashLooping), and events are dead letters. Published each
/// time; once the module is built again, [`ModuleRestarted`] is.
#[event(__framework, name = "nether.module_crash_looping")]
pub struct ModuleCrashLooping {
    /// The module's name.
    pub module: String,
    /// How often it has been restarted so far.
    pub restarts: u64,
    /// Why it crashed, in words.
    pub reason: String,
    /// How long it takes until it is built again, in milliseconds.
    pub retry_in_millis: u64,
}

/// A module crashed and is not restarted: its attribute says so, it was attached, or it is `essential` and
/// crashed too often. Each message that waited for it is reported as a dead letter.
#[event(__framework, name = "nether.module_stopped")]
pub struct ModuleStopped {
    /// The module's name.
    pub module: String,
    /// Why it crashed, in words.
    pub reason: String,
}

/// The `breaker` of a module has opened, because the module failed too often. Commands and queries to it are
/// refused with [`CallError::BreakerOpen`](crate::CallError::BreakerOpen), and events are dead letters,
/// except for a probe now and then.
#[event(__framework, name = "nether.breaker_opened")]
pub struct BreakerOpened {
    /// The module's name.
    pub module: String,
    /// How many messages failed within the time that its `breaker` says.
    pub failures: u32,
}

/// The `breaker` of a module is closed again: it handled a message.
#[event(__framework, name = "nether.breaker_closed")]
pub struct BreakerClosed {
    /// The module's name.
    pub module: String,
}

/// A handler takes longer than [`SystemBuilder::slow_handler`](crate::SystemBuilder::slow_handler) says.
/// Published once, and again each time that it has taken twice as long.
#[event(__framework, name = "nether.handler_slow")]
pub struct HandlerSlow {
    /// The name of the message that it is handling; `#[on_start]` while the module starts.
    pub message: String,
    /// The module's name.
    pub module: String,
    /// Which of the module's instances it is, from 0; values that were attached have 0.
    pub instance: usize,
    /// How long it has been at it, in milliseconds.
    pub millis: u64,
    /// The replies that it waits for, of an exclusive module, in words.
    pub waits_for: Vec<String>,
}
