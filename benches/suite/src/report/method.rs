//! How it was measured, in words.

use crate::results::Results;

pub(super) fn method(results: &Results) -> String {
    format!(
        "## How it was measured

- **Rounds.** In each scenario, on each runtime, everybody has a turn and then everybody has the next one (A B C A B C), \
{rounds} times. A figure is the median over the rounds, in brackets the first and third quartile.
- **Ratios** divide the two times of one round, and are the median of these quotients: what slows the whole machine down \
for a while slows both. Rates are the inverse. Times of different runs are not compared.
- **Runtimes.** A fresh runtime, fresh actors and channels for every turn. First a quarter of the work is done on them with \
nobody looking, then the clock is read. Multi-thread means two workers.
- **Length.** In each scenario everybody has the same number of operations in a turn, 20,000 to 400,000, but whose \
operations would take more than 0.15 s (a call that wakes a sleeping thread takes a hundred times as long as one that does \
not) has as many as fit into that.
- **The driver is a spawned task** on both runtimes. The thread that blocks on a multi-thread runtime is not one of its \
workers, so a driver there would cross threads with every message, which no program needs to do.
- **The same work.** A handler adds the number in the message to a sum. A call's reply is the sum, a read's reply is the \
sum with the number on top. Every turn asserts the sums in the end, so nothing is lost or done twice.
- **Until the last is handled** means a question for the sum that is answered after what was told before; for Nether's \
`publish` and its units of work, `close` of the context.
- **Sequential calls.** The median is of blocks of 32 calls, as reading the clock takes longer than a direct call; the p99 \
is of calls timed one by one in a second pass, the clock included. On the multi-thread runtime turns fall into two \
groups, one twice the other: most likely caller and handler stay on one worker in one, as tokio runs a task that was just \
woken next, and cross threads with every call in the other. Hence wide quartiles, and many short rounds.
- **Concurrent callers** are tasks that each make one call after the other. Time per call is the whole time divided by all \
calls. In Nether each has an open context of its own, opened before the clock is read.
- **`publish`.** Time per delivery. Where there is nothing to publish with, consumers are sent to in turn. What is not \
bounded (unbounded channels, ractor, coerce, actix with `do_send`) never holds the producer back, and pays in memory.
- **Producers to modules.** Each producer goes round all modules, beginning at its own.
- **A context per command.** Open, `send` a command whose handler publishes an event, whose handler publishes another, \
whose handler publishes a third; `close`, which waits for all of it. Against the same commands in one open context, closed \
at the end (its cascades overlap with the next commands), and, for information, in one open context whose last handler \
tells the driver to go on (they do not).
- **actix** lives on its own kind of runtime. For `current_thread` everything is on the arbiter of its system; for \
multi-thread the driver is there and the actors are on a second arbiter, so every call crosses threads.
- **Message order.** xtra's mailbox is a heap without order among messages of one priority, so what is told goes out with \
a higher priority than the question at the end.
- **Configurations.** Peers as they come, and with whatever of their documented settings could make them faster: the \
mailbox. Left out is (f), keyed modules with `instances`, which Nether does not have yet.
",
        rounds = results.rounds
    )
}
