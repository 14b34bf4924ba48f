//! Units of work that the program opens itself.

use nether::prelude::*;
use nether::{Forbidden, Principal, SendError};

use crate::desk::{Answer, AtKiosk, Clear, Letter, Open, Panicking, Place, Tenant, Who, started};

fn tea() -> Place {
    Place {
        article: "tea".to_owned(),
    }
}

fn clerk() -> Principal {
    Principal::new("ann").with_role("orders.write")
}

fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> Forbidden {
    match result {
        Err(CallError::Forbidden(forbidden)) => *forbidden,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_role_is_required_of_the_principal_of_a_root_context() {
    let system = started().await;
    let nobody = system.context();
    let forbidden = refused(nobody.send(tea()).await);
    assert_eq!((forbidden.principal.clone(), forbidden.role), (None, None));
    assert!(forbidden.to_string().contains("`as_system`"), "{forbidden}");

    let bob = system.context().with_principal("bob");
    let forbidden = refused(bob.send(tea()).await);
    assert_eq!(forbidden.principal.as_deref(), Some("bob"));
    assert_eq!(forbidden.role, Some("orders.write"));

    let ann = system.context().with_principal(clerk());
    assert!(ann.send(tea()).await.is_ok());
    ann.close().await.expect("it was placed");
    // What was refused was never part of the unit of work.
    let outcome = bob.close().await.expect("a refusal is no failure");
    assert_eq!(outcome.handled, 0);
}

#[tokio::test]
async fn every_way_of_sending_is_checked() {
    let system = started().await;
    let ctx = system.context().with_principal("bob");
    let posted = ctx.process(tea()).await;
    assert!(matches!(posted, Err(SendError::Forbidden(_))), "{posted:?}");
    let tried = ctx.try_send(tea()).expect_err("it is refused");
    assert!(matches!(tried.error, SendError::Forbidden(_)));
    assert_eq!(tried.message.article, "tea");
    let tried = ctx.try_process(tea()).expect_err("it is refused");
    assert!(matches!(tried.error, SendError::Forbidden(_)));
    refused(ctx.clone().send(tea()).await);
    refused(ctx.nested().send(tea()).await);
    let (told, answer) = tokio::sync::oneshot::channel();
    ctx.spawn(async |task| {
        let own = task.send(tea()).await.is_err();
        let cloned = task.clone().send(tea()).await.is_err();
        let nested = task.nested().send(tea()).await.is_err();
        let _ = told.send([own, cloned, nested]);
        Ok(())
    })
    .expect("it is open");
    assert_eq!(answer.await.expect("the task ends"), [true; 3]);
    ctx.close().await.expect("refusals are no failures");
}

#[tokio::test]
async fn work_of_the_system_may_send_everything_and_may_have_a_principal() {
    let system = started().await;
    let ctx = system.context().as_system();
    ctx.send(tea()).await.expect("it is the program's own");
    ctx.nested()
        .send(tea())
        .await
        .expect("so is what is nested");
    ctx.process(Clear).await.expect("it is the program's own");
    assert_eq!(ctx.ask(Who).await.expect("it may ask"), "nobody");
    ctx.close().await.expect("all is done");
    let ctx = system.context().with_principal("bob").as_system();
    ctx.send(tea()).await.expect("it is the program's own");
    assert_eq!(ctx.ask(Who).await.expect("it may ask"), "bob");
}

#[tokio::test]
async fn modules_are_not_asked_among_themselves() {
    let system = started().await;
    for way in ["plain", "clone", "nested", "spawned"] {
        let ctx = system.context();
        let way = way.to_owned();
        ctx.send(AtKiosk { way }).await.expect("the kiosk may");
        ctx.close().await.expect("all was placed");
    }
}

#[tokio::test]
async fn a_list_requires_all_of_it() {
    let system = started().await;
    let ann = system.context().with_principal(clerk());
    assert_eq!(refused(ann.send(Clear).await).role, Some("admin"));
    let both = clerk().with_role("admin");
    let ctx = system.context().with_principal(both);
    ctx.send(Clear).await.expect("it has both");

    let ann = || Answer {
        owner: "ann".into(),
    };
    let ctx = system.context().with_principal("ann");
    assert_eq!(refused(ctx.send(ann()).await).role, Some("letters"));
    let letters = |id: &str| Principal::new(id).with_role("letters");
    let ctx = system.context().with_principal(letters("bob"));
    assert_eq!(refused(ctx.send(ann()).await).role, None);
    let ctx = system.context().with_principal(letters("ann"));
    ctx.send(ann()).await.expect("it is hers, in the role");
}

#[tokio::test]
async fn a_function_decides_by_principal_and_message() {
    let system = started().await;
    let ctx = system.context().with_principal("ann");
    let letter = |owner: &str| Letter {
        owner: owner.to_owned(),
    };
    assert_eq!(ctx.ask(letter("ann")).await.expect("it is hers"), "to ann");
    let forbidden = refused(ctx.ask(letter("bob")).await);
    assert_eq!(
        forbidden.to_string(),
        format!("`{}` is not for this principal", Letter::NAME)
    );
    // One that panics allows nothing, and no other notices.
    refused(ctx.ask(Panicking).await);
    assert!(ctx.ask(letter("ann")).await.is_ok());
}

#[tokio::test]
async fn a_principal_travels_with_its_claims() {
    let system = started().await;
    let ann = Principal::new("ann").with_claim(Tenant(7));
    let ctx = system.context().with_principal(ann);
    assert_eq!(ctx.ask(Who).await.expect("she has signed in"), "ann of 7");
    let nested = ctx.nested().with_principal("bob");
    assert_eq!(nested.ask(Who).await.expect("he has signed in"), "bob");
    let nested = ctx.nested().with_principal(Principal::anonymous());
    assert_eq!(nested.ask(Open).await.expect("it is for all"), "nobody");
    refused(nested.ask(Who).await);
}

#[tokio::test]
async fn a_principal_is_written_down_and_read_again() {
    let system = started().await;
    let ann = clerk().with_claim(Tenant(7));
    let text = serde_json::to_string(&ann).expect("its claims can be written");
    let read: Principal = serde_json::from_str(&text).expect("it is what was written");
    let ctx = system.context().with_principal(read);
    assert_eq!(ctx.ask(Who).await.expect("she has signed in"), "ann of 7");
    ctx.send(tea()).await.expect("she has the role");
}
