//! What `main` may ask for.

use crate::error::StartError;
use crate::system::{System, SystemBuilder};

/// What `main` or a test may ask for: a started [`System`] (a test, also a `TestSystem`), or a
/// [`SystemBuilder`] to start it itself.
#[diagnostic::on_unimplemented(
    message = "`main` and tests cannot ask for a `{Self}`",
    label = "ask for a `System` or a `SystemBuilder`, or in a test for a `TestSystem`",
    note = "`async fn main(system: System)` gets a started system, `async fn main(builder: SystemBuilder)` starts it itself"
)]
pub trait Argument: Sized {
    /// Makes it.
    fn of(builder: SystemBuilder) -> impl Future<Output = Result<Self, StartError>>;
}

#[diagnostic::do_not_recommend]
impl Argument for System {
    async fn of(builder: SystemBuilder) -> Result<Self, StartError> {
        builder.start().await
    }
}

#[cfg(feature = "test")]
#[diagnostic::do_not_recommend]
impl Argument for crate::testing::TestSystem {
    async fn of(builder: SystemBuilder) -> Result<Self, StartError> {
        builder.start_test().await
    }
}

#[diagnostic::do_not_recommend]
impl Argument for SystemBuilder {
    async fn of(builder: SystemBuilder) -> Result<Self, StartError> {
        Ok(builder)
    }
}
