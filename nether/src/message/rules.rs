//! [`DerivedRules`]: the rules of a message whose attribute says `validate` alone.

use garde::Validate;

use crate::error::Violations;

/// A message that derives its rules.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says `validate`, but derives no rules",
    label = "no rules are derived for `{Self}`",
    note = "derive them, below the attribute: `#[derive(garde::Validate)]`, with `#[garde(..)]` on each field",
    note = "or name a function: `validate = Self::check`, with `fn check(&self) -> Result<(), nether::Violations>`"
)]
pub trait DerivedRules {
    /// Checks them.
    fn check(&self) -> Result<(), Violations>;
}

#[diagnostic::do_not_recommend]
impl<M> DerivedRules for M
where
    M: Validate<Context: Default>,
{
    fn check(&self) -> Result<(), Violations> {
        self.validate().map_err(Violations::from)
    }
}

/// Checks the derived rules of a message.
pub fn derived_rules<M: DerivedRules>(message: &M) -> Result<(), Violations> {
    message.check()
}
