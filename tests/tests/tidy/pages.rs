//! The documents of the repository.

use std::path::Path;

use crate::document::Document;
use crate::tree::{File, files, folders};

/// The pages that a reader finds without looking into the source.
const PAGES: [&str; 14] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "SEMANTICS.md",
    "benches/README.md",
    "examples/README.md",
    "nether-macros/README.md",
    "nether/README.md",
    "nether/adapters/postgres/README.md",
    "nether/adapters/sqlite/README.md",
    "tests/fixtures/README.md",
    "ui-tests/README.md",
];

/// Folders with sources.
pub(crate) const SOURCES: [&str; 6] = [
    "nether",
    "nether-macros/src",
    "tests",
    "benches",
    "examples",
    "ui-tests/tests",
];

/// The pages that exist.
pub(crate) fn pages(root: &Path) -> Vec<Document> {
    let files = PAGES.iter().filter_map(|path| File::read(root, path));
    files.map(|file| Document::page(&file)).collect()
}

/// The long documentation of attributes, as the API shows it.
pub(crate) fn attributes(root: &Path) -> Vec<Document> {
    let files = files(root, "nether/src/docs", "md");
    files.iter().map(Document::page).collect()
}

/// The doc comments of all sources.
pub(crate) fn comments(root: &Path) -> Vec<Document> {
    let files = SOURCES.iter().flat_map(|folder| files(root, folder, "rs"));
    files.map(|file| Document::comments(&file)).collect()
}

/// The other comments of all sources.
pub(crate) fn asides(root: &Path) -> Vec<Document> {
    let files = SOURCES.iter().flat_map(|folder| files(root, folder, "rs"));
    files.map(|file| Document::asides(&file)).collect()
}

/// The sources that are compiled into a user's program: the runtime, the macros and the adapters.
pub(crate) fn libraries(root: &Path) -> Vec<File> {
    let adapters = folders(root, "nether/adapters");
    let adapters = adapters
        .iter()
        .map(|adapter| format!("nether/adapters/{adapter}/src"));
    let folders = ["nether/src".to_owned(), "nether-macros/src".to_owned()];
    let folders = folders.into_iter().chain(adapters);
    folders
        .flat_map(|folder| files(root, &folder, "rs"))
        .collect()
}
