//! What a decision may ask for besides its command: [`DecisionArgument`].

use crate::error::Result;
use crate::resources::{InitArgument, ResourceDescriptor, Resources};

/// A resource: given to each decision that asks for it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a decision cannot ask for a `{Self}`",
    label = "not a resource",
    note = "what a decision takes besides its command are resources: `Resource<{Self}>`, given with `System::builder().provide(..)`"
)]
pub trait DecisionArgument: Sized {
    /// Which one it is.
    const DESCRIPTOR: ResourceDescriptor;

    /// Takes the one of that name from what the program provides.
    fn of(resources: &Resources, name: Option<&'static str>) -> Result<Self>;

    /// Gives it to a decision.
    fn given(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: InitArgument + Clone> DecisionArgument for T {
    const DESCRIPTOR: ResourceDescriptor = <T as InitArgument>::DESCRIPTOR;

    fn of(resources: &Resources, name: Option<&'static str>) -> Result<Self> {
        <T as InitArgument>::of(resources, name)
    }

    fn given(&self) -> Self {
        self.clone()
    }
}
