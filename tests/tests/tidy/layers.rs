//! Layers: the `mod` list in `nether/src/lib.rs` is their order. A file imports only from modules above its
//! own in that list.

use std::path::Path;

use crate::finding::Finding;
use crate::package::Package;
use crate::uses::uses;

const LIST: &str = "nether/src/lib.rs";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let package = Package::load(root, "nether/src", "nether");
    // The root and `private.rs`, which generated code names, re-export from every layer.
    let place = |module: usize| {
        let top = package.modules[module].path.first()?;
        let is_top = |index: &usize| package.modules[*index].path == [top.clone()];
        let declared = (0..package.modules.len()).find(is_top)?;
        (top != "__private" && top != "prelude").then_some((package.modules[declared].line, top))
    };
    let mut findings = Vec::new();
    for named in uses(&package) {
        let (Some((own_line, own)), Some((line, above))) = (place(named.from), place(named.to))
        else {
            continue;
        };
        if line > own_line {
            findings.push(Finding::new(
                &package.modules[named.from].file,
                named.line,
                format!(
                    "`{}` is used in `{own}`, but `{above}` stands below `{own}` in the list of layers",
                    named.path
                ),
                format!(
                    "move what is needed into `{own}` or a module above it ({LIST}:{own_line}), or move the `mod` line"
                ),
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

    fn tree(name: &str, files: &[(&str, &str)]) -> Small {
        let lib = "mod low;\n#[cfg(feature = \"middle\")]\npub(crate) mod middle;\npub mod high;\nmod prelude { pub use crate::high::H; }\n";
        let small = Small::new(name)
            .write("nether/src/lib.rs", lib)
            .write("nether/src/low.rs", "pub struct L;")
            .write(
                "nether/src/middle/mod.rs",
                "mod part;\npub use self::part::M;",
            )
            .write("nether/src/middle/part.rs", "pub struct M(crate::low::L);")
            .write(
                "nether/src/high.rs",
                "use crate::middle::M;\npub struct H(M, super::low::L);",
            );
        files.iter().fold(small, |small, (path, text)| {
            small.write(&format!("nether/src/{path}"), text)
        })
    }

    #[test]
    fn imports_from_above_in_the_list_are_clean() {
        assert_clean(&check(tree("layers-clean", &[]).root()));
    }

    #[test]
    fn every_way_to_name_a_lower_module_is_found() {
        let ways = [
            ("group", "use crate::{\n    low::L,\n    high::H,\n};", 3),
            ("path", "fn f() {\n    let _ = crate::high::H;\n}", 2),
            ("macro", "fn f() {\n    vec![crate::high::H];\n}", 2),
            ("super", "fn f() { super::super::high::H; }", 1),
            ("own-name", "use nether::high::H;", 1),
            ("module", "use crate::high;", 1),
            ("glob", "use crate::high::*;", 1),
            ("re-export", "pub use crate::high::H as N;", 1),
            ("prelude", "use crate::prelude::H;", 1),
            ("derive", "#[derive(crate::high::H)]\nstruct N;", 1),
            (
                "string",
                "struct N(#[serde(with = \"crate::high::h\")] u8);",
                1,
            ),
            ("docs", "#[cfg(doc)] fn f() {}\nuse crate::high::H;", 2),
            ("inline", "mod tests {\n    use crate::high::H;\n}", 2),
        ];
        for (name, text, line) in ways {
            let text = &format!("{text}\npub struct M;");
            let small = tree(&format!("layers-{name}"), &[("middle/part.rs", text)]);
            let place = format!("nether/src/middle/part.rs:{line}");
            assert_one(&check(small.root()), &place, "`high` stands below `middle`");
        }
    }

    #[test]
    fn another_name_of_the_crate_is_known() {
        for (name, path) in [("head", "me::high::H"), ("rooted", "::me::high::H")] {
            let text = format!("pub struct M;\nfn f(_: {path}) {{}}");
            let small = tree(&format!("layers-{name}"), &[("middle/part.rs", &text)])
                .append("nether/src/lib.rs", "extern crate self as me;\n");
            let place = "nether/src/middle/part.rs:2";
            assert_one(&check(small.root()), place, "`high` stands below `middle`");
        }
    }

    #[test]
    fn comments_and_strings_name_nothing() {
        let text = "//! See crate::high::H.\nconst A: &str = \"crate::high::H\";\npub struct M;";
        let small = tree("layers-comments", &[("middle/part.rs", text)]);
        assert_clean(&check(small.root()));
    }

    #[test]
    fn a_module_of_the_repository_cannot_import_the_web_server() {
        let small = Small::new("layers-repository").copy("nether/src").append(
            "nether/src/module/tally.rs",
            "\nuse crate::http::Problem as _;\n",
        );
        let findings = check(small.root());
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].file == "nether/src/module/tally.rs");
        assert!(findings[0].what.contains("`http` stands below `module`"));
    }
}
