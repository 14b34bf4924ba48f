//! A principal as it is written down, and read elsewhere: an object with `id`, `roles` and `claims`.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::principal::{Claim, ClaimValue, HeldClaim, Identity, Principal};

/// Writes a claim down whose type the program has given.
pub(super) type WriteClaim = fn(&(dyn Any + Send + Sync)) -> serde_json::Result<Value>;

/// A claim that was read: of the type that asks for it first.
pub(super) struct ReadClaim {
    text: Value,
    value: OnceLock<Option<Box<dyn Any + Send + Sync>>>,
}

pub(super) fn write<C: Claim>(claim: &(dyn Any + Send + Sync)) -> serde_json::Result<Value> {
    claim
        .downcast_ref::<C>()
        .map_or(Ok(Value::Null), serde_json::to_value)
}

impl ReadClaim {
    /// The claim, if it is of that type.
    pub(super) fn as_type<C: Claim>(&self) -> Option<&C> {
        let read = || {
            let claim: C = serde_json::from_value(self.text.clone()).ok()?;
            Some(Box::new(claim) as Box<dyn Any + Send + Sync>)
        };
        self.value.get_or_init(read).as_ref()?.downcast_ref()
    }
}

impl fmt::Debug for ReadClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadClaim").finish_non_exhaustive()
    }
}

/// A principal as it is written down.
#[derive(Serialize, Deserialize)]
struct WrittenPrincipal<'a> {
    /// Missing if it is anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    claims: BTreeMap<Cow<'a, str>, Value>,
}

/// As an object with `id`, `roles` and `claims`.
impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = |claim: &'_ HeldClaim| {
            let value = match &claim.value {
                ClaimValue::Typed { value, write } => write(&**value),
                ClaimValue::Read(read) => Ok(read.text.clone()),
            };
            let value = value.map_err(|error| {
                S::Error::custom(format!("the claim `{}`: {error}", claim.name))
            })?;
            Ok((Cow::Owned(claim.name.to_string()), value))
        };
        let claims: Result<_, S::Error> = self.0.claims.iter().map(written).collect();
        let written = WrittenPrincipal {
            id: self.0.id.as_deref().map(Cow::Borrowed),
            roles: self.roles().map(Cow::Borrowed).collect(),
            claims: claims?,
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = WrittenPrincipal::deserialize(deserializer)?;
        let claims = written.claims.into_iter().map(|(name, text)| HeldClaim {
            name: Cow::Owned(name.into_owned()),
            value: ClaimValue::Read(Arc::new(ReadClaim {
                text,
                value: OnceLock::new(),
            })),
        });
        let roles = written.roles.into_iter();
        Ok(Principal(Arc::new(Identity {
            id: written.id.map(|id| id.into()),
            roles: roles.map(|role| Cow::Owned(role.into_owned())).collect(),
            claims: claims.collect(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::principal::{Claim, Principal};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Tenant(u32);

    impl Claim for Tenant {
        const NAME: &'static str = "tenant";
    }

    /// Another type with the name of the first.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct TenantName(String);

    impl Claim for TenantName {
        const NAME: &'static str = "tenant";
    }

    #[test]
    fn a_principal_is_read_as_it_was_written() {
        let ann = Principal::new("ann")
            .with_roles(["b", "a"])
            .with_claim(Tenant(3));
        let text = serde_json::to_string(&ann).unwrap();
        assert_eq!(
            text,
            r#"{"id":"ann","roles":["a","b"],"claims":{"tenant":3}}"#
        );
        let read: Principal = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!((read.id(), read.has_role("b")), ("ann", true));
        assert_eq!(read.claim::<Tenant>(), Some(&Tenant(3)));
        assert_eq!(read.claim::<TenantName>(), None);
        let nobody = serde_json::to_string(&Principal::anonymous()).unwrap();
        assert_eq!(nobody, "{}");
        let nobody: Principal = serde_json::from_str(&nobody).unwrap();
        assert!(nobody.is_anonymous());
    }

    #[test]
    fn a_claim_takes_the_place_of_one_of_its_name() {
        let ann = Principal::new("ann")
            .with_claim(Tenant(3))
            .with_claim(TenantName("x".into()));
        assert_eq!(ann.claim::<Tenant>(), None);
        assert_eq!(ann.claim::<TenantName>(), Some(&TenantName("x".into())));
        let debug = format!("{ann:?}");
        assert_eq!(
            debug,
            r#"Principal { id: "ann", roles: {}, claims: ["tenant"] }"#
        );
    }

    #[test]
    fn a_changed_copy_leaves_the_first_as_it_is() {
        let ann = Principal::new("ann");
        let admin = ann.clone().with_role("admin");
        assert!(admin.has_role("admin") && !ann.has_role("admin"));
    }
}
