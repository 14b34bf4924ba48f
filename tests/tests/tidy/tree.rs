//! The files of a tree: the repository, or a small one that a test has written.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what is built, not what is written.
const BUILT: [&str; 3] = ["target", "wip", ".git"];

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the workspace").to_path_buf()
}

/// A file of the tree, with its text.
pub(crate) struct File {
    /// Relative to the root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The file; `None` if it does not exist.
    pub(crate) fn read(root: &Path, path: &str) -> Option<Self> {
        let text = fs::read_to_string(root.join(path)).ok()?;
        let path = path.to_owned();
        Some(File { path, text })
    }
}

/// All files below a folder that end in `.extension`, in order. A folder that does not exist has none.
pub(crate) fn files(root: &Path, folder: &str, extension: &str) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root.join(folder), extension, &mut paths);
    paths.sort();
    let relative = paths.iter().map(|path| {
        let path = path.strip_prefix(root).expect("below the root");
        path.to_string_lossy().replace('\\', "/")
    });
    relative
        .filter_map(|path| File::read(root, &path))
        .collect()
}

/// The names of the folders in a folder, in order.
pub(crate) fn folders(root: &Path, folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        return Vec::new();
    };
    let entries = entries.filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !is_built(name)).collect();
    names.sort();
    names
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            if !is_built(&entry.file_name().to_string_lossy()) {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

fn is_built(name: &str) -> bool {
    BUILT.contains(&name)
}
