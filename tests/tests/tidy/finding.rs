//! [`Finding`]: one thing that is wrong with the tree, where it is, and the way out.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Relative to the root of the repository.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) what: String,
    /// The way out.
    pub(crate) help: String,
}

impl Finding {
    pub(crate) fn new(
        file: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Finding {
            file: file.into(),
            line,
            what: what.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            file,
            line,
            what,
            help,
        } = self;
        write!(f, "{file}:{line}: {what}\n    help: {help}")
    }
}

/// Fails with all findings, if there are any.
#[track_caller]
pub(crate) fn assert_clean(findings: &[Finding]) {
    let texts: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        findings.is_empty(),
        "{} findings\n{}",
        findings.len(),
        texts.join("\n")
    );
}

/// Fails unless there is exactly one finding, at this place, whose text contains `what`.
#[track_caller]
pub(crate) fn assert_one(findings: &[Finding], place: &str, what: &str) {
    let texts: Vec<String> = findings.iter().map(Finding::to_string).collect();
    let is_it = |text: &String| text.starts_with(&format!("{place}: ")) && text.contains(what);
    assert!(
        texts.len() == 1 && texts.iter().all(is_it),
        "expected one finding at {place} about {what:?}, found {}\n{}",
        texts.len(),
        texts.join("\n")
    );
}
