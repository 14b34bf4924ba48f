//! Measures many small things with state and prints the figures as JSON, a list of
//! [`suite::things::Things`].
//!
//! `things [<rounds>] [<work>]..`: without arguments everything, five times. Each measurement is a process of
//! its own, and all contestants have a turn before the next round.

use std::process::{Command, ExitCode};

use suite::runtime::Flavour;
use suite::things::{Figures, Things, Work, run};

/// The first argument of a process that measures.
const MEASURE: &str = "--measure";

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [measure, work, contestant, flavour] = &arguments[..]
        && measure == MEASURE
    {
        return measure_once(work, contestant, flavour);
    }
    let (rounds, works) = match arguments.first().and_then(|first| first.parse().ok()) {
        Some(rounds) => (rounds, &arguments[1..]),
        None => (ROUNDS, &arguments[..]),
    };
    let is_wanted =
        |work: &Work| works.is_empty() || works.iter().any(|it| work.id().starts_with(it));
    let mut things = Vec::new();
    for work in Work::ALL.into_iter().filter(is_wanted) {
        things.extend(all(work, rounds));
    }
    let text = serde_json::to_string_pretty(&things).expect("it is plain data");
    println!("{text}");
    ExitCode::SUCCESS
}

/// All contestants in turn, round after round.
fn all(work: Work, rounds: usize) -> Vec<Things> {
    let mut things: Vec<Things> = Flavour::BOTH
        .into_iter()
        .flat_map(|flavour| {
            work.contestants().iter().map(move |contestant| Things {
                work,
                contestant: (*contestant).to_owned(),
                flavour,
                nanos: Vec::new(),
                bytes: Vec::new(),
            })
        })
        .collect();
    for _ in 0..rounds {
        for things in &mut things {
            if let Some(figures) = in_a_process(things) {
                things.nanos.push(figures.nanos);
                things.bytes.extend(figures.bytes);
            }
        }
    }
    for it in &things {
        eprintln!(
            "{:<14} {:<10} {:?}: {:.0} ns, {:.0?} bytes",
            work.id(),
            it.contestant,
            it.flavour,
            it.least_nanos(),
            it.least_bytes()
        );
    }
    things.retain(|it| !it.nanos.is_empty());
    things
}

fn in_a_process(things: &Things) -> Option<Figures> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program)
        .args([
            MEASURE,
            &things.work.id(),
            &things.contestant,
            flavour_id(things.flavour),
        ])
        .stderr(std::process::Stdio::inherit())
        .output()
        .ok()?;
    if !output.status.success() {
        eprintln!("`{}` failed in `{}`", things.contestant, things.work.id());
        return None;
    }
    serde_json::from_slice(&output.stdout).ok()
}

fn measure_once(work: &str, contestant: &str, flavour: &str) -> ExitCode {
    let work = Work::ALL.into_iter().find(|it| it.id() == work);
    let flavour = Flavour::BOTH
        .into_iter()
        .find(|it| flavour_id(*it) == flavour);
    let figures = work
        .zip(flavour)
        .and_then(|(work, flavour)| run(work, contestant, flavour));
    match figures.map(|figures| serde_json::to_string(&figures)) {
        Some(Ok(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn flavour_id(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Multi => "multi",
        Flavour::Current => "current",
    }
}
