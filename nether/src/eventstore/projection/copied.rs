//! [`Copied`]: whether a projection can be copied, as a value.

use std::marker::PhantomData;

/// A type, of which `Copied::<T>::COPY` says how it is copied: its own constant if it is [`Clone`], and else
/// that of [`NeverCopied`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Copied<T>(PhantomData<T>);

impl<T: Clone> Copied<T> {
    /// By its `Clone`.
    pub const COPY: Option<fn(&T) -> T> = Some(T::clone);
}

/// A type that is not [`Clone`].
#[doc(hidden)]
pub trait NeverCopied<T> {
    /// Not at all.
    const COPY: Option<fn(&T) -> T> = None;
}

impl<T> NeverCopied<T> for Copied<T> {}
