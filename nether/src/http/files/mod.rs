//! Folders of files.

pub(super) mod folder;
pub(super) mod late_file;
pub(super) mod places;
pub(super) mod ranges;
