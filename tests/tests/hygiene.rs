//! Names of the user's never meet names of generated code, wherever the block comes from.

use nether::prelude::*;

mod contracts {
    #[nether::command(reply = u64)]
    pub struct Add(pub u64);

    #[nether::query(reply = u64)]
    pub struct Total;

    #[nether::event]
    pub struct Added(pub u64);
}

/// Named as a type parameter might be.
#[command(reply = &'static str)]
struct S;

/// Named as an item of the private module is.
#[event]
struct Given;

#[derive(Default)]
struct Sum {
    total: u64,
    seen: u64,
}

#[module(handles = [contracts::Add, contracts::Total, contracts::Added, S, Given], emits = contracts::Added)]
impl Sum {
    async fn add(
        &mut self,
        contracts::Add(number): contracts::Add,
        ctx: &Context<Self>,
    ) -> nether::Result<u64> {
        self.total += number;
        ctx.publish(contracts::Added(number)).await?;
        Ok(self.total)
    }

    async fn total(&self, _: contracts::Total) -> u64 {
        self.total
    }

    async fn added(&mut self, contracts::Added(number): &contracts::Added) {
        self.seen += number;
    }

    async fn settle(&self, _: S) -> &'static str {
        "settled"
    }

    fn given(&mut self, _: &Given) {}
}

macro_rules! counter {
    ($name:ident, $message:ty, $reply:ty) => {
        #[derive(Default)]
        struct $name(u64);

        #[module(handles = $message)]
        impl $name {
            async fn count(&mut self, _: $message) -> $reply {
                self.0 += 1;
                self.0
            }
        }
    };
}

#[command(reply = u64)]
struct Count;

counter!(Counter, Count, u64);

#[tokio::test]
async fn names_of_users_do_not_meet_those_of_expansions() -> nether::Result<()> {
    let system = System::builder().start().await?;
    let ctx = system.context();
    assert_eq!(ctx.send(contracts::Add(7)).await?, 7);
    assert_eq!(ctx.ask(contracts::Total).await?, 7);
    assert_eq!(ctx.send(S).await?, "settled");
    ctx.publish(Given).await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_module_may_come_from_a_macro() -> nether::Result<()> {
    let system = System::builder().start().await?;
    assert_eq!(system.context().send(Count).await?, 1);
    Ok(())
}
