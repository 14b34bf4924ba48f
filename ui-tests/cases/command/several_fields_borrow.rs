use nether::prelude::*;

use std::ffi::{CStr, OsStr};
use std::path::Path;

#[command]
pub struct Open {
    pub path: &Path,
    pub folders: Vec<&'a std::path::Path>,
    pub extension: Option<&OsStr>,
    pub symbol: &CStr,
}

fn main() {}
