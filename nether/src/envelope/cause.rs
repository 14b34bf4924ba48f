//! [`Cause`]: what caused a message, and how long the chain of causes is.

use std::iter;
use std::sync::Arc;

use crate::trace::{SenderSpan, TraceContext};

/// The causes of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    /// The number, in the same context, of the message that was being handled when this one was sent.
    pub(crate) sequence: Option<u64>,
    /// How many messages caused each other up to this one; 0 for the root of a unit of work, 1 for what it
    /// sends.
    pub(crate) depth: u32,
    /// The parts that few messages carry.
    link: Option<Arc<CauseLink>>,
}

/// What a message carries of its cause besides its number, if its chain is long, or if there are spans.
#[derive(Debug)]
pub(crate) struct CauseLink {
    /// The names of the causes, from half of the permitted depth on: a healthy chain keeps none, and a
    /// runaway one shows its circle.
    names: Option<Arc<NamesOfCauses>>,
    /// The span in which the message was sent.
    sender: Option<SenderSpan>,
    /// The trace of the span in which the message is handled. Not sent.
    own: Option<TraceContext>,
}

#[derive(Debug)]
struct NamesOfCauses {
    message: &'static str,
    previous: Option<Arc<NamesOfCauses>>,
}

/// A chain is as long as `max_depth` lets it be. Left to itself, its last link would drop the one before it,
/// and so on, each on top of the other on the stack.
impl Drop for NamesOfCauses {
    fn drop(&mut self) {
        let mut previous = self.previous.take();
        while let Some(mut names) = previous.and_then(Arc::into_inner) {
            previous = names.previous.take();
        }
    }
}

impl Cause {
    /// The cause to attach to messages that the handler of the message with that number sends; `self` is the
    /// cause of that message itself.
    #[inline]
    pub(crate) fn child(&self, sequence: Option<u64>, link: Option<Arc<CauseLink>>) -> Cause {
        Cause {
            sequence,
            depth: self.depth + 1,
            link,
        }
    }

    /// The link for messages that the handler of a message sends, if there is anything to carry: the
    /// message's name, in a long chain, and the span.
    pub(crate) fn link(
        &self,
        message: Option<&'static str>,
        sender: Option<SenderSpan>,
    ) -> Option<Arc<CauseLink>> {
        let names = message.map(|message| {
            let previous = self.link.as_ref().and_then(|link| link.names.clone());
            Arc::new(NamesOfCauses { message, previous })
        });
        let is_worth_it = names.is_some() || sender.is_some();
        is_worth_it.then(|| {
            Arc::new(CauseLink {
                names,
                sender,
                own: None,
            })
        })
    }

    /// The span in which the message was sent.
    pub(crate) fn sender(&self) -> Option<&SenderSpan> {
        self.link.as_ref()?.sender.as_ref()
    }

    /// The trace of the span in which the message is handled, or else of that in which it was sent.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        let link = self.link.as_ref()?;
        let of_sender = link
            .sender
            .as_ref()
            .and_then(|sender| sender.trace.as_ref());
        link.own.as_ref().or(of_sender)
    }

    /// Notes the trace of the span in which the message is handled from now on.
    pub(crate) fn set_own_trace(&mut self, own: Option<TraceContext>) {
        let link = self.link.as_deref();
        let is_set = link.is_some_and(|link| link.own.is_some());
        if is_set || own.is_some() {
            self.link = Some(Arc::new(CauseLink {
                names: link.and_then(|link| link.names.clone()),
                sender: link.and_then(|link| link.sender.clone()),
                own,
            }));
        }
    }

    /// This cause in another unit of work, where the number means nothing.
    pub(crate) fn elsewhere(self) -> Cause {
        Cause {
            sequence: None,
            ..self
        }
    }

    /// Whether it is the same cause, as far as that costs nothing to say.
    #[inline]
    pub(crate) fn is(&self, other: &Cause) -> bool {
        self.sequence == other.sequence
            && self.depth == other.depth
            && self.link.is_none()
            && other.link.is_none()
    }

    /// The names on the trail, oldest first, and `last`.
    pub(crate) fn chain(&self, last: Option<&'static str>) -> Vec<&'static str> {
        let names = self.link.as_ref().and_then(|link| link.names.as_deref());
        let links = iter::successors(names, |names| names.previous.as_deref());
        let mut names: Vec<_> = last
            .into_iter()
            .chain(links.map(|link| link.message))
            .collect();
        names.reverse();
        names
    }
}
