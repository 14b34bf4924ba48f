//! A value that one thing alone has: an aggregate whose key is the value.

use nether::eventstore::{Aggregates, Decisions, Store};
use nether::prelude::*;
use tokio::task::JoinSet;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum EmailError {
    #[error("another user has this address")]
    Taken,
    #[error("the user has another address")]
    NotYours,
}

#[command(name = "users.register", error = EmailError)]
struct Register {
    user_id: u64,
    email: String,
}

#[command(name = "users.change_email", error = EmailError)]
struct ChangeEmail {
    user_id: u64,
    old: String,
    new: String,
}

#[query(key = user_id, reply = String)]
struct EmailOf {
    user_id: u64,
}

#[event(name = "user.email_set")]
struct EmailSet {
    email: String,
}

#[event(name = "email.claimed")]
struct Claimed {
    user_id: u64,
}

#[event(name = "email.released")]
struct Released;

#[derive(Debug, Default)]
struct User {
    email: String,
}

#[aggregate(handles = [EmailOf], events = [EmailSet])]
impl User {
    fn email_of(&self, _: EmailOf) -> String {
        self.email.clone()
    }

    fn email_set(&mut self, event: &EmailSet) {
        self.email.clone_from(&event.email);
    }
}

#[derive(Debug, Default)]
struct EmailAddress {
    user_id: Option<u64>,
}

#[aggregate(handles = [], events = [Claimed, Released], name = "email")]
impl EmailAddress {
    fn claimed(&mut self, event: &Claimed) {
        self.user_id = Some(event.user_id);
    }

    fn released(&mut self, _: &Released) {
        self.user_id = None;
    }
}

struct Registration;

#[decision(handles = [Register], of = [User(user_id), EmailAddress(email)])]
impl Registration {
    fn register(
        register: Register,
        user: &User,
        address: &EmailAddress,
    ) -> Result<Option<(EmailSet, Claimed)>, EmailError> {
        let Register { user_id, email } = register;
        match address.user_id {
            Some(holder) if holder != user_id => Err(EmailError::Taken),
            _ if !user.email.is_empty() && user.email != email => Err(EmailError::NotYours),
            Some(_) => Ok(None),
            None => Ok(Some((EmailSet { email }, Claimed { user_id }))),
        }
    }
}

struct EmailChange;

#[decision(
    handles = [ChangeEmail],
    of = [User(user_id), EmailAddress(old), EmailAddress(new)]
)]
impl EmailChange {
    fn change(
        change: ChangeEmail,
        user: &User,
        _old: &EmailAddress,
        new: &EmailAddress,
    ) -> Result<(EmailSet, Released, Claimed), EmailError> {
        let ChangeEmail {
            user_id,
            old,
            new: email,
        } = change;
        if user.email != old {
            return Err(EmailError::NotYours);
        }
        if new.user_id.is_some_and(|holder| holder != user_id) {
            return Err(EmailError::Taken);
        }
        Ok((EmailSet { email }, Released, Claimed { user_id }))
    }
}

fn register(user_id: u64, email: &str) -> Register {
    Register {
        user_id,
        email: email.to_owned(),
    }
}

#[nether::test(
    only = [Aggregates<User>, Decisions<Registration>, Decisions<EmailChange>],
    worker_threads = 2
)]
async fn one_of_a_hundred_users_gets_an_address(builder: SystemBuilder) -> nether::Result<()> {
    let system = builder.provide(Store::memory()).start().await?;
    let ctx = system.context();
    let mut registering = JoinSet::new();
    for user in 0..100 {
        let ctx = ctx.clone();
        registering.spawn(async move {
            let registered = ctx.send(register(user, "ann@example.org")).await;
            registered
                .map(|()| user)
                .map_err(CallError::into_handler_error)
        });
    }
    let mut winner = None;
    for registered in registering.join_all().await {
        match registered {
            Ok(user) => assert_eq!(winner.replace(user), None),
            Err(error) => assert_eq!(error?, EmailError::Taken),
        }
    }
    let winner = winner.expect("one of them has it");
    ctx.send(register(winner, "ann@example.org")).await?;
    let email = ctx.ask(EmailOf { user_id: winner }).await?;
    assert_eq!(email, "ann@example.org");
    Ok(())
}

#[nether::test(
    only = [Aggregates<User>, Decisions<Registration>, Decisions<EmailChange>]
)]
async fn an_address_is_released_when_it_is_changed(builder: SystemBuilder) -> nether::Result<()> {
    let system = builder.provide(Store::memory()).start().await?;
    let ctx = system.context();
    ctx.send(register(1, "ann@example.org")).await?;
    ctx.send(register(2, "bob@example.org")).await?;
    let change = |user_id, old: &str, new: &str| ChangeEmail {
        user_id,
        old: old.to_owned(),
        new: new.to_owned(),
    };
    let taken = ctx.send(change(1, "ann@example.org", "bob@example.org"));
    let taken = taken.await.unwrap_err().into_handler_error()?;
    assert_eq!(taken, EmailError::Taken);
    // To the same address: released and claimed in one stream.
    ctx.send(change(1, "ann@example.org", "ann@example.org"))
        .await?;
    let taken = ctx.send(register(3, "ann@example.org")).await.unwrap_err();
    assert_eq!(taken.into_handler_error()?, EmailError::Taken);
    ctx.send(change(1, "ann@example.org", "ann@example.com"))
        .await?;
    ctx.send(register(3, "ann@example.org")).await?;
    assert_eq!(ctx.ask(EmailOf { user_id: 3 }).await?, "ann@example.org");
    assert_eq!(ctx.ask(EmailOf { user_id: 1 }).await?, "ann@example.com");
    Ok(())
}
