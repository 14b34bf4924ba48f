//! Nothing here: the cases are in `cases/`, and `tests/ui.rs` runs them.
