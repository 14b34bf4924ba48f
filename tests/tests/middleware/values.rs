//! The values of middleware are provided: what is missing keeps its modules from starting.

use nether::prelude::*;
use nether::{Answer, AttachError, Call, Message, Next, StartProblem};

/// It is not provided here.
struct Missing;

#[nether::middleware]
impl Missing {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

#[command]
struct Work;

#[command]
struct Rest;

#[derive(Default)]
struct Working;

#[module(handles = [Work, Rest])]
impl Working {
    async fn rest(&mut self, _: Rest) {}

    #[handler(with = Missing)]
    async fn work(&mut self, _: Work) {}
}

struct ByHand;

#[module(handles = Work, fake, with = Missing)]
impl ByHand {
    async fn work(&self, _: Work) {}
}

#[tokio::test]
async fn a_module_whose_middleware_is_not_provided_does_not_start() {
    let system = System::builder().isolated().with::<Working>();
    let error = system.start().await.unwrap_err();
    let [StartProblem::ModuleFailed { module, error }] = &error.problems[..] else {
        panic!("{error}");
    };
    assert!(module.name.ends_with("Working"));
    assert!(
        error.to_string().contains("`middleware::values::Missing`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_module_whose_middleware_is_not_provided_is_not_attached() {
    let system = System::builder().isolated().start().await.unwrap();
    let Err(AttachError::Failed { error, .. }) = system.attach(ByHand).await else {
        panic!("it was attached");
    };
    assert!(
        error.to_string().contains("`middleware::values::Missing`"),
        "{error}"
    );
    let system = System::builder()
        .isolated()
        .provide(Missing)
        .start()
        .await
        .unwrap();
    system.attach(ByHand).await.unwrap();
    system.context().send(Work).await.unwrap();
}

#[tokio::test]
async fn the_topology_names_the_middleware_of_each_handler() {
    let system = System::builder().isolated().provide(Missing);
    let system = system.with::<Working>().start().await.unwrap();
    let topology = system.topology();
    let with = |message: &str| {
        let mut edges = topology.edges.iter();
        let edge = edges.find(|edge| edge.message.ends_with(message));
        edge.expect("it is handled").with.clone()
    };
    assert_eq!(with("values::Work"), ["middleware::values::Missing"]);
    assert!(with("values::Rest").is_empty());
}
