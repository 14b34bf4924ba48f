//! What a contestant can do: the drivers see nothing else of it.

/// A handle to one thing with state, an actor or a module, that adds what it is given.
pub trait Counter: Send + Sync + 'static {
    /// Hands a number over, to be added. Returns when it is accepted.
    fn tell(&self, number: u64) -> impl Future<Output = ()> + Send;

    /// Has a number added, and waits for the reply: the sum.
    fn call(&self, number: u64) -> impl Future<Output = u64> + Send;

    /// Asks for the sum with `number` on top, which is not kept. Answered after what was given before.
    fn read(&self, number: u64) -> impl Future<Output = u64> + Send;

    /// A handle to the same thing for another producer or caller.
    fn another(&self) -> Self;

    /// Lets go of the handle, when everything is done.
    fn close(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}

/// Makes one counter.
pub trait Counters: Send + 'static {
    type Counter: Counter;

    fn counter(&self) -> impl Future<Output = Self::Counter> + Send;
}

/// A handle to several counters, each with a number of its own.
pub trait Crowd: Send + Sync + 'static {
    fn tell(&self, member: usize, number: u64) -> impl Future<Output = ()> + Send;

    /// The sum of a member, after what was given before.
    fn total(&self, member: usize) -> impl Future<Output = u64> + Send;

    fn another(&self) -> Self;

    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Makes a crowd.
pub trait Crowds: Send + 'static {
    type Crowd: Crowd;

    fn crowd(&self, members: usize) -> impl Future<Output = Self::Crowd> + Send;
}

/// Those who all add whatever is published.
pub trait Audience: Send + 'static {
    /// Shows a number to all. Returns when it is accepted.
    fn publish(&self, number: u64) -> impl Future<Output = ()> + Send;

    /// Waits until each has handled what was published.
    fn settle(&mut self) -> impl Future<Output = ()> + Send;

    /// The sum of each, in the end.
    fn totals(self) -> impl Future<Output = Vec<u64>> + Send;
}

/// Makes an audience.
pub trait Audiences: Send + 'static {
    type Audience: Audience;

    fn audience(&self, members: usize) -> impl Future<Output = Self::Audience> + Send;
}
