//! The text of the report on how the contestants compare, and how they were measured.

use std::path::Path;

use reporting::locked::version;

use crate::results::Results;

/// What the contestants do, and where they differ.
pub(super) fn alike(folder: &Path) -> String {
    let lock = std::fs::read_to_string(folder.join("peer/Cargo.lock")).unwrap_or_default();
    let version = |package| version(&lock, package).unwrap_or("–");
    format!(
        "## What is alike, and what is not

Alike in all rows on SQLite: a file in WAL mode with the durability that the row names, a new file for each turn, two \
worker threads, 64 aggregates, and for each command one event with one number as JSON, decided from the state of its \
aggregate and stored under an expected version. A command returns when its event is committed. A crate whose default is \
another durability is set to that of the row, and otherwise left as it comes.

| | `nether` | `cqrs-es` {cqrs} with `sqlite-es` {sqlite_es} | `eventcore` {eventcore} with `eventcore-sqlite` {eventcore_sqlite} |
|---|---|---|---|
| default durability | `FULL` | `NORMAL` | `FULL` |
| transactions | one for all appends that wait | one for each command | one for each command |
| connections | one that writes, on a thread of its own; four that read | a pool of ten, which wait for each other's lock | one, behind a mutex |
| state of an aggregate | kept in memory | read from all its events for each command | read from all its events for each command |
| what else a command is | a message in a mailbox, with its unit of work | a function call | a function call |
| a rebuild | reads on a thread of its own, and stores the state and its position | `QueryReplay`, into a sum in memory | pages of 1,000, into a sum in memory |

- **One transaction each** is Nether with `max_batch(1)`: nothing differs but that appends do not share a transaction.
- **State in memory and shared transactions are what is compared.** Both other crates can keep snapshots, which helps \
aggregates with long histories; here each has at most 50 events. A command reads 25 of them on average, and a peer's \
figure is lower with fewer commands to each aggregate. Sent one after the other, commands cannot share a transaction, so \
those rows show what the rest is worth.
- **`cqrs-es`, waiting for the lock.** SQLite's own waiting for a lock is a sleep that grows to 100 ms. With ten \
connections and 64 callers most of the time of `cqrs-es` is that sleep, so its figure says as much of the pool as of the \
crate. A pool of one connection is not its default.
- **`eventcore`, rebuilt.** `run_projection` stores a checkpoint after each event, in a transaction of its own. That is left \
out, so that reading is compared with reading: with it, a rebuild takes as long as that many commands one after the other.
- **`disintegrate`, `esrs`, `evented`** and others store in PostgreSQL alone, `eventually` in memory and PostgreSQL; they are \
not here.
",
        cqrs = version("cqrs-es"),
        sqlite_es = version("sqlite-es"),
        eventcore = version("eventcore"),
        eventcore_sqlite = version("eventcore-sqlite"),
    )
}

pub(super) fn method(results: &Results) -> String {
    format!(
        "## How it was measured

- **Rounds.** In each scenario everybody has a turn and then everybody has the next one (A B C A B C), {rounds} times. A \
figure is the median over the rounds, in brackets the first and third quartile.
- **Ratios** divide the two times of one round, and are the median of these quotients. Times of different runs are not \
compared.
- **Turns.** A fresh runtime and a fresh file. Opening, making the tables and starting are not counted. The peers link \
another release of SQLite than ours, so they are a program of its own, `peer`, started for each turn.
- **At the same time** means 64 tasks, each with an aggregate of its own. One after the other means one task that goes round \
the same 64 aggregates. The time of a command is the whole time divided by all commands.
- **The disk** decides the rows with `FULL`: an `fsync` that is quick makes sharing a transaction worth less. Files are in the \
folder for temporary files.
- **A command in memory** is beside a command to a plain exclusive module and, after it, as many appends alone to a store in \
memory: what it would cost if event sourcing were free but for the append. All of it runs on one thread, where no caller \
and no module wakes another thread. On two threads the same ratio said mainly where the runtime had put the tasks: a call \
across threads takes many times as long as one within a thread, and only one side of the ratio waits for the store.
- **Rebuild.** 200 aggregates with 1,000 events each, stored before the clock is read; no round writes an event. Ours includes \
emptying the projection and storing its new state.
- **Memory** is the resident memory of a process of its own, on `NORMAL`.
",
        rounds = results.rounds
    )
}
