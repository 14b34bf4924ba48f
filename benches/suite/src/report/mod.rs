//! Tells.
