//! ARCHITECTURE.md as a map of the tree: it names each top-level module of the two crates, each adapter
//! and each package of `benches`.

use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::package::Package;
use crate::tree::{File, folders};

const PAGE: &str = "ARCHITECTURE.md";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let Some(file) = File::read(root, PAGE) else {
        return Vec::new();
    };
    let spans = Document::page(&file).spans();
    let is_named = |name: &str| spans.iter().any(|span| span.text == name);
    let mut findings = Vec::new();
    let mut look_for = |name: String, declared: (&str, usize), is_named: bool| {
        if !is_named {
            let what = format!("{PAGE} does not name `{name}`");
            let help = format!("say in {PAGE} what it holds");
            findings.push(Finding::new(declared.0, declared.1, what, help));
        }
    };
    for module in modules(root, "nether/src", "nether") {
        let short = module.0.trim_start_matches("nether/src/").to_owned();
        let named = is_named(&short) || is_named(&module.0);
        look_for(short, ("nether/src/lib.rs", module.1), named);
    }
    for (module, line) in modules(root, "nether-macros/src", "nether_macros") {
        let named = is_named(&module);
        look_for(module, ("nether-macros/src/lib.rs", line), named);
    }
    let benches = folders(root, "benches").into_iter();
    let benches = benches.map(|folder| format!("benches/{folder}/"));
    let adapters = folders(root, "nether/adapters").into_iter();
    let adapters = adapters.map(|folder| format!("nether/adapters/{folder}/"));
    for name in benches.chain(adapters) {
        let package = format!("{name}Cargo.toml");
        if root.join(&package).exists() {
            let named = is_named(&name);
            look_for(name, (&package, 1), named);
        }
    }
    findings
}

/// The modules that `lib.rs` declares: `name.rs`, or `name/` if it is a folder; and where.
fn modules(root: &Path, folder: &str, name: &str) -> Vec<(String, usize)> {
    let package = Package::load(root, folder, name);
    let top = package
        .modules
        .iter()
        .filter(|module| module.path.len() == 1);
    let own = top.filter(|module| !module.file.ends_with("/lib.rs"));
    let named = own.map(|module| {
        let path = module.file.strip_suffix("mod.rs");
        (path.unwrap_or(&module.file).to_owned(), module.line)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    fn tree(name: &str, page: &str) -> Small {
        Small::new(name)
            .write("ARCHITECTURE.md", page)
            .write(
                "nether/src/lib.rs",
                "mod a;\npub mod b;\n#[path = \"c.rs\"]\nmod __c;\nmod d {}",
            )
            .write("nether/src/a.rs", "")
            .write("nether/src/b/mod.rs", "mod inner;")
            .write("nether/src/b/inner.rs", "")
            .write("nether/src/c.rs", "")
            .write("nether-macros/src/lib.rs", "mod a;")
            .write("nether-macros/src/a.rs", "")
            .write("benches/suite/Cargo.toml", "")
            .write("benches/report/a.svg", "")
    }

    #[test]
    fn what_is_not_named_is_found() {
        let names = [
            "a.rs",
            "b/",
            "c.rs",
            "nether-macros/src/a.rs",
            "benches/suite/",
        ];
        let page = |left_out: usize| -> String {
            let names = names
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != left_out);
            names.map(|(_, name)| format!("`{name}`\n")).collect()
        };
        assert_clean(&check(tree("map-clean", &page(5)).root()));
        let places = [
            "nether/src/lib.rs:1",
            "nether/src/lib.rs:2",
            "nether/src/lib.rs:4",
            "nether-macros/src/lib.rs:1",
            "benches/suite/Cargo.toml:1",
        ];
        for (index, place) in places.into_iter().enumerate() {
            let small = tree(&format!("map-{index}"), &page(index));
            assert_one(&check(small.root()), place, names[index]);
        }
    }
}
