//! Dining philosophers by the algorithm of Chandy and Misra ("The drinking philosophers problem", 1984),
//! after the example of ractor: forks and philosophers are values of two keyed modules. A fork that was used
//! is dirty and goes to the neighbour who asks; a clean one stays until it was used. Time slices are
//! messages sent later.

use std::collections::VecDeque;
use std::time::Duration;

use nether::TestSystem;
use nether::prelude::*;

/// How long a philosopher thinks, and then eats.
const SLICE: Duration = Duration::from_millis(2);

/// How many sit at the table.
const SEATS: usize = 31;

// What a philosopher asks a fork for.

#[command(key = fork)]
struct Request {
    fork: usize,
    seat: usize,
}

#[command(key = fork)]
struct Use {
    fork: usize,
}

#[command(key = fork)]
struct PutDown {
    fork: usize,
}

// What a fork and the clock say to a philosopher.

#[command(key = seat)]
struct Receive {
    seat: usize,
    fork: usize,
}

#[command(key = seat)]
struct GiveUp {
    seat: usize,
    fork: usize,
}

#[command(key = seat)]
struct BecomeHungry {
    seat: usize,
}

#[command(key = seat)]
struct StopEating {
    seat: usize,
}

#[query(key = seat, reply = u64)]
struct Meals {
    seat: usize,
}

#[event]
struct Eats {
    seat: usize,
}

#[event]
struct Thinks {
    seat: usize,
}

#[derive(Default)]
struct Fork {
    owner: Option<usize>,
    is_dirty: bool,
    waiting: VecDeque<usize>,
}

#[module(handles = [Request, Use, PutDown], emits = [Receive, GiveUp], per = fork)]
impl Fork {
    #[init]
    async fn lay(_fork: &usize) -> Self {
        Fork::default()
    }

    async fn request(&mut self, request: Request, ctx: &Context<Self>) -> nether::Result<()> {
        let Request { fork, seat } = request;
        let Some(owner) = self.owner else {
            return self.give(ctx, fork, seat).await;
        };
        self.waiting.push_back(seat);
        if self.is_dirty {
            ctx.apart().process(GiveUp { seat: owner, fork }).await?;
        }
        Ok(())
    }

    async fn used(&mut self, Use { fork }: Use, ctx: &Context<Self>) -> nether::Result<()> {
        self.is_dirty = true;
        if let (Some(seat), false) = (self.owner, self.waiting.is_empty()) {
            ctx.apart().process(GiveUp { seat, fork }).await?;
        }
        Ok(())
    }

    async fn put_down(&mut self, down: PutDown, ctx: &Context<Self>) -> nether::Result<()> {
        self.owner = None;
        match self.waiting.pop_front() {
            Some(seat) => self.give(ctx, down.fork, seat).await,
            None => Ok(()),
        }
    }

    async fn give(&mut self, ctx: &Context<Self>, fork: usize, seat: usize) -> nether::Result<()> {
        (self.owner, self.is_dirty) = (Some(seat), false);
        // Forks go round the table for ever: each message begins a chain of its own.
        Ok(ctx.apart().process(Receive { seat, fork }).await?)
    }
}

#[derive(Debug, Default, PartialEq)]
enum Mood {
    #[default]
    Thinking,
    Hungry,
    Eating,
}

/// A fork beside a philosopher.
#[derive(Debug, Default)]
struct Side {
    fork: usize,
    is_held: bool,
    /// Whether it is to be put down after the meal.
    is_owed: bool,
}

#[derive(Debug)]
struct Philosopher {
    mood: Mood,
    sides: [Side; 2],
    meals: u64,
}

#[module(
    handles = [Receive, GiveUp, BecomeHungry, StopEating, Meals],
    emits = [Request, Use, PutDown, BecomeHungry, StopEating, Eats, Thinks],
    per = seat
)]
impl Philosopher {
    #[init]
    async fn sit(seat: &usize) -> Self {
        let forks = [*seat, (*seat + 1) % SEATS];
        Philosopher {
            mood: Mood::Thinking,
            sides: forks.map(|fork| Side {
                fork,
                ..Side::default()
            }),
            meals: 0,
        }
    }

    async fn hungry(&mut self, hungry: BecomeHungry, ctx: &Context<Self>) -> nether::Result<()> {
        self.mood = Mood::Hungry;
        let seat = hungry.seat;
        for side in self.sides.iter().filter(|side| !side.is_held) {
            ctx.apart()
                .process(Request {
                    fork: side.fork,
                    seat,
                })
                .await?;
        }
        self.eat_if_possible(ctx, seat).await
    }

    async fn receive(
        &mut self,
        Receive { seat, fork }: Receive,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        self.side(fork).is_held = true;
        self.eat_if_possible(ctx, seat).await
    }

    async fn give_up(
        &mut self,
        GiveUp { seat, fork }: GiveUp,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        let is_eating = self.mood == Mood::Eating;
        let is_hungry = self.mood == Mood::Hungry;
        let side = self.side(fork);
        if !side.is_held {
            return Ok(()); // It was put down already.
        }
        if is_eating {
            side.is_owed = true;
            return Ok(());
        }
        side.is_held = false;
        ctx.apart().process(PutDown { fork }).await?;
        if is_hungry {
            ctx.apart().process(Request { fork, seat }).await?;
        }
        Ok(())
    }

    async fn stop(
        &mut self,
        StopEating { seat }: StopEating,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        self.mood = Mood::Thinking;
        ctx.apart().publish(Thinks { seat }).await?;
        for side in self.sides.iter_mut().filter(|side| side.is_owed) {
            (side.is_held, side.is_owed) = (false, false);
            ctx.apart().process(PutDown { fork: side.fork }).await?;
        }
        ctx.later(SLICE, BecomeHungry { seat });
        Ok(())
    }

    async fn meals(&self, _: Meals) -> u64 {
        self.meals
    }

    async fn eat_if_possible(&mut self, ctx: &Context<Self>, seat: usize) -> nether::Result<()> {
        if self.mood != Mood::Hungry || self.sides.iter().any(|side| !side.is_held) {
            return Ok(());
        }
        self.mood = Mood::Eating;
        self.meals += 1;
        ctx.apart().publish(Eats { seat }).await?;
        for side in &self.sides {
            ctx.apart().process(Use { fork: side.fork }).await?;
        }
        ctx.later(SLICE, StopEating { seat });
        Ok(())
    }

    fn side(&mut self, fork: usize) -> &mut Side {
        let side = self.sides.iter_mut().find(|side| side.fork == fork);
        side.expect("forks are given to those who sit beside them")
    }
}

/// How often two neighbours ate at once.
#[query(reply = u64)]
struct Clashes;

struct Waiter {
    eats: [bool; SEATS],
    clashes: u64,
}

impl Default for Waiter {
    fn default() -> Self {
        Waiter {
            eats: [false; SEATS],
            clashes: 0,
        }
    }
}

#[module(handles = [Eats, Thinks, Clashes])]
impl Waiter {
    async fn eats(&mut self, &Eats { seat }: &Eats) {
        let neighbours = [(seat + 1) % SEATS, (seat + SEATS - 1) % SEATS];
        self.clashes += u64::from(neighbours.into_iter().any(|it| self.eats[it]));
        self.eats[seat] = true;
    }

    async fn thinks(&mut self, &Thinks { seat }: &Thinks) {
        self.eats[seat] = false;
    }

    async fn clashes(&self, _: Clashes) -> u64 {
        self.clashes
    }
}

#[nether::test(only = [Fork, Philosopher, Waiter], seeds = 0..2)]
async fn all_eat_for_as_long_as_the_program_runs(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    // Every other one first: of a whole row, each would wait for the one before it, for ever.
    for seat in (0..SEATS).step_by(2).chain((1..SEATS).step_by(2)) {
        ctx.send(BecomeHungry { seat }).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut meals = Vec::new();
    for seat in 0..SEATS {
        meals.push(ctx.ask(Meals { seat }).await?);
    }
    // A meal and a thought take 4 ms, so 250 fit in a second if no philosopher ever waits.
    assert!(
        meals.iter().all(|meals| (100..=250).contains(meals)),
        "{meals:?}"
    );
    assert_eq!(ctx.ask(Clashes).await?, 0);
    ctx.close().await?;
    Ok(())
}
