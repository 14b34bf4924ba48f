//! [`Folder`]: where the files of a turn are.

use std::path::PathBuf;

/// A folder of its own, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one in the folder for temporary files. Its name must not be in use in this process.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nether-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
