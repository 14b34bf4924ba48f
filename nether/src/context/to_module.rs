//! [`deliver`]: one parcel to one module.

use std::sync::Arc;
use std::task::Context;

use crate::context::handle::Handle;
use crate::context::posting::{PostStage, Posted};
use crate::context::visible::{VisibleWait, visibly};
use crate::envelope::{Label, Parcel, Source};
use crate::message::Message;
use crate::route::{Route, To, Unaccepted, offer};

/// Hands one parcel to one module. The delivery is admitted already.
#[inline]
pub(super) fn deliver<P: Parcel>(
    handle: &Handle,
    source: Source<'_>,
    label: Label,
    route: &Route<P>,
    parcel: P,
    cx: &mut Context<'_>,
) -> Posted<P> {
    match route.to(parcel.sent()) {
        To::Queue(queue) => {
            let waits = handle.waits_at(&**queue);
            let Err(unaccepted) = offer(queue, source, label, parcel, waits, cx) else {
                return None;
            };
            match *unaccepted {
                Unaccepted::Waiting(waiting) => {
                    let offering = PostStage::Offering(waiting, VisibleWait::default());
                    Some(Box::new(offering))
                }
                Unaccepted::Rejected(rejected) => {
                    PostStage::refused(rejected.error(P::Message::NAME, &**queue))
                }
            }
        }
        To::Inline(inline) => {
            match Arc::clone(inline).post(parcel, source.header(label), handle.waits_for_turn()) {
                Ok(None) => None,
                Ok(Some(wait)) => {
                    let wait = visibly(handle, label.sequence(), wait);
                    Some(Box::new(PostStage::Waiting(wait)))
                }
                Err(refused) => PostStage::refused(refused),
            }
        }
    }
}
