//! Customers: whom the bank knows by name, until they are forgotten.

use nether::eventstore::{Personal, Store, StoreError};
use nether::prelude::*;

/// Make a customer known.
#[command(key = customer_id, http = "POST /customers", status = 201)]
pub struct RegisterCustomer {
    /// The number, which is all that is left of a customer who is forgotten.
    pub customer_id: String,
    /// The name.
    pub name: String,
}

/// Asks for the name of a customer: 404 for one who is forgotten, or was never known.
#[query(key = customer_id, reply = Option<String>, http = "GET /customers/{customer_id}/name")]
pub struct NameOfCustomer {
    /// Which customer.
    pub customer_id: String,
}

/// Forget a customer, for good.
#[command(error = StoreError, http = "POST /customers/{customer_id}/forget")]
pub struct ForgetCustomer {
    /// Which customer.
    pub customer_id: String,
}

/// A customer was made known.
#[event(name = "customer.registered")]
pub struct CustomerRegistered {
    /// Which customer.
    pub customer_id: String,
    /// The name: stored encrypted, with a key of this customer alone.
    pub name: Personal<String>,
}

/// A customer.
#[derive(Debug, Default)]
pub struct Customer {
    name: Option<Personal<String>>,
}

#[aggregate(handles = [RegisterCustomer, NameOfCustomer], events = [CustomerRegistered])]
impl Customer {
    fn register(&self, register: RegisterCustomer) -> CustomerRegistered {
        CustomerRegistered {
            name: Personal::new(&register.customer_id, register.name),
            customer_id: register.customer_id,
        }
    }

    fn name(&self, _: NameOfCustomer) -> Option<String> {
        self.name.as_ref()?.known().cloned()
    }

    fn registered(&mut self, event: &CustomerRegistered) {
        self.name = Some(event.name.clone());
    }
}

/// Forgets customers.
#[derive(Debug)]
pub struct Erasure {
    store: Resource<Store>,
}

#[module(handles = ForgetCustomer)]
impl Erasure {
    #[init]
    fn new(store: Resource<Store>) -> Self {
        Erasure { store }
    }

    async fn forget(&self, forget: ForgetCustomer) -> Result<(), StoreError> {
        self.store.forget(forget.customer_id).await.map(drop)
    }
}
