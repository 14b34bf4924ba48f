//! The small concurrent cores of Nether, in every interleaving of their threads: see `tests/`. The sources
//! are those of the runtime, compiled with shuttle's locks and atomics in place of the standard library's.
