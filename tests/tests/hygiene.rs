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

/// Names that generated code would meet if it wrote them without a path.
mod shadows {
    #![allow(dead_code)]

    pub struct Option;
    pub struct Result;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Send;
    pub struct From;
    pub struct Future;
}

mod among_shadows {
    use super::shadows::*;
    use nether::prelude::*;

    #[command(reply = u64)]
    pub struct Twice(pub u64);

    #[derive(Default)]
    pub struct Doubler;

    #[module(handles = Twice)]
    impl Doubler {
        async fn twice(&mut self, Twice(number): Twice, _: &Context<Self>) -> u64 {
            number * 2
        }
    }

    const _: fn(Option, Result, Some, None, Ok, Send, From, Future) = |_, _, _, _, _, _, _, _| {};
}

#[command(reply = u64, key = r#fn)]
#[allow(non_camel_case_types)]
struct r#type {
    r#fn: u64,
}

#[derive(Default)]
#[allow(non_camel_case_types)]
struct r#mod;

#[module(handles = r#type)]
impl r#mod {
    async fn r#match(&mut self, message: r#type) -> u64 {
        message.r#fn
    }
}

#[tokio::test]
async fn names_may_be_keywords_and_those_of_the_standard_library() -> nether::Result<()> {
    use nether::Message;

    let system = System::builder().start().await?;
    let ctx = system.context();
    assert_eq!(ctx.send(among_shadows::Twice(4)).await?, 8);
    assert_eq!(ctx.send(r#type { r#fn: 5 }).await?, 5);
    assert_eq!(r#type::NAME, "hygiene::type");
    assert_eq!(r#type::descriptor().key, Some("fn"));
    assert!(
        system
            .modules()
            .iter()
            .any(|module| module.name == "hygiene::mod")
    );
    Ok(())
}

#[tokio::test]
async fn messages_and_modules_may_be_declared_where_they_are_used() -> nether::Result<()> {
    #[command(reply = u8)]
    struct Local;

    #[derive(Default)]
    struct Place;

    #[module(handles = Local)]
    impl Place {
        fn local(&self, _: Local) -> u8 {
            3
        }
    }

    let system = System::builder().start().await?;
    assert_eq!(system.context().send(Local).await?, 3);
    Ok(())
}
