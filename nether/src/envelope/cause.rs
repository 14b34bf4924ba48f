//! [`Cause`]: what caused a message, and how long the chain of causes is.

use std::iter;
use std::sync::Arc;

/// The causes of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    /// The number, in the same context, of the message that was being handled when this one was sent.
    pub(crate) sequence: Option<u64>,
    /// How many messages caused each other up to this one; 0 for the root of a unit of work, 1 for what it
    /// sends.
    pub(crate) depth: u32,
    /// The names of the causes, from half of the permitted depth on: a healthy chain allocates nothing, and a
    /// runaway one shows its circle.
    trail: Option<Arc<Link>>,
}

#[derive(Debug)]
struct Link {
    message: &'static str,
    previous: Option<Arc<Link>>,
}

/// A chain is as long as `max_depth` lets it be. Left to itself, its last link would drop the one before it,
/// and so on, each on top of the other on the stack.
impl Drop for Link {
    fn drop(&mut self) {
        let mut previous = self.previous.take();
        while let Some(mut link) = previous.and_then(Arc::into_inner) {
            previous = link.previous.take();
        }
    }
}

impl Cause {
    /// The cause to attach to messages that the handler of `message` (its name and number) sends; `self` is
    /// the cause of `message` itself.
    #[inline]
    pub(crate) fn child(&self, message: Option<(&'static str, u64)>, max_depth: u32) -> Cause {
        let depth = self.depth + 1;
        let trail = match message {
            Some((message, _)) if depth > max_depth / 2 => Some(Arc::new(Link {
                message,
                previous: self.trail.clone(),
            })),
            _ => None,
        };
        Cause {
            sequence: message.map(|(_, sequence)| sequence),
            depth,
            trail,
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
            && self.trail.is_none()
            && other.trail.is_none()
    }

    /// The names on the trail, oldest first, and `last`.
    pub(crate) fn chain(&self, last: Option<&'static str>) -> Vec<&'static str> {
        let links = iter::successors(self.trail.as_deref(), |link| link.previous.as_deref());
        let mut names: Vec<_> = last
            .into_iter()
            .chain(links.map(|link| link.message))
            .collect();
        names.reverse();
        names
    }
}
