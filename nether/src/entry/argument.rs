//! What `main` may ask for.

use crate::error::StartError;
use crate::system::{System, SystemBuilder};

/// What `main` or a test may ask for: a started [`System`], or a [`SystemBuilder`] to start it itself.
#[diagnostic::on_unimplemented(
    message = "`main` and tests cannot ask for a `{Self}`",
    label = "ask for a `System` or a `SystemBuilder`",
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

#[diagnostic::do_not_recommend]
impl Argument for SystemBuilder {
    async fn of(builder: SystemBuilder) -> Result<Self, StartError> {
        Ok(builder)
    }
}
