//! [`Folder`]: where a test may write.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many folders this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A folder of a test's own, removed when this is dropped.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// An empty folder that no other test has, also where another test gives the same name.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn new(name: &str) -> Self {
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("nether-{process}-{number}-{name}"));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    /// The file of a store in it.
    pub fn file(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
