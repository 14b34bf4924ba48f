//! [`Principal`]: on whose behalf a unit of work is done, with roles and claims.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "json")]
mod written;

/// The user, program or device on whose behalf a unit of work is done: an ID, roles, and claims.
///
/// An authenticator of the web server makes it of a request; a unit of work that the program opens itself
/// gets it from [`with_principal`](crate::Context::with_principal). It travels with the unit of work:
/// handlers read it from [`principal`](crate::QueryContext::principal), and the decisions of an aggregate
/// from its facts. The check of a message that says `requires = ".."` reads its roles.
///
/// Spans and stored events have the ID alone, never roles or claims. Choose an ID that stays the same for
/// ever, and that is no personal data: an account number rather than an e-mail address.
///
/// Clones share their content, so they are cheap.
///
/// ```
/// use nether::{Claim, Principal};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// pub struct Tenant(pub u32);
///
/// impl Claim for Tenant {
///     const NAME: &'static str = "tenant";
/// }
///
/// let ann = Principal::new("user-7").with_role("orders.write").with_claim(Tenant(3));
/// assert!(ann.has_role("orders.write"));
/// assert_eq!(ann.claim::<Tenant>(), Some(&Tenant(3)));
/// ```
#[derive(Clone)]
pub struct Principal(Arc<Identity>);

/// The ID, roles and claims of a principal.
#[derive(Clone, Default)]
struct Identity {
    /// `None` for an anonymous one.
    id: Option<Arc<str>>,
    roles: BTreeSet<Cow<'static, str>>,
    /// One of each name.
    claims: Vec<HeldClaim>,
}

/// What else is known of a principal than its ID and roles: the tenant, the e-mail address, a limit. Each
/// claim is a type of its own.
///
/// A principal may be written down and read elsewhere, in a session or another process, so a claim can be
/// serialized, and has a name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a claim of a principal",
    label = "not a claim",
    note = "give it a name: `impl nether::Claim for {Self} {{ const NAME: &'static str = \"..\"; }}`, and derive `Serialize` and `Deserialize` for it"
)]
pub trait Claim: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which the claim is written down. A principal has one claim of each name.
    const NAME: &'static str;
}

/// A claim of a principal.
#[derive(Clone)]
struct HeldClaim {
    name: Cow<'static, str>,
    value: ClaimValue,
}

#[derive(Clone)]
enum ClaimValue {
    /// A value of the type that the program gave.
    Typed {
        value: Arc<dyn Any + Send + Sync>,
        #[cfg(feature = "json")]
        write: written::WriteClaim,
    },
    /// A value that was read, and is of the type that asks for it first.
    #[cfg(feature = "json")]
    Read(Arc<written::ReadClaim>),
}

impl Principal {
    /// The principal with that ID, without roles or claims.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Principal(Arc::new(Identity {
            id: Some(id.into()),
            ..Identity::default()
        }))
    }

    /// The anonymous principal: what an authenticator returns for a request without credentials that may go
    /// on all the same. A unit of work with it has no principal.
    pub fn anonymous() -> Self {
        Principal(Arc::default())
    }

    /// Adds a role: something that the principal may do, such as `orders.write`, or is, such as `admin`.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Cow<'static, str>>) -> Self {
        self.identity().roles.insert(role.into());
        self
    }

    /// Adds several roles.
    #[must_use]
    pub fn with_roles(
        mut self,
        roles: impl IntoIterator<Item = impl Into<Cow<'static, str>>>,
    ) -> Self {
        let roles = roles.into_iter().map(Into::into);
        self.identity().roles.extend(roles);
        self
    }

    /// Adds a claim, in place of one of the same name.
    #[must_use]
    pub fn with_claim<C: Claim>(mut self, claim: C) -> Self {
        let held = HeldClaim {
            name: Cow::Borrowed(C::NAME),
            value: ClaimValue::Typed {
                value: Arc::new(claim),
                #[cfg(feature = "json")]
                write: written::write::<C>,
            },
        };
        let claims = &mut self.identity().claims;
        claims.retain(|it| it.name != C::NAME);
        claims.push(held);
        self
    }

    /// The content, of which others have no part any more.
    fn identity(&mut self) -> &mut Identity {
        Arc::make_mut(&mut self.0)
    }

    /// The ID. It is empty for an [anonymous](Principal::anonymous) principal.
    pub fn id(&self) -> &str {
        self.0.id.as_deref().unwrap_or_default()
    }

    /// The ID, to be kept; `None` if it is anonymous.
    #[cfg(feature = "eventstore")]
    pub(crate) fn shared_id(&self) -> Option<Arc<str>> {
        self.0.id.clone()
    }

    /// Whether it is the anonymous principal.
    pub fn is_anonymous(&self) -> bool {
        self.0.id.is_none()
    }

    /// The roles, sorted.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(AsRef::as_ref)
    }

    /// Whether it has the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.0.roles.contains(role)
    }

    /// The claim of that type. `None` if there is none of its name, or if it was read and is of another
    /// shape.
    pub fn claim<C: Claim>(&self) -> Option<&C> {
        let held = self.0.claims.iter().find(|it| it.name == C::NAME)?;
        match &held.value {
            ClaimValue::Typed { value, .. } => value.downcast_ref(),
            #[cfg(feature = "json")]
            ClaimValue::Read(read) => read.as_type(),
        }
    }
}

impl From<&str> for Principal {
    fn from(id: &str) -> Self {
        Principal::new(id)
    }
}

impl From<String> for Principal {
    fn from(id: String) -> Self {
        Principal::new(id)
    }
}

/// Without the values of claims, which may be personal data.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims: Vec<_> = self.0.claims.iter().map(|claim| &claim.name).collect();
        f.debug_struct("Principal")
            .field("id", &self.id())
            .field("roles", &self.0.roles)
            .field("claims", &claims)
            .finish()
    }
}

/// Requires no role, and yet a principal: `requires = nether::signed_in` stands for a message that all may
/// send who have signed in.
///
/// ```
/// use nether::prelude::*;
///
/// #[query(reply = String, requires = nether::signed_in)]
/// pub struct WhoAmI;
///
/// #[derive(Default)]
/// pub struct Desk;
///
/// #[module(handles = WhoAmI)]
/// impl Desk {
///     async fn who(&self, _: WhoAmI, ctx: &QueryContext<Self>) -> nether::Result<String> {
///         let principal = ctx.principal().ok_or(nether::Error::msg("nobody asks"))?;
///         Ok(principal.id().to_owned())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// # let _desk = system.attach(Desk).await?;
/// let refused = system.context().ask(WhoAmI).await;
/// assert!(matches!(refused, Err(CallError::Forbidden(_))));
/// assert_eq!(system.context().with_principal("ann").ask(WhoAmI).await?, "ann");
/// # Ok(()) }
/// ```
pub fn signed_in<M>(_: &Principal, _: &M) -> bool {
    true
}
