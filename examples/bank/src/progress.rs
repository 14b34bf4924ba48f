//! A bar that shows how far projections are that have much to read. It is drawn on a terminal alone.

use indicatif::{ProgressBar, ProgressStyle};
use nether::eventstore::CatchingUp;
use nether::prelude::*;

/// How the bar looks.
const STYLE: &str = "{prefix} [{bar:40}] {pos} of {len} events, {msg} a second";

/// Shows each catching up, as long as the system runs.
pub async fn show(system: System) {
    let mut told = system.subscribe::<CatchingUp>();
    // Dropped when there is nothing to show any more.
    let mut bar: Option<ProgressBar> = None;
    while let Some(now) = told.next().await {
        let bar_now = bar.get_or_insert_with(|| made(&now));
        bar_now.set_length(now.head);
        bar_now.set_position(now.position);
        bar_now.set_message(now.events_per_second.to_string());
        if now.remaining() == 0 {
            bar_now.finish();
            bar = None;
        }
    }
}

fn made(now: &CatchingUp) -> ProgressBar {
    let style = ProgressStyle::with_template(STYLE);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(now.head).with_style(style);
    let what = if now.rebuild { "rebuilding" } else { "reading" };
    bar.with_prefix(format!("{what} `{}`", now.name))
}
