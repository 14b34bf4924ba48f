//! The end of a connection whose address is closed: what is at work is finished, and nothing else is waited
//! for.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::http::connections::answering::Activity;
use crate::http::connections::phase::{LEAVING, Phase, QUIET};
use crate::http::connections::wire::Traffic;
use crate::race::race;

/// How long a new connection waits for the first byte of a request. Its client has opened it to send one, and
/// may not have come to it.
const FIRST: Duration = Duration::from_secs(1);

/// How long the answers to what was cut off may take to leave.
const CUT: Duration = Duration::from_millis(20);

/// Ends the connection. `cut_off` answers what is at work with 503.
pub(crate) async fn end<C: GracefulConnection>(
    mut serving: Pin<&mut C>,
    activity: &Activity,
    traffic: &Traffic,
    phase: &mut watch::Receiver<Phase>,
    accepted: Instant,
    cut_off: impl Fn(),
) -> Result<(), C::Error> {
    let is_new = || activity.moved() == 0 && !traffic.has_begun();
    if let Some(served) = greeted(serving.as_mut(), accepted, is_new).await {
        return served;
    }
    serving.as_mut().graceful_shutdown();
    loop {
        if *phase.borrow_and_update() == Phase::CutOff && !activity.is_cut_off() {
            cut_off();
        }
        let is_leaving = !activity.is_idle() || traffic.is_http_2() || traffic.is_lingering();
        let quiet = match activity.is_cut_off() {
            true => CUT,
            false if is_leaving => LEAVING,
            false => QUIET,
        };
        let before = (activity.moved(), traffic.progress());
        let served = async { Some(serving.as_mut().await) };
        let passed = async {
            let changed = async { phase.changed().await.is_ok() };
            let slept = async {
                sleep(quiet).await;
                true
            };
            // The sender that could notify it to hurry has gone.
            if !race(changed, slept).await {
                sleep(quiet).await;
            }
            None
        };
        if let Some(served) = race(served, passed).await {
            return served;
        }
        let is_quiet = before == (activity.moved(), traffic.progress());
        let is_done = activity.is_idle() && !traffic.is_blocked();
        if activity.is_cut_off() || is_done && is_quiet {
            return Ok(());
        }
    }
}

/// Waits for the first byte of a connection that has said nothing yet. What it came to if it ended meanwhile.
async fn greeted<C: GracefulConnection>(
    mut serving: Pin<&mut C>,
    accepted: Instant,
    is_new: impl Fn() -> bool,
) -> Option<Result<(), C::Error>> {
    let mut first = pin!(sleep_until(accepted + FIRST));
    poll_fn(|cx| {
        if let Poll::Ready(served) = serving.as_mut().poll(cx) {
            return Poll::Ready(Some(served));
        }
        match is_new() {
            true => first.as_mut().poll(cx).map(|()| None),
            false => Poll::Ready(None),
        }
    })
    .await
}
