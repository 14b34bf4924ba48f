//! How much memory the process has in use.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// What the process allocates with. What it keeps for itself differs from run to run, what is asked of it
/// does not.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Bytes that were allocated and not yet given back.
pub fn in_use() -> usize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}
