//! Says that serving needs the feature `http`, which is off.

use crate::error::Result;
use crate::system::System;

/// What the address of a server is without the feature: nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`System::serve` needs the feature `http` of `nether`",
    label = "the feature is off",
    note = "enable it: `nether = {{ version = \"..\", features = [\"http\"] }}`"
)]
pub trait ServesHttp {
    /// The server.
    type Served: Future<Output = Result<()>>;

    /// Serves here.
    fn serve(self) -> Self::Served;
}

impl System {
    #[doc(hidden)]
    pub fn serve<A: ServesHttp>(&self, address: A) -> A::Served {
        address.serve()
    }
}
