//! [`Journal`]: what a client has sent and seen, line by line in a file that outlives the process.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The journal of a process.
#[derive(Clone)]
pub(crate) struct Journal {
    file: Arc<File>,
}

impl Journal {
    pub(crate) fn open(name: &str, path: impl AsRef<Path>) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let journal = Journal {
            file: Arc::new(file),
        };
        journal.write(&format!("process {name}"));
        Ok(journal)
    }

    /// Notes that an operation is about to be sent.
    pub(crate) fn begin(&self, number: u64, key: &str, is_read: bool) -> u64 {
        let kind = if is_read { "read" } else { "add" };
        self.write(&format!("{kind} {number} {} {key}", now()));
        number
    }

    /// Notes what came of it. What an error leaves done is not known.
    pub(crate) fn end(&self, number: u64, outcome: Result<Vec<u64>, String>) {
        let time = now();
        match outcome {
            Ok(list) => {
                let list: Vec<_> = list.iter().map(u64::to_string).collect();
                self.write(&format!("ok {number} {time} {}", list.join(",")));
            }
            Err(error) => self.write(&format!("unknown {number} {time} {error:?}")),
        }
    }

    pub(crate) fn saw(&self, position: u64) {
        self.write(&format!("saw {position}"));
    }

    /// One write of a whole line: the file is appended to, so lines of tasks do not mix.
    fn write(&self, line: &str) {
        let line = format!("{line}\n");
        (&*self.file)
            .write_all(line.as_bytes())
            .expect("there is room");
    }
}

/// The clock of this machine, which all processes of a run share.
fn now() -> u128 {
    UNIX_EPOCH.elapsed().map_or(0, |it| it.as_nanos())
}
