//! What a store of keys does, whatever comes in whatever order: compared with a model of the promise, that no
//! key is claimed that was begun and whose time is not over.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::idempotency::{
    KeyClaim, KeyEnd, KeyLimits, KeyOwner, KeyStore, KeyedRequest, KeysInMemory, StoredAnswer,
};

const LIMITS: KeyLimits = KeyLimits {
    bytes: 4 * KeyLimits::LEAST,
    retention: Duration::from_secs(60),
};

const KEYS: usize = 24;
const SEEDS: u64 = 200;
const STEPS: usize = 300;

/// The promise about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promised {
    Free,
    InProgress,
    Answered(u16, Instant),
    Unknown(Instant),
}

impl Promised {
    /// The promise as it stands now: none once its time is over.
    fn now(self) -> Self {
        match self {
            Promised::Answered(_, until) | Promised::Unknown(until) if until <= Instant::now() => {
                Promised::Free
            }
            promised => promised,
        }
    }
}

/// Numbers that a seed makes.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % most
    }
}

fn request(key: usize, resumes: bool) -> KeyedRequest {
    KeyedRequest {
        name: [key as u8; 32],
        fingerprint: [0; 32],
        owner: KeyOwner {
            hash: [(key % 3) as u8; 32],
            is_verified: key.is_multiple_of(3),
        },
        resumes,
    }
}

struct Trial {
    keys: KeysInMemory,
    promised: [Promised; KEYS],
}

impl Trial {
    async fn claim(&mut self, key: usize, resumes: bool) {
        let promised = self.promised[key].now();
        let claim = self.keys.claim(&request(key, resumes)).await;
        let claim = claim.expect("memory does not fail");
        let is_as_promised = match (&claim, promised) {
            (KeyClaim::Claimed, Promised::Free) => true,
            (KeyClaim::Claimed, Promised::Unknown(_)) => resumes,
            (KeyClaim::Unknown, Promised::Unknown(_)) => !resumes,
            (KeyClaim::Answered(answer), Promised::Answered(status, _)) => answer.status == status,
            (KeyClaim::InProgress, Promised::InProgress) => true,
            // Others take the room, which are known.
            (KeyClaim::Full, Promised::Free | Promised::Unknown(_)) => {
                let others = self.promised.iter();
                others.filter(|other| other.now() != Promised::Free).count() > 0
            }
            _ => false,
        };
        assert!(is_as_promised, "{key}: {promised:?}, but {claim:?}");
        if matches!(claim, KeyClaim::Claimed) {
            self.promised[key] = Promised::InProgress;
        }
    }

    async fn settle(&mut self, key: usize, numbers: &mut Numbers) {
        if self.promised[key] != Promised::InProgress {
            return;
        }
        let until = Instant::now() + LIMITS.retention;
        let request = request(key, false);
        let (end, promised) = match numbers.below(4) {
            0 => (KeyEnd::NeverBegun, Promised::Free),
            1 => {
                self.keys.abandon(&request);
                self.promised[key] = Promised::Unknown(until);
                return;
            }
            _ => {
                let status = 200 + numbers.below(400) as u16;
                let length = numbers.below(4000) as usize;
                let answer = StoredAnswer {
                    status,
                    headers: Vec::new(),
                    body: Some(vec![0; length]),
                };
                (KeyEnd::Answered(answer), Promised::Answered(status, until))
            }
        };
        self.keys.settle(&request, end).await;
        self.promised[key] = promised;
    }
}

#[tokio::test(start_paused = true)]
async fn no_key_is_claimed_that_was_begun_whatever_happens_in_between() {
    for seed in 0..SEEDS {
        let mut numbers = Numbers(seed);
        let mut trial = Trial {
            keys: KeysInMemory::new(LIMITS),
            promised: [Promised::Free; KEYS],
        };
        for _ in 0..STEPS {
            let key = numbers.below(KEYS as u64) as usize;
            match numbers.below(8) {
                0..4 => trial.claim(key, numbers.below(4) == 0).await,
                4..7 => trial.settle(key, &mut numbers).await,
                _ => advance(Duration::from_secs(numbers.below(20))).await,
            }
        }
        // Once all is settled and over, all is free again.
        for key in 0..KEYS {
            while trial.promised[key] == Promised::InProgress {
                trial.settle(key, &mut numbers).await;
            }
        }
        advance(LIMITS.retention).await;
        for key in 0..KEYS {
            trial.claim(key, false).await;
            assert_eq!(trial.promised[key], Promised::InProgress, "{seed}");
            trial
                .keys
                .settle(&request(key, false), KeyEnd::NeverBegun)
                .await;
            trial.promised[key] = Promised::Free;
        }
    }
}
