//! [`FilePlaces`]: how many files may be open to be sent, and how many of them for one client.
//!
//! A client of HTTP/2 may ask for many files and read none of them. So what one address may have is a share,
//! which leaves room for the others.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::access::client_address::network_of;
use crate::sync::lock;

/// An address may have one of so many parts of all places.
const PARTS: usize = 2;

/// How many addresses are remembered before those are forgotten that have no file open.
const REMEMBERED: usize = 256;

/// The files that may be open to be sent.
#[derive(Debug)]
pub(crate) struct FilePlaces {
    all: Arc<Semaphore>,
    share: usize,
    /// Those of the addresses that ask for files now.
    shares: Mutex<Shares>,
}

#[derive(Debug, Default)]
struct Shares {
    of_networks: HashMap<Vec<u8>, Weak<Semaphore>>,
    /// With how many of them those are forgotten that are not used.
    most: usize,
}

/// The files that may be open for one client.
#[derive(Debug, Clone)]
pub(crate) struct ClientPlaces {
    all: Arc<Semaphore>,
    share: Arc<Semaphore>,
}

/// The place of an open file.
#[derive(Debug)]
pub(crate) struct FilePlace {
    #[expect(dead_code)]
    in_all: OwnedSemaphorePermit,
    #[expect(dead_code)]
    in_share: OwnedSemaphorePermit,
}

impl FilePlaces {
    /// So many places in all.
    pub(crate) fn new(most: usize) -> Self {
        FilePlaces {
            all: Arc::new(Semaphore::new(most)),
            share: most.div_ceil(PARTS),
            shares: Mutex::default(),
        }
    }

    /// Those of a client.
    pub(crate) fn of(&self, client: Option<SocketAddr>) -> ClientPlaces {
        let network = client.map(|client| network_of(client.ip()));
        let mut shares = lock(&self.shares);
        let known = shares.of_networks.entry(network.unwrap_or_default());
        let known = known.or_default();
        let share = known.upgrade().unwrap_or_else(|| {
            let share = Arc::new(Semaphore::new(self.share));
            *known = Arc::downgrade(&share);
            share
        });
        shares.forget_unused();
        ClientPlaces {
            all: Arc::clone(&self.all),
            share,
        }
    }
}

impl Shares {
    fn forget_unused(&mut self) {
        if self.of_networks.len() > self.most.max(REMEMBERED) {
            self.of_networks.retain(|_, share| share.strong_count() > 0);
            self.most = 2 * self.of_networks.len();
        }
    }
}

impl ClientPlaces {
    /// Whether another file may be open now.
    pub(crate) fn have_room(&self) -> bool {
        self.share.available_permits() > 0 && self.all.available_permits() > 0
    }

    /// Takes a place, once there is one. A request that waits for its own share waits there, and blocks no
    /// other.
    pub(crate) async fn take(self) -> Option<FilePlace> {
        let in_share = self.share.acquire_owned().await.ok()?;
        let in_all = self.all.acquire_owned().await.ok()?;
        Some(FilePlace { in_all, in_share })
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::{FilePlaces, REMEMBERED};

    fn client(text: &str) -> Option<SocketAddr> {
        Some(text.parse().expect("it is an address"))
    }

    #[tokio::test]
    async fn one_address_takes_half_of_the_places_and_two_take_all() {
        let places = FilePlaces::new(5);
        let (ann, bob) = (client("192.0.2.1:1"), client("192.0.2.2:1"));
        let mut taken = Vec::new();
        for _ in 0..3 {
            assert!(places.of(ann).have_room());
            taken.push(places.of(ann).take().await);
        }
        assert!(!places.of(client("192.0.2.1:2")).have_room());
        for _ in 0..2 {
            assert!(places.of(bob).have_room());
            taken.push(places.of(bob).take().await);
        }
        assert!(!places.of(bob).have_room() && !places.of(None).have_room());
        taken.remove(0);
        assert!(places.of(ann).have_room() && places.of(bob).have_room());
    }

    #[test]
    fn addresses_that_have_no_file_open_are_forgotten() {
        let places = FilePlaces::new(8);
        let held = places.of(client("192.0.2.1:1"));
        for number in 0..10_000_u32 {
            places.of(client(&format!("10.1.{}.{}:1", number / 250, number % 250)));
        }
        let remembered = places.shares.lock().unwrap().of_networks.len();
        assert!(remembered <= REMEMBERED + 1, "{remembered}");
        assert!(held.have_room());
    }
}
