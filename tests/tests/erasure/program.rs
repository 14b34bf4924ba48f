//! A program with personal values in events, a snapshot, a saga and a projection.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use nether::eventstore::{Personal, Position, Step, Store, SubjectForgotten};
use nether::prelude::*;
use nether_sqlite::{SqliteKeys, SqliteStore};
use nether_tests::Folder;
use serde::{Deserialize, Serialize};

#[command(key = customer, name = "erasure.register")]
pub struct Register {
    pub customer: String,
    pub name: String,
}

#[query(key = customer, reply = Option<String>)]
pub struct NameOf {
    pub customer: String,
}

#[event(name = "erasure.registered")]
pub struct Registered {
    pub customer: String,
    pub name: Personal<String>,
    pub numbers: Vec<Personal<u128>>,
    pub more: Option<Personal<Option<f64>>>,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Customer {
    name: Option<Personal<String>>,
}

#[aggregate(handles = [Register, NameOf], events = [Registered], snapshot_every = 1)]
impl Customer {
    fn register(&self, register: Register) -> Registered {
        registered(&register.customer, &register.name)
    }

    fn name(&self, _: NameOf) -> Option<String> {
        self.name.as_ref()?.known().cloned()
    }

    fn registered(&mut self, event: &Registered) {
        self.name = Some(event.name.clone());
    }
}

#[command(name = "erasure.welcome")]
pub struct Welcome {
    pub name: Personal<String>,
}

/// Welcomes a customer after a while.
#[derive(Default, Serialize, Deserialize)]
pub struct Welcoming {
    name: Option<Personal<String>>,
}

#[event(name = "erasure.confirmed")]
pub struct Confirmed {
    pub customer: String,
}

#[saga(
    key = customer,
    starts = [Registered],
    handles = [Registered, Confirmed],
    ends = [Confirmed],
    sends = [Welcome]
)]
impl Welcoming {
    fn registered(&mut self, event: &Registered, _: &mut Step<Self>) {
        self.name = Some(event.name.clone());
    }

    fn confirmed(&mut self, _: &Confirmed, step: &mut Step<Self>) {
        let name = self.name.clone();
        step.send(Welcome {
            name: name.expect("it began with a name"),
        });
    }
}

#[derive(Default)]
pub struct Greeter {
    pub(crate) names: Arc<Mutex<Vec<Personal<String>>>>,
}

#[module(handles = Welcome, manual)]
impl Greeter {
    async fn welcome(&self, welcome: Welcome) {
        self.names.lock().unwrap().push(welcome.name);
    }
}

#[query(reply = BTreeMap<String, String>)]
pub struct Names;

/// Keeps names, and removes those of subjects that are forgotten.
#[derive(Default)]
pub struct Directory {
    names: BTreeMap<String, String>,
}

#[projection(handles = [Registered, SubjectForgotten, Names])]
impl Directory {
    fn registered(&mut self, event: &Registered) {
        if let Some(name) = event.name.known() {
            self.names.insert(event.customer.clone(), name.clone());
        }
    }

    fn forgotten(&mut self, event: &SubjectForgotten) {
        self.names.remove(&event.subject);
    }

    fn names(&self, _: Names) -> BTreeMap<String, String> {
        self.names.clone()
    }
}

pub(crate) const MARK: &str = "Annabella Erasmus";

pub(crate) fn registered(customer: &str, name: &str) -> Registered {
    Registered {
        customer: customer.to_owned(),
        name: Personal::new(customer, name.to_owned()),
        numbers: vec![
            Personal::new(customer, u128::MAX),
            Personal::new(customer, 7),
        ],
        more: Some(Personal::new(customer, None)),
    }
}

pub(crate) fn in_file(folder: &Folder) -> Store {
    let store = SqliteStore::options()
        .shared(true)
        .open(folder.file())
        .unwrap();
    Store::new(store).subject_keys(SqliteKeys::open(folder.0.join("keys")).unwrap())
}

pub(crate) async fn first(store: &Store) -> Registered {
    let all = store.read_all(Position::START, 10).await.unwrap();
    all[0].read::<Registered>().unwrap()
}

/// Whether one of the files in a folder has these bytes.
pub(crate) fn has(folder: &Path, bytes: &[u8]) -> bool {
    let mut files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    files.any(|file| {
        let content = fs::read(file).unwrap();
        content.windows(bytes.len()).any(|it| it == bytes)
    })
}
