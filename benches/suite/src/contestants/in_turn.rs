//! Several counters, each sent to in turn: how a program without `publish` shows something to all.

use crate::contract::{Audience, Audiences, Counter, Counters, Crowd, Crowds};

/// Makes several of what the contestant makes one of.
pub(super) struct InTurn<K>(pub(super) K);

/// The handles to them.
pub(super) struct Each<C>(Vec<C>);

impl<K: Counters> InTurn<K>
where
    K: Sync,
{
    async fn each(&self, members: usize) -> Each<K::Counter> {
        let mut counters = Vec::with_capacity(members);
        for _ in 0..members {
            counters.push(self.0.counter().await);
        }
        Each(counters)
    }
}

impl<K: Counters + Sync> Audiences for InTurn<K> {
    type Audience = Each<K::Counter>;

    async fn audience(&self, members: usize) -> Self::Audience {
        self.each(members).await
    }
}

impl<K: Counters + Sync> Crowds for InTurn<K> {
    type Crowd = Each<K::Counter>;

    async fn crowd(&self, members: usize) -> Self::Crowd {
        self.each(members).await
    }
}

impl<C: Counter> Audience for Each<C> {
    async fn publish(&self, number: u64) {
        for counter in &self.0 {
            counter.tell(number).await;
        }
    }

    async fn settle(&mut self) {
        for counter in &self.0 {
            counter.read(0).await;
        }
    }

    async fn totals(self) -> Vec<u64> {
        let mut totals = Vec::with_capacity(self.0.len());
        for counter in self.0 {
            totals.push(counter.read(0).await);
            counter.close().await;
        }
        totals
    }
}

impl<C: Counter> Crowd for Each<C> {
    fn tell(&self, member: usize, number: u64) -> impl Future<Output = ()> + Send {
        self.0[member].tell(number)
    }

    fn total(&self, member: usize) -> impl Future<Output = u64> + Send {
        self.0[member].read(0)
    }

    fn another(&self) -> Self {
        Each(self.0.iter().map(C::another).collect())
    }

    async fn close(self) {
        for counter in self.0 {
            counter.close().await;
        }
    }
}
