//! [`Resource`]: a value that the program provides once, and that modules ask for by type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::error::{Error, Result, described};

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
///
/// # Several of one type
///
/// A second value of one type has a name, and the argument says which it asks for:
///
/// ```standalone_crate
/// use nether::prelude::*;
///
/// pub struct Pool {
///     host: &'static str,
/// }
///
/// #[query(reply = String)]
/// pub struct Hosts;
///
/// pub struct Database {
///     pools: [Resource<Pool>; 2],
/// }
///
/// #[module(handles = Hosts)]
/// impl Database {
///     #[init]
///     fn new(main: Resource<Pool>, #[resource("replica")] replica: Resource<Pool>) -> Self {
///         Database { pools: [main, replica] }
///     }
///
///     async fn hosts(&self, _: Hosts) -> String {
///         self.pools.each_ref().map(|pool| pool.host).join(", ")
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// let system = System::builder()
///     .provide(Pool { host: "db-1" })
///     .provide_named("replica", Pool { host: "db-2" })
///     .start()
///     .await?;
/// assert_eq!(system.context().ask(Hosts).await?, "db-1, db-2");
/// # Ok(()) }
/// ```
pub struct Resource<T: ?Sized>(Arc<T>);

impl<T> Resource<T> {
    /// A resource that no system provides: for a test that calls the method that asks for it.
    pub fn new(value: T) -> Self {
        Resource(Arc::new(value))
    }
}

impl<T> Resource<T> {
    pub(crate) fn into_arc(self) -> Arc<T> {
        self.0
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

    /// Finds the resource that the argument asks for, which has a name if there are several of its type.
    ///
    /// # Errors
    /// If the program does not provide it. The check at start-up reports that before.
    fn of(resources: &Resources, name: Option<&'static str>) -> Result<Self>;

    /// Both, for generated code: code that asks for them in one place gets one error for a mistake.
    const SLOT: InitSlot<Self> = InitSlot {
        descriptor: Self::DESCRIPTOR,
        of: Self::of,
    };
}

/// How an argument of `#[init]` is described and found, without a bound on its type.
#[doc(hidden)]
#[derive(Debug)]
pub struct InitSlot<T> {
    /// The type of the resource.
    pub descriptor: ResourceDescriptor,
    /// Finds it.
    of: fn(&Resources, Option<&'static str>) -> Result<T>,
}

impl<T> InitSlot<T> {
    /// The one of that name.
    pub const fn named(self, name: &'static str) -> Self {
        InitSlot {
            descriptor: self.descriptor.named(name),
            of: self.of,
        }
    }

    /// Finds it.
    ///
    /// # Errors
    /// As [`InitArgument::of`].
    pub fn find(&self, resources: &Resources) -> Result<T> {
        (self.of)(resources, self.descriptor.named)
    }
}

// Recommended, for a type that cannot be shared by threads: the compiler then says that of the type itself.
impl<T: Send + Sync + 'static> InitArgument for Resource<T> {
    const DESCRIPTOR: ResourceDescriptor = ResourceDescriptor::of::<T>("`builder.provide(..)`");

    fn of(resources: &Resources, name: Option<&'static str>) -> Result<Self> {
        let provided = resources.provided.get(&(TypeId::of::<T>(), name));
        let value = provided.and_then(|it| Arc::clone(&it.value).downcast().ok());
        value.map(Resource).ok_or_else(|| {
            let resource = described(&public(type_name::<T>()), name);
            Error::msg(format_args!("the system has no {resource}"))
        })
    }
}

/// The resources of a program, by type and name.
#[derive(Default, Clone)]
pub struct Resources {
    provided: HashMap<(TypeId, Option<&'static str>), Provided>,
    /// Those that were provided again, in the order in which they were.
    again: Vec<ProvidedAgain>,
}

/// A resource.
#[derive(Clone)]
struct Provided {
    /// The name of its type.
    type_name: &'static str,
    /// The call that provides it.
    place: &'static Location<'static>,
    value: Arc<dyn Any + Send + Sync>,
}

/// A resource that is provided twice.
#[derive(Debug, Clone)]
pub(crate) struct ProvidedAgain {
    /// Its type, as a program names it.
    pub(crate) resource: String,
    pub(crate) name: Option<&'static str>,
    /// The calls that provide it.
    pub(crate) places: [&'static Location<'static>; 2],
}

impl Resources {
    /// Adds one. The first of its type and name stays.
    pub(crate) fn put<T: Send + Sync + 'static>(
        &mut self,
        value: T,
        name: Option<&'static str>,
        place: &'static Location<'static>,
    ) {
        let type_name = type_name::<T>();
        match self.provided.entry((TypeId::of::<T>(), name)) {
            Entry::Occupied(first) => self.again.push(ProvidedAgain {
                resource: public(type_name),
                name,
                places: [first.get().place, place],
            }),
            Entry::Vacant(free) => {
                free.insert(Provided {
                    type_name,
                    place,
                    value: Arc::new(value),
                });
            }
        }
    }

    /// All, as a program names them.
    pub(crate) fn names(&self) -> Vec<String> {
        let provided = self.provided.iter();
        let mut names: Vec<String> = provided
            .map(|((_, name), it)| described(&public(it.type_name), *name))
            .collect();
        names.sort();
        names
    }

    pub(crate) fn has(&self, resource: &ResourceDescriptor) -> bool {
        self.provided
            .contains_key(&((resource.id)(), resource.named))
    }

    /// Those that are provided twice.
    pub(crate) fn provided_again(&self) -> &[ProvidedAgain] {
        &self.again
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources")
            .field("count", &self.provided.len())
            .finish()
    }
}

/// A resource that a module asks for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ResourceDescriptor {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
    /// Its own name, if there are several of its type.
    named: Option<&'static str>,
    given_by: &'static str,
}

impl ResourceDescriptor {
    /// The resource of that type, and the call that gives it.
    pub const fn of<T: 'static>(given_by: &'static str) -> Self {
        ResourceDescriptor {
            id: TypeId::of::<T>,
            name: type_name::<T>,
            named: None,
            given_by,
        }
    }

    /// The one of that name.
    pub const fn named(self, name: &'static str) -> Self {
        ResourceDescriptor {
            named: Some(name),
            ..self
        }
    }

    /// Whether it is the same.
    pub(crate) fn is_same(&self, other: &ResourceDescriptor) -> bool {
        (self.id)() == (other.id)() && self.named == other.named
    }

    /// Its type, as a program names it.
    pub(crate) fn type_name(&self) -> String {
        public((self.name)())
    }

    /// Its own name, if there are several of its type.
    pub(crate) fn own_name(&self) -> Option<&'static str> {
        self.named
    }

    /// The call that gives it.
    pub(crate) fn given_by(&self) -> String {
        match self.named {
            Some(name) => format!("`builder.provide_named(\"{name}\", ..)`"),
            None => self.given_by.to_owned(),
        }
    }
}

/// The name of a type with paths that a program can write. The compiler knows the place of the definition:
/// here that is in a private module, whose items are exported from the crate's root, or from `eventstore` or
/// `http`; and what `std` exports is in `alloc` and `core`.
fn public(name: &str) -> String {
    let is_of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut public = String::with_capacity(name.len());
    for piece in name.split_inclusive(|letter| !is_of_path(letter)) {
        let path = piece.trim_end_matches(|letter| !is_of_path(letter));
        let segments: Vec<&str> = path.split("::").collect();
        match segments.as_slice() {
            ["nether", area @ ("eventstore" | "http"), .., ty] => {
                public.extend(["nether::", area, "::", ty]);
            }
            ["nether", _, .., ty] => public.extend(["nether::", ty]),
            ["alloc" | "core", ..] => {
                public.push_str("std");
                public.extend(segments[1..].iter().flat_map(|segment| ["::", segment]));
            }
            _ => public.push_str(path),
        }
        public.push_str(&piece[path.len()..]);
    }
    public
}

#[cfg(test)]
mod tests {
    use super::public;

    #[test]
    fn names_are_such_that_a_program_can_write_them() {
        for (name, expected) in [
            (
                "nether::eventstore::store::Store",
                "nether::eventstore::Store",
            ),
            ("nether::eventstore::Store", "nether::eventstore::Store"),
            ("nether::system::System", "nether::System"),
            (
                "(alloc::sync::Arc<dyn app::rates::Rates + core::marker::Send>, u16)",
                "(std::sync::Arc<dyn app::rates::Rates + std::marker::Send>, u16)",
            ),
            ("&app::core::Settings", "&app::core::Settings"),
        ] {
            assert_eq!(public(name), expected);
        }
    }
}
