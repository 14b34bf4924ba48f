//! [`Audience`]: which events of a stream a client may see, if the event says `requires = function`.

use crate::http::endpoints::endpoint::Endpoint;
use crate::http::events::feed::Written;
use crate::message::Event;
use crate::principal::Principal;

/// Whether a principal may see an event.
type MaySee = fn(&Principal, &Written) -> bool;

/// What decides about the events of a type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudienceRule {
    pub(super) may_see: MaySee,
    /// How many bytes the type has that is shown to the functions, without what it points to.
    pub(crate) bytes: usize,
}

/// The principal who listens, and the rule that decides about each event.
pub(super) struct Audience {
    pub(super) principal: Principal,
    pub(super) may_see: MaySee,
}

impl Audience {
    pub(super) fn may_see(&self, event: &Written) -> bool {
        (self.may_see)(&self.principal, event)
    }
}

/// What decides about the events of that type; `None` if there is no function to ask.
pub(crate) const fn audience<E: Endpoint + Event>() -> Option<AudienceRule> {
    match E::ACCESS {
        Some(rule) if !rule.functions.is_empty() => Some(AudienceRule {
            may_see: may_see::<E>,
            bytes: size_of::<E>(),
        }),
        _ => None,
    }
}

/// Whether a principal may see an event; none may see one that cannot be read.
fn may_see<E: Endpoint + Event>(principal: &Principal, event: &Written) -> bool {
    let typed = event.typed.get::<E>(event.text());
    let rule = E::ACCESS.zip(typed);
    rule.is_some_and(|(rule, event)| rule.allows(principal, event))
}
