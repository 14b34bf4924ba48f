//! [`Small`]: a tree in a temporary folder, on which a test shows that a check fires.

use std::fs;
use std::path::Path;

use nether_tests::Folder;

use crate::tree::repository;

/// A tree of a test's own, removed when it is dropped.
pub(crate) struct Small(Folder);

impl Small {
    /// An empty one. No other test has one of that name.
    pub(crate) fn new(name: &str) -> Self {
        Small(Folder::new(&format!("tidy-{name}")))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0.0
    }

    /// Writes a file, in place of what was there.
    pub(crate) fn write(self, path: &str, text: &str) -> Self {
        let path = self.root().join(path);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
        self
    }

    /// Copies a file or a folder of the repository.
    pub(crate) fn copy(self, path: &str) -> Self {
        copy(&repository().join(path), &self.root().join(path));
        self
    }

    /// Replaces a text that occurs once in a file.
    #[track_caller]
    pub(crate) fn replace(self, path: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.root().join(path)).expect("the file was written");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {path}");
        self.write(path, &text.replace(from, to))
    }

    /// Adds lines at the end of a file.
    pub(crate) fn append(self, path: &str, more: &str) -> Self {
        let text = fs::read_to_string(self.root().join(path)).expect("the file was written");
        self.write(path, &format!("{text}{more}"))
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).expect("a folder") {
            let name = entry.expect("readable").file_name();
            if name != "target" {
                copy(&from.join(&name), &to.join(&name));
            }
        }
    } else {
        let folder = to.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::copy(from, to).expect("a file can be copied");
    }
}
