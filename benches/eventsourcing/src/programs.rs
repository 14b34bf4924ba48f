//! [`Programs`]: what runs in processes of its own, built by the same cargo.

use std::path::{Path, PathBuf};

use reporting::programs::{build, run};

use crate::folder::Folder;
use crate::scale::Scale;
use crate::scenario::{Contestant, Synchronous};

/// The programs beside this one.
pub struct Programs {
    /// `cqrs-es` and `eventcore`. They link another release of SQLite than ours.
    peer: PathBuf,
    /// A projection of ours that is rebuilt.
    reading: PathBuf,
    /// Our aggregates that are no longer in use.
    memory: PathBuf,
}

impl Programs {
    /// Builds all of them. `None` if one does not build; cargo has then said why.
    pub fn build() -> Option<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let bin = |name| {
            let arguments = ["--release", "--locked", "--bin", name];
            build(&package.join("Cargo.toml"), &arguments, &[])
        };
        let peer = package.join("peer/Cargo.toml");
        Some(Programs {
            peer: build(&peer, &["--release", "--locked"], &[])?,
            reading: bin("reading")?,
            memory: bin("resident")?,
        })
    }

    /// Commands to aggregates of a peer, on two threads and a new file: nanoseconds of one.
    pub fn commands(
        &self,
        peer: Contestant,
        sync: Synchronous,
        callers: u64,
        scale: &Scale,
    ) -> f64 {
        let folder = Folder::new("turn");
        let file = folder.file("theirs.db");
        nanos(
            &self.peer,
            &[
                peer.name(),
                "commands",
                &path(&file),
                sync.name(),
                &callers.to_string(),
                &scale.aggregates.to_string(),
                &scale.commands.to_string(),
            ],
        )
    }

    /// Stores the events that are replayed.
    pub fn fill(&self, contestant: Contestant, file: &Path, scale: &Scale) {
        let (aggregates, events) = scale.replayed;
        let (aggregates, events) = (aggregates.to_string(), events.to_string());
        let (program, mut arguments) = self.of(contestant);
        let file = path(file);
        arguments.extend(["fill", &file, &aggregates, &events]);
        run(program, arguments).expect("it stores them");
    }

    /// Rebuilds what follows all events of a file that was filled: nanoseconds of an event.
    pub fn replay(&self, contestant: Contestant, file: &Path, scale: &Scale) -> f64 {
        let (aggregates, events) = scale.replayed;
        let events = (aggregates * events).to_string();
        let (program, mut arguments) = self.of(contestant);
        let file = path(file);
        arguments.extend(["replay", &file, &events]);
        nanos(program, &arguments)
    }

    /// The memory of a process in MiB after each tenth of so many aggregates.
    pub fn memory(&self, aggregates: u64) -> Vec<f64> {
        let printed = run(&self.memory, [aggregates.to_string()]).expect("it runs");
        let numbers = printed.lines().map(|line| line.parse());
        numbers
            .collect::<Result<_, _>>()
            .expect("it prints numbers")
    }

    /// The program that replays for a contestant, with what comes first on its command line.
    fn of(&self, contestant: Contestant) -> (&Path, Vec<&str>) {
        match contestant {
            Contestant::CqrsEs | Contestant::Eventcore => (&self.peer, vec![contestant.name()]),
            Contestant::Nether | Contestant::Single | Contestant::Plain => {
                (&self.reading, Vec::new())
            }
        }
    }
}

fn path(file: &Path) -> String {
    file.display().to_string()
}

fn nanos(program: &Path, arguments: &[&str]) -> f64 {
    let printed = run(program, arguments).expect("it runs");
    printed.trim().parse().expect("it says how long it took")
}
