//! Circles: files that use each other can be read, tested and changed only together.
//!
//! An edge leads from a file to the file that defines an item which the first one names, in an import, in
//! code or in the tokens of a macro. A re-export is followed to the definition. An item that a file takes
//! from the `mod.rs` above it makes an edge; the reverse does not, because a `mod.rs` is made of the files in
//! its folder. So a circle that only a `mod.rs` closes, by using what is below it, is not found: many folders
//! have one. A call of a method that does not name its type makes no edge. A circle is a set of files each of
//! which leads to all others.
//!
//! The imports in [`NATURAL`](crate::natural::NATURAL) are taken away first. Each of them must close a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::finding::Finding;
use crate::natural::Natural;
use crate::package::{PACKAGES, Package};
use crate::uses::{Use, uses};

/// Each file, with the files that it leads to and the first place that does.
type Edges = BTreeMap<String, BTreeMap<String, Use>>;

/// All circles that are left without the imports of the list; and imports of the list that close none.
pub(crate) fn check(root: &Path, natural: &[Natural]) -> Vec<Finding> {
    let mut all = Edges::new();
    for (folder, name) in PACKAGES {
        all.extend(edges(&Package::load(root, folder, name)));
    }
    let listed = natural.iter().flat_map(|entry| {
        let path = |file: &str| format!("{}/{file}", entry.folder);
        let imports = entry.imports.iter();
        imports.map(move |(from, to)| (entry, path(from), path(to)))
    });
    let listed: Vec<(&Natural, String, String)> = listed.collect();
    let mut open = all.clone();
    for (_, from, to) in &listed {
        if let Some(uses) = open.get_mut(from) {
            uses.remove(to);
        }
    }
    let circles = find(&open);
    let mut findings: Vec<Finding> = circles
        .iter()
        .filter_map(|it| describe(it, &open))
        .collect();
    for (entry, from, to) in listed {
        let is_used = all.get(&from).is_some_and(|uses| uses.contains_key(&to));
        if !is_used || !reached(&open, &to).contains(&from) {
            findings.push(Finding::new(
                "tests/tests/tidy/natural.rs",
                entry.line as usize,
                format!(
                    "`{from}` closes no circle by importing from `{to}` (\"{}\")",
                    entry.reason
                ),
                "remove it from the list",
            ));
        }
    }
    findings
}

fn edges(package: &Package) -> Edges {
    let mut edges = Edges::new();
    for named in uses(package).into_iter().filter(|named| named.is_item) {
        let (from, to) = (package.owner(named.from), package.owner(named.to));
        if !package.contains(from, to) {
            let [from, to] = [from, to].map(|module| package.modules[module].file.clone());
            edges.entry(from).or_default().entry(to).or_insert(named);
        }
    }
    edges
}

/// The files that a file leads to, directly or not.
fn reached(edges: &Edges, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in edges.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    reached
}

fn find(edges: &Edges) -> Vec<BTreeSet<String>> {
    let all: BTreeMap<&String, BTreeSet<String>> = edges
        .keys()
        .map(|file| (file, reached(edges, file)))
        .collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (file, forth) in &all {
        let is_new = circles.iter().all(|circle| !circle.contains(*file));
        if is_new && forth.contains(*file) {
            let is_back = |other: &&String| all.get(other).is_some_and(|it| it.contains(*file));
            circles.push(forth.iter().filter(is_back).cloned().collect());
        }
    }
    circles
}

fn describe(circle: &BTreeSet<String>, edges: &Edges) -> Option<Finding> {
    let first = circle.first()?;
    let way = shortest(edges, circle, first);
    let places = way.iter().map(|(file, to, named)| {
        format!("\n    {file}:{} names `{}` of {to}", named.line, named.path)
    });
    let (_, _, named) = way.first()?;
    let names: Vec<String> = circle.iter().map(|file| format!("`{file}`")).collect();
    Some(Finding::new(
        first,
        named.line,
        format!(
            "files use each other in a circle: {}{}",
            names.join(", "),
            places.collect::<String>()
        ),
        "move what both sides need into a file of its own, or into the lower of the two",
    ))
}

/// The shortest way from a file of a circle back to it.
fn shortest<'e>(
    edges: &'e Edges,
    circle: &BTreeSet<String>,
    first: &'e String,
) -> Vec<(&'e String, &'e String, &'e Use)> {
    let mut ways = vec![(first, Vec::new())];
    let mut seen = BTreeSet::new();
    for at in 0.. {
        let Some((file, way)) = ways.get(at).cloned() else {
            break;
        };
        for (to, named) in edges.get(file).into_iter().flatten() {
            if circle.contains(to) && seen.insert(to) {
                let mut way: Vec<(&String, &String, &Use)> = way.clone();
                way.push((file, to, named));
                if to == first {
                    return way;
                }
                ways.push((to, way));
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::natural::{NATURAL, Natural};
    use crate::small::Small;

    const LISTED: Natural = Natural {
        line: 7,
        reason: "they are one",
        folder: "nether/src",
        imports: &[("a.rs", "b.rs")],
    };

    fn tree(name: &str, a: &str, b: &str) -> Small {
        Small::new(name)
            .write("nether/src/lib.rs", "mod a;\nmod b;\nmod folder;")
            .write("nether/src/a.rs", a)
            .write("nether/src/b.rs", b)
            .write(
                "nether/src/folder/mod.rs",
                "mod part;\npub(crate) use self::part::Part;\npub(crate) struct Whole(Part);",
            )
            .write(
                "nether/src/folder/part.rs",
                "pub(crate) struct Part(Option<Box<super::Whole>>);",
            )
    }

    #[test]
    fn a_circle_of_two_files_is_found() {
        let a = "use crate::b::B;\npub(crate) struct A(Box<B>);";
        let b = "pub(crate) struct B(\n    crate::a::A,\n);";
        let small = tree("circles-two", a, b);
        assert_one(
            &check(small.root(), &[]),
            "nether/src/a.rs:1",
            "nether/src/b.rs:2 names `crate::a::A`",
        );
        assert_clean(&check(small.root(), &[LISTED]));
    }

    #[test]
    fn a_circle_through_a_re_export_is_found_where_the_item_is_defined() {
        let part = "use crate::a::A;\npub(crate) struct Part(A);";
        let small = tree(
            "circles-re-export",
            "use crate::folder::Part;\npub(crate) struct A(Part);",
            "",
        )
        .write("nether/src/folder/part.rs", part);
        assert_one(
            &check(small.root(), &[]),
            "nether/src/a.rs:1",
            "of nether/src/folder/part.rs",
        );
    }

    #[test]
    fn a_folder_may_use_what_it_is_made_of() {
        assert_clean(&check(tree("circles-folder", "", "").root(), &[]));
    }

    #[test]
    fn a_listed_import_that_closes_no_circle_is_found() {
        let place = "tests/tests/tidy/natural.rs:7";
        let small = tree("circles-unused", "pub(crate) struct A;", "");
        assert_one(&check(small.root(), &[LISTED]), place, "closes no circle");
        let small = tree(
            "circles-open",
            "struct A(crate::b::B);",
            "pub(crate) struct B;",
        );
        assert_one(&check(small.root(), &[LISTED]), place, "they are one");
    }

    #[test]
    fn a_listed_circle_that_grows_is_found() {
        let a = "use crate::b::B;\npub(crate) struct A(Box<B>);";
        let b = "use crate::c::C;\npub(crate) struct B(C, crate::a::A);";
        let c = "use crate::b::B;\npub(crate) struct C(B);";
        let small = tree("circles-grown", a, b)
            .write("nether/src/lib.rs", "mod a;\nmod b;\nmod c;")
            .write("nether/src/c.rs", c);
        let place = "nether/src/b.rs:1";
        assert_one(
            &check(small.root(), &[LISTED]),
            place,
            "`nether/src/b.rs`, `nether/src/c.rs`",
        );
    }

    #[test]
    fn a_new_circle_in_the_repository_is_found() {
        let small = Small::new("circles-repository")
            .copy("nether/src")
            .copy("nether-macros/src")
            .copy("benches/suite/src")
            .append(
                "nether-macros/src/types.rs",
                "\nuse crate::signature::output as _;\n",
            );
        let findings = check(small.root(), NATURAL);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].what.contains("nether-macros/src/types.rs"));
    }
}
