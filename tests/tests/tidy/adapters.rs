//! Adapters: each imports of `nether` what is public and documented, and `nether::integration`; and `nether`
//! names no adapter.

use std::path::Path;

use crate::finding::Finding;
use crate::items::{self, Module};
use crate::lexer::lex;
use crate::tree::{File, files, folders};

const FOLDER: &str = "nether/adapters";

/// Modules of `nether` that are for generated code alone.
const HIDDEN: [&str; 2] = ["__private", "private"];

const HELP: &str = "use what the documentation shows; what an adapter needs besides belongs in nether/src/integration.rs";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let adapters = folders(root, FOLDER);
    for file in files(root, FOLDER, "rs") {
        look(&items::parse(&lex(&file.text).tokens), &file, &mut findings);
    }
    for adapter in adapters {
        let name = format!("nether-{adapter}");
        let manifest = File::read(root, "nether/Cargo.toml");
        let lines = manifest
            .iter()
            .flat_map(|file| file.text.lines().enumerate());
        for (index, _) in lines.filter(|(_, line)| line.contains(&name)) {
            findings.push(Finding::new(
                "nether/Cargo.toml",
                index + 1,
                format!("`nether` names its adapter `{name}`"),
                "dependencies point one way: an adapter depends on `nether`",
            ));
        }
    }
    findings
}

fn look(module: &Module, file: &File, findings: &mut Vec<Finding>) {
    let imports = module.imports.iter().map(|it| (&it.path, it.line));
    let paths = module.paths.iter().map(|it| (&it.path, it.line));
    for (path, line) in imports.chain(paths) {
        let mut segments = path.iter().skip_while(|segment| segment.is_empty());
        let is_of_nether = segments.next().is_some_and(|first| first == "nether");
        if is_of_nether && segments.any(|segment| HIDDEN.contains(&segment.as_str())) {
            let what = format!("an adapter names `{}`", path.join("::"));
            findings.push(Finding::new(&file.path, line, what, HELP));
        }
    }
    for inner in module
        .children
        .iter()
        .filter_map(|child| child.inline.as_ref())
    {
        look(inner, file, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    const FILE: &str = "nether/adapters/box/src/lib.rs";

    #[test]
    fn an_adapter_that_names_what_is_hidden_is_found() {
        let small = Small::new("adapters").write(
            FILE,
            "use nether::eventstore::Store;\nuse nether::integration::race;\nmod private;\nuse crate::private::Own;\n",
        );
        assert_clean(&check(small.root()));
        for (at, text) in [
            "use nether::__private::Context;",
            "use ::nether::eventstore::private::Keeps;",
            "fn f() { nether::eventstore::private::argument(); }",
            "mod inner { use nether::{Error, __private::Arc}; }",
        ]
        .into_iter()
        .enumerate()
        {
            let small = Small::new(&format!("adapters-{at}")).write(FILE, &format!("\n{text}\n"));
            assert_one(&check(small.root()), &format!("{FILE}:2"), "private");
        }
    }

    #[test]
    fn a_dependency_of_the_runtime_on_an_adapter_is_found() {
        let small = Small::new("adapters-dependency")
            .write(FILE, "")
            .write("nether/Cargo.toml", "[dependencies]\nserde = \"1\"\n");
        assert_clean(&check(small.root()));
        let small = small.append(
            "nether/Cargo.toml",
            "nether-box = { path = \"adapters/box\" }\n",
        );
        assert_one(&check(small.root()), "nether/Cargo.toml:3", "nether-box");
    }
}
