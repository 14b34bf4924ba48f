//! [`KeysInMemory`]: keys in the memory of one process.

use std::future::ready;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::error::Result;
use crate::idempotency::index::{KeyIndex, NoRoom};
use crate::idempotency::{
    KeyClaim, KeyEnd, KeyFuture, KeyLimits, KeyStore, KeyedRequest, StoredAnswer,
};
use crate::sync::lock;

/// How many keys whose time is over are forgotten when another one comes: more than one, so that they become
/// fewer.
const FORGOTTEN_AT_ONCE: usize = 4;

/// How many, if there is no room for the other one before.
const FORGOTTEN_FOR_ROOM: usize = 10_000;

/// Keys in the memory of one process.
#[derive(Debug)]
pub(crate) struct KeysInMemory {
    keys: Mutex<KeyIndex<MemoryKey>>,
    limits: KeyLimits,
    /// The zero of its clock.
    began: Instant,
}

#[derive(Debug, Clone)]
struct MemoryKey {
    fingerprint: [u8; 32],
    state: MemoryKeyState,
}

#[derive(Debug, Clone)]
enum MemoryKeyState {
    InProgress,
    Unknown,
    Answered(Arc<StoredAnswer>),
}

impl KeysInMemory {
    pub(crate) fn new(limits: KeyLimits) -> Self {
        KeysInMemory {
            keys: Mutex::new(KeyIndex::new(limits.bytes)),
            limits,
            began: Instant::now(),
        }
    }

    fn now(&self) -> u64 {
        milliseconds(self.began.elapsed().as_millis())
    }

    fn claim_now(&self, request: &KeyedRequest) -> KeyClaim {
        let now = self.now();
        let mut keys = lock(&self.keys);
        forget_due(&mut keys, now, FORGOTTEN_AT_ONCE);
        if let Some(known) = keys.get(&request.name, now) {
            if known.fingerprint != request.fingerprint {
                return KeyClaim::OtherRequest;
            }
            match &known.state {
                MemoryKeyState::InProgress => return KeyClaim::InProgress,
                MemoryKeyState::Answered(answer) => return KeyClaim::Answered(Arc::clone(answer)),
                MemoryKeyState::Unknown if !request.resumes => return KeyClaim::Unknown,
                MemoryKeyState::Unknown => {}
            }
        }
        let key = MemoryKey {
            fingerprint: request.fingerprint,
            state: MemoryKeyState::InProgress,
        };
        let claimed = keys.claim(request.name, request.owner, key.clone());
        let claimed = claimed.or_else(|NoRoom| {
            forget_due(&mut keys, now, FORGOTTEN_FOR_ROOM);
            keys.claim(request.name, request.owner, key)
        });
        claimed.map_or(KeyClaim::Full, |_| KeyClaim::Claimed)
    }

    fn settle_now(&self, request: &KeyedRequest, end: KeyEnd) {
        let retention = milliseconds(self.limits.retention.as_millis());
        let until = self.now().saturating_add(retention);
        let mut keys = lock(&self.keys);
        let (state, bytes) = match end {
            KeyEnd::NeverBegun => return keys.forget(&request.name),
            KeyEnd::Unknown => (MemoryKeyState::Unknown, 0),
            KeyEnd::Answered(mut answer) => {
                if !keys.reserve(&request.name, answer.length()) {
                    answer = answer.without_body();
                }
                let bytes = answer.length();
                (MemoryKeyState::Answered(Arc::new(answer)), bytes)
            }
        };
        let fingerprint = request.fingerprint;
        let key = MemoryKey { fingerprint, state };
        keys.settle(&request.name, key, bytes, until);
    }
}

/// Forgets up to so many keys whose time is over.
fn forget_due(keys: &mut KeyIndex<MemoryKey>, now: u64, most: usize) {
    for _ in 0..most {
        let Some(name) = keys.due(now) else { return };
        keys.forget(&name);
    }
}

impl KeyStore for KeysInMemory {
    fn claim<'a>(&'a self, request: &'a KeyedRequest) -> KeyFuture<'a, Result<KeyClaim>> {
        Box::pin(ready(Ok(self.claim_now(request))))
    }

    fn settle<'a>(&'a self, request: &'a KeyedRequest, end: KeyEnd) -> KeyFuture<'a, ()> {
        self.settle_now(request, end);
        Box::pin(ready(()))
    }

    fn abandon(&self, request: &KeyedRequest) {
        self.settle_now(request, KeyEnd::Unknown);
    }
}

fn milliseconds(time: u128) -> u64 {
    time.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::KeysInMemory;
    use crate::idempotency::{KeyClaim, KeyEnd, KeyLimits, KeyOwner, KeyedRequest, StoredAnswer};

    const LIMITS: KeyLimits = KeyLimits {
        bytes: 64 * 1024,
        retention: Duration::from_secs(60),
    };

    fn request(number: u8) -> KeyedRequest {
        KeyedRequest {
            name: [number; 32],
            fingerprint: [0; 32],
            owner: KeyOwner {
                hash: [0; 32],
                is_verified: true,
            },
            resumes: false,
        }
    }

    fn answer(keys: &KeysInMemory, number: u8, bytes: usize) {
        let request = request(number);
        let claim = keys.claim_now(&request);
        assert!(matches!(claim, KeyClaim::Claimed), "{claim:?}");
        let answer = StoredAnswer {
            status: 201,
            headers: Vec::new(),
            body: Some(vec![0; bytes]),
        };
        keys.settle_now(&request, KeyEnd::Answered(answer));
    }

    #[test]
    fn stored_answers_are_kept_and_new_keys_refused_when_there_is_no_room() {
        let keys = KeysInMemory::new(LIMITS);
        for number in 0..3 {
            answer(&keys, number, 2200);
        }
        assert!(matches!(keys.claim_now(&request(3)), KeyClaim::Full));
        for number in 0..3 {
            let again = keys.claim_now(&request(number));
            assert!(matches!(again, KeyClaim::Answered(_)), "{again:?}");
        }
    }

    #[test]
    fn of_an_answer_for_which_there_is_no_room_the_status_is_kept() {
        let keys = KeysInMemory::new(LIMITS);
        answer(&keys, 0, 8 * 1024);
        let again = keys.claim_now(&request(0));
        let KeyClaim::Answered(kept) = again else {
            panic!("{again:?}");
        };
        assert_eq!((kept.status, &kept.body), (201, &None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_kept_for_its_time_and_free_after_that() {
        let keys = KeysInMemory::new(LIMITS);
        answer(&keys, 0, 1);
        keys.claim_now(&request(1));
        keys.claim_now(&request(2));
        keys.settle_now(&request(2), KeyEnd::Unknown);
        tokio::time::advance(LIMITS.retention - Duration::from_millis(1)).await;
        assert!(matches!(keys.claim_now(&request(0)), KeyClaim::Answered(_)));
        assert!(matches!(keys.claim_now(&request(2)), KeyClaim::Unknown));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(matches!(keys.claim_now(&request(0)), KeyClaim::Claimed));
        assert!(matches!(keys.claim_now(&request(2)), KeyClaim::Claimed));
        // It is in progress for as long as it is.
        tokio::time::advance(LIMITS.retention * 10).await;
        assert!(matches!(keys.claim_now(&request(1)), KeyClaim::InProgress));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_whose_time_is_over_take_no_room() {
        let keys = KeysInMemory::new(LIMITS);
        let owner = |number| KeyOwner {
            hash: [number; 32],
            is_verified: true,
        };
        for number in 0..64 {
            let mut request = request(number);
            request.owner = owner(number / 8);
            assert!(matches!(keys.claim_now(&request), KeyClaim::Claimed));
            keys.settle_now(&request, KeyEnd::Unknown);
        }
        tokio::time::advance(LIMITS.retention).await;
        for number in 64..72 {
            let mut request = request(number);
            request.owner = owner(7);
            assert!(matches!(keys.claim_now(&request), KeyClaim::Claimed));
        }
    }

    #[test]
    fn a_key_that_was_never_begun_is_free_and_one_that_resumes_too() {
        let keys = KeysInMemory::new(LIMITS);
        let mut request = request(0);
        for _ in 0..1000 {
            assert!(matches!(keys.claim_now(&request), KeyClaim::Claimed));
            keys.settle_now(&request, KeyEnd::NeverBegun);
        }
        assert!(matches!(keys.claim_now(&request), KeyClaim::Claimed));
        keys.settle_now(&request, KeyEnd::Unknown);
        assert!(matches!(keys.claim_now(&request), KeyClaim::Unknown));
        request.resumes = true;
        assert!(matches!(keys.claim_now(&request), KeyClaim::Claimed));
        request.fingerprint = [1; 32];
        let other = keys.claim_now(&request);
        assert!(matches!(other, KeyClaim::OtherRequest), "{other:?}");
    }
}
