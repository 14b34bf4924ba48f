//! The log: errors are written to it without their control characters, since their texts may come from
//! outside.

use std::path::Path;

use crate::finding::Finding;
use crate::tree::files;

/// What writes the text of an error as it is.
const BARE: [&str; 3] = ["%error", "%text", "%failure"];

/// Where all that is logged goes through the runtime's own types.
const FOLDER: &str = "nether/src/";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files(root, FOLDER.trim_end_matches('/'), "rs") {
        for (line, text) in (1..).zip(file.text.lines()) {
            if BARE.iter().any(|bare| text.contains(bare)) {
                let help = "write `error = %Escaped(&error)`: its text may come from outside";
                findings.push(Finding::new(
                    &file.path,
                    line,
                    "an error is logged as it is",
                    help,
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::small::Small;

    #[test]
    fn an_error_that_is_logged_as_it_is_is_found() {
        let line = "    tracing::warn!(%error, \"it failed\");\n";
        let tree = Small::new("logs").write("nether/src/a.rs", line);
        assert_eq!(check(tree.root()).len(), 1);
        let line = "    tracing::warn!(error = %Escaped(&error), \"it failed\");\n";
        let tree = Small::new("escaped-logs").write("nether/src/a.rs", line);
        assert!(check(tree.root()).is_empty());
    }
}
