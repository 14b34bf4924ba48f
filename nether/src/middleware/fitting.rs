//! [`Fitting`]: whether a type in a list stands around a message. Generated code asserts it once, at the
//! list, and makes the chain of what does; so one mistake has one error.

use std::marker::PhantomData;
use std::ops::Deref;

use crate::message::Message;
use crate::middleware::Middleware;
use crate::middleware::chain::{LeftOut, Named};

/// A parcel whose message the compiler reports nothing else about.
#[doc(hidden)]
pub trait Surroundable {
    /// Its message.
    type Inside: Message;
}

/// A type in a list, and the parcel of a message.
///
/// It has the methods whose `impl` blocks hold. In place of one that it does not have, the compiler finds
/// that of [`Misfit`], because it looks for methods in what a type derefs to last.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fitting<T, P>(PhantomData<fn() -> (T, P)>);

/// The type in a list, and the parcel of a message.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn fitting<T, P>() -> Fitting<T, P> {
    Fitting(PhantomData)
}

impl<T, P: Surroundable> Fitting<T, P> {
    /// Asserts that the type stands around the message.
    #[doc(hidden)]
    pub fn stands_around(&self)
    where
        T: Middleware<P::Inside>,
    {
    }
}

impl<T, P> Fitting<T, P>
where
    T: Middleware<P::Inside>,
    P: Surroundable<Inside: Send + Sync>,
{
    /// What the chain has of it.
    #[doc(hidden)]
    pub fn entry(&self) -> Named<T> {
        Named::new()
    }
}

impl<T, P> Deref for Fitting<T, P> {
    type Target = Misfit;

    fn deref(&self) -> &Misfit {
        &Misfit
    }
}

/// A type in a list that does not stand around the message, or one about whose message there is another
/// error.
#[doc(hidden)]
#[derive(Debug)]
pub struct Misfit;

impl Misfit {
    /// Asserts nothing.
    #[doc(hidden)]
    pub fn stands_around(&self) {}

    /// What the chain has of it.
    #[doc(hidden)]
    pub fn entry(&self) -> LeftOut {
        LeftOut
    }
}

/// Whose messages middleware may see. (As a trait of the message, the compiler would advise to borrow it.)
#[doc(hidden)]
#[derive(Debug)]
pub enum Surrounded {}

/// Middleware may see the message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "no middleware can stand around `{M}`: it is not `Sync`",
    label = "not `Sync`, and its handler has middleware",
    note = "middleware sees the message beside its handler, in any thread: let `{M}` hold what threads can share \
            (`Mutex` or an atomic in place of `Cell` and `RefCell`)",
    note = "or take the middleware out of the module's list, and name it at the handlers of other messages: \
            `#[handler(with = [..])]`"
)]
pub trait Sees<M> {}

#[diagnostic::do_not_recommend]
impl<M: Sync> Sees<M> for Surrounded {}

/// Asserts that middleware may see the message.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn seen_by_middleware<M>()
where
    Surrounded: Sees<M>,
{
}
