//! [`Resource`]: a value that the program provides once, and that modules ask for by type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A value of type `T` that the program provided with `System::builder().provide(..)`: an argument of
/// `#[init]`.
///
/// A clone is another handle to the same value.
///
/// ```standalone_crate
/// use nether::prelude::*;
///
/// pub struct Rates {
///     vat: f64,
/// }
///
/// #[query(reply = f64)]
/// pub struct Gross(f64);
///
/// pub struct Taxes {
///     rates: Resource<Rates>,
/// }
///
/// #[module(handles = Gross)]
/// impl Taxes {
///     #[init]
///     fn new(rates: Resource<Rates>) -> Self {
///         Taxes { rates }
///     }
///
///     async fn gross(&self, Gross(net): Gross) -> f64 {
///         net * (1.0 + self.rates.vat)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// let system = System::builder().provide(Rates { vat: 0.2 }).start().await?;
/// assert_eq!(system.context().ask(Gross(100.0)).await?, 120.0);
/// # Ok(()) }
/// ```
///
/// # Traits
///
/// A resource is found by its exact type. So for a trait, provide and ask for an `Arc` of it, and cast where
/// you provide it:
///
/// ```standalone_crate
/// use std::sync::Arc;
///
/// use nether::prelude::*;
///
/// pub trait Rates: Send + Sync {
///     fn vat(&self) -> f64;
/// }
///
/// pub struct Fixed;
///
/// impl Rates for Fixed {
///     fn vat(&self) -> f64 {
///         0.2
///     }
/// }
///
/// #[query(reply = f64)]
/// pub struct Gross(f64);
///
/// pub struct Taxes {
///     rates: Resource<Arc<dyn Rates>>,
/// }
///
/// #[module(handles = Gross)]
/// impl Taxes {
///     #[init]
///     fn new(rates: Resource<Arc<dyn Rates>>) -> Self {
///         Taxes { rates }
///     }
///
///     async fn gross(&self, Gross(net): Gross) -> f64 {
///         net * (1.0 + self.rates.vat())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// let system = System::builder().provide(Arc::new(Fixed) as Arc<dyn Rates>).start().await?;
/// assert_eq!(system.context().ask(Gross(100.0)).await?, 120.0);
/// # Ok(()) }
/// ```
pub struct Resource<T: ?Sized>(Arc<T>);

impl<T> Resource<T> {
    /// A resource that no system provides: for a test that calls the method that asks for it.
    pub fn new(value: T) -> Self {
        Resource(Arc::new(value))
    }
}

impl<T: ?Sized> Clone for Resource<T> {
    fn clone(&self) -> Self {
        Resource(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An argument of `#[init]`: a [`Resource`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`#[init]` cannot ask for a `{Self}`",
    label = "not a resource",
    note = "arguments of `#[init]` are resources: `Resource<{Self}>`, given with `System::builder().provide(..)`"
)]
pub trait InitArgument: Sized {
    /// The type of the resource.
    const DESCRIPTOR: ResourceDescriptor;

    /// Finds the resource that the argument asks for.
    ///
    /// # Errors
    /// If the program does not provide it. The check at start-up reports that before.
    fn of(resources: &Resources) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> InitArgument for Resource<T> {
    const DESCRIPTOR: ResourceDescriptor = ResourceDescriptor {
        id: TypeId::of::<T>,
        name: type_name::<T>,
    };

    fn of(resources: &Resources) -> Result<Self> {
        let value = resources.0.get(&TypeId::of::<T>()).cloned();
        let value = value.and_then(|value| value.downcast().ok());
        value
            .map(Resource)
            .ok_or_else(|| Error::msg(format_args!("nobody provided a `{}`", type_name::<T>())))
    }
}

/// The resources of a program, by type.
#[derive(Default, Clone)]
pub struct Resources(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Resources {
    pub(crate) fn put<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn has(&self, resource: &ResourceDescriptor) -> bool {
        self.0.contains_key(&(resource.id)())
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources")
            .field("count", &self.0.len())
            .finish()
    }
}

/// A resource that a module asks for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ResourceDescriptor {
    id: fn() -> TypeId,
    /// The name of its type.
    pub(crate) name: fn() -> &'static str,
}
