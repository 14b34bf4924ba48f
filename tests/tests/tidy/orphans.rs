//! Files that belong to no crate: nothing compiles them, and no other check sees what they import.

use std::path::Path;

use crate::finding::Finding;
use crate::package::{PACKAGES, Package};
use crate::tree::files;

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, name) in PACKAGES {
        let package = Package::load(root, folder, name);
        let is_root = |path: &str| path.ends_with("/src/main.rs") || path.contains("/src/bin/");
        let is_part = |path: &str| package.modules.iter().any(|module| module.file == path);
        for file in files(root, folder, "rs") {
            if !is_root(&file.path) && !is_part(&file.path) {
                let what = "no module declares the file";
                let help = "declare it with `mod` in the file above it, or remove it";
                findings.push(Finding::new(&file.path, 1, what, help));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    #[test]
    fn a_file_that_no_module_declares_is_found() {
        let small = Small::new("orphans")
            .write(
                "nether/src/lib.rs",
                "#[cfg(test)]\nmod a;\n#[path = \"c.rs\"]\nmod b;",
            )
            .write("nether/src/a/mod.rs", "mod inner { mod d; }")
            .write("nether/src/a/inner/d.rs", "")
            .write("nether/src/c.rs", "")
            .write("benches/suite/src/main.rs", "");
        assert_clean(&check(small.root()));
        let small = small.write("nether/src/a/e.rs", "");
        assert_one(
            &check(small.root()),
            "nether/src/a/e.rs:1",
            "no module declares",
        );
    }
}
