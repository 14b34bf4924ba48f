//! Long runs in release. The programs are in `tests/` and `src/bin/`.
