//! What a workflow is. Knows nothing of how its steps are done.

pub mod plan;
pub mod workflow;
