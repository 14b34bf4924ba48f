//! `/metrics`: each series is there once, no count falls, and refusals are no failures.

use std::collections::BTreeMap;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open, post};

#[event]
pub struct Ticked;

#[derive(Default)]
pub struct Ears;

#[module(handles = Ticked, manual)]
impl Ears {
    async fn ticked(&mut self, _: &Ticked) {}
}

pub mod left {
    #[derive(Default)]
    pub struct Service;
}

pub mod right {
    #[derive(Default)]
    pub struct Service;
}

#[module(handles = Ticked, manual)]
impl left::Service {
    async fn ticked(&mut self, _: &Ticked) {}
}

#[module(handles = Ticked, manual)]
impl right::Service {
    async fn ticked(&self, _: &Ticked) {}
}

#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum PayError {
    #[error("there is no money")]
    #[problem(status = 402)]
    Poor,
    #[error("the bank is gone")]
    #[problem(status = 502)]
    NoBank,
}

/// A till, in a module of its own: a message is handled by one module.
macro_rules! till {
    ($name:ident, $path:literal, $($receiver:tt)*) => {
        pub mod $name {
            use nether::prelude::*;

            use super::{PayError, paid};

            #[command(error = PayError, http = $path)]
            pub struct Pay {
                pub cents: u32,
            }

            /// No endpoint, and refused all the same.
            #[query(reply = u32, error = PayError)]
            pub struct Balance {
                pub of: String,
            }

            /// Its error says nothing.
            #[command]
            pub struct Audit;

            #[derive(Default)]
            pub struct Till;

            #[module(handles = [Pay, Balance, Audit], manual)]
            impl Till {
                async fn pay($($receiver)*, pay: Pay) -> Result<(), PayError> {
                    paid(pay.cents)
                }

                async fn balance(&self, balance: Balance) -> Result<u32, PayError> {
                    match balance.of.as_str() {
                        "ann" => Ok(7),
                        _ => Err(PayError::Poor),
                    }
                }

                async fn audit(&self, _: Audit) -> nether::Result<()> {
                    Err(nether::Error::msg("the books are wrong"))
                }
            }

            /// Two are refused that are no endpoints, or whose error is none of the caller's.
            pub async fn ask(ctx: &Context) {
                let of = "bob".to_owned();
                ctx.ask(Balance { of }).await.expect_err("bob has nothing");
                ctx.send(Audit).await.expect_err("the books are wrong");
            }
        }
    };
}

till!(exclusive, "POST /exclusive/{cents}", &mut self);
till!(shared, "POST /shared/{cents}", &self);

fn paid(cents: u32) -> Result<(), PayError> {
    match cents {
        0 => Ok(()),
        1 => Err(PayError::Poor),
        2 => Err(PayError::NoBank),
        _ => panic!("so much"),
    }
}

async fn served() -> (System, String) {
    let builder = System::builder().isolated();
    let system = builder.start().await.expect("the program is sound");
    let server = Server::new(&system).public_metrics();
    let address = open(&system, server).await;
    (system, address)
}

async fn tick(system: &System) {
    let ctx = system.context();
    ctx.publish(Ticked).await.expect("it runs");
    ctx.close().await.expect("nobody can fail");
}

/// The values of all series; each is there once.
async fn series(at: &str) -> BTreeMap<String, f64> {
    let text = get(at, "/metrics").await.body;
    let mut series = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        let value = value.parse().expect("a number");
        let before = series.insert(name.to_owned(), value);
        assert_eq!(before, None, "{name} is there twice: {text}");
    }
    series
}

fn counted(series: &BTreeMap<String, f64>, metric: &str, module: &str) -> f64 {
    let name =
        format!("nether_{metric}{{module=\"isolated::http_metrics::{module}\",instance=\"0\"}}");
    let value = series.get(&name);
    *value.unwrap_or_else(|| panic!("no {name} in {series:?}"))
}

#[tokio::test]
async fn values_of_one_type_are_one_series_that_never_falls() {
    let (system, at) = served().await;
    let one = system.attach(Ears).await.expect("it has its place");
    let mut handled = 0.0;
    for _ in 0..100 {
        let other = system.attach(Ears).await.expect("it has its place");
        tick(&system).await;
        system.detach(other).await;
        handled += 2.0;
        let series = series(&at).await;
        let ears = counted(&series, "messages_handled_total", "Ears");
        assert_eq!(ears, handled);
        assert_eq!(counted(&series, "mailbox_messages", "Ears"), 0.0);
    }
    system.detach(one).await;
    let series = series(&at).await;
    assert_eq!(counted(&series, "messages_handled_total", "Ears"), handled);
    let of_ears = series.keys().filter(|name| name.contains("Ears"));
    let of_counts = of_ears.filter(|name| !name.contains("duration"));
    assert_eq!(of_counts.count(), 6, "{series:?}");
}

#[tokio::test]
async fn types_of_one_name_are_distinguished() {
    let (system, at) = served().await;
    system
        .attach(left::Service)
        .await
        .expect("it has its place");
    system
        .attach(right::Service)
        .await
        .expect("it has its place");
    tick(&system).await;
    let series = series(&at).await;
    for module in ["left::Service", "right::Service"] {
        assert_eq!(counted(&series, "messages_handled_total", module), 1.0);
    }
}

async fn counted_apart(system: &System, at: &str, name: &str, ask: impl AsyncFn(&Context)) {
    for (cents, status) in [(0, 204), (1, 402), (1, 402), (2, 502)] {
        let answer = post(at, &format!("/{name}/{cents}"), "").await;
        assert_eq!(answer.status, status);
    }
    let ctx = system.context();
    ask(&ctx).await;
    let _ = ctx.close().await;
    // At last, for a value that was attached is not made anew.
    let answer = post(at, &format!("/{name}/3"), "").await;
    assert_eq!(answer.status, 500);
    let (series, name) = (series(at).await, format!("{name}::Till"));
    assert_eq!(counted(&series, "messages_handled_total", &name), 1.0);
    assert_eq!(counted(&series, "messages_refused_total", &name), 3.0);
    assert_eq!(counted(&series, "messages_failed_total", &name), 3.0);
    let modules = system.modules();
    let till = modules.iter().find(|it| it.name.ends_with(&name));
    let till = till.expect("it is attached");
    assert_eq!((till.failed, till.refused), (6, 3));
}

#[tokio::test]
async fn a_refusal_is_no_failure() {
    let (system, at) = served().await;
    system
        .attach(exclusive::Till)
        .await
        .expect("it has its place");
    counted_apart(&system, &at, "exclusive", exclusive::ask).await;
    system.attach(shared::Till).await.expect("it has its place");
    counted_apart(&system, &at, "shared", shared::ask).await;
}

/// Says by hand which problem it is, and cannot.
#[derive(Debug, thiserror::Error)]
#[error("it is odd")]
pub struct Odd;

impl nether::http::Problem for Odd {
    const KINDS: &'static [nether::http::ProblemKind] = &[];

    fn kind(&self) -> &'static nether::http::ProblemKind {
        panic!("nobody knows")
    }
}

#[command(error = Odd)]
pub struct AskOdd;

pub struct Oddity;

#[module(handles = AskOdd, manual)]
impl Oddity {
    async fn ask(&mut self, _: AskOdd) -> Result<(), Odd> {
        Err(Odd)
    }
}

#[tokio::test]
async fn an_error_that_panics_when_it_is_asked_what_it_is_is_a_failure_like_any_other() {
    let (system, at) = served().await;
    system.attach(Oddity).await.expect("it has its place");
    for _ in 0..2 {
        let ctx = system.context();
        let answer = ctx.send(AskOdd).await;
        assert!(matches!(answer, Err(CallError::Handler(Odd))), "{answer:?}");
        let _ = ctx.close().await;
    }
    let series = series(&at).await;
    assert_eq!(counted(&series, "messages_failed_total", "Oddity"), 2.0);
    assert_eq!(counted(&series, "messages_refused_total", "Oddity"), 0.0);
    assert_eq!(counted(&series, "module_restarts_total", "Oddity"), 0.0);
}
