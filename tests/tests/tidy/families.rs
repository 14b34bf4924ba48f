//! The macros: each family of attributes has a folder, and none imports another. Code that two families need
//! stands beside the folders.

use std::path::Path;

use crate::finding::Finding;
use crate::package::Package;
use crate::uses::uses;

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let package = Package::load(root, "nether-macros/src", "nether_macros");
    // A family is a top-level module with files of its own, but for the tests.
    let family = |module: usize| {
        let top = package.modules[module]
            .path
            .first()
            .filter(|top| *top != "tests")?;
        let is_in_folder = package.modules[module].file.contains(&format!("/{top}/"));
        is_in_folder.then_some(top)
    };
    let mut findings = Vec::new();
    for named in uses(&package) {
        let (Some(own), Some(other)) = (family(named.from), family(named.to)) else {
            continue;
        };
        if own != other {
            findings.push(Finding::new(
                &package.modules[named.from].file,
                named.line,
                format!("`{own}` names `{}` of another family, `{other}`", named.path),
                "move what both need into a file beside the folders, such as nether-macros/src/signature.rs",
            ));
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
    fn a_family_that_imports_another_is_found() {
        let small = Small::new("families")
            .write(
                "nether-macros/src/lib.rs",
                "mod keys;\nmod message;\nmod module;",
            )
            .write("nether-macros/src/keys.rs", "pub(crate) struct Key;")
            .write(
                "nether-macros/src/message/mod.rs",
                "pub(crate) struct Kind(crate::keys::Key);",
            )
            .write("nether-macros/src/module/mod.rs", "use crate::keys::Key;");
        assert_clean(&check(small.root()));
        let small = small.append(
            "nether-macros/src/module/mod.rs",
            "\nuse crate::message::Kind;\n",
        );
        assert_one(
            &check(small.root()),
            "nether-macros/src/module/mod.rs:2",
            "`message`",
        );
    }
}
