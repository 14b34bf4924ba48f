//! [`Chance`]: what a test draws from its seed; nothing without the feature `test`.

#[cfg(feature = "test")]
use std::sync::{Arc, Mutex};

#[cfg(feature = "test")]
use fastrand::Rng;
use uuid::Uuid;

#[cfg(feature = "test")]
use crate::sync::lock;

/// How likely it is that a handler crashes, if handlers do: one of so many.
#[cfg(feature = "test")]
const CRASHES: u64 = 16;

/// The most turns that others get before a module handles its next message.
#[cfg(feature = "test")]
const TURNS: u64 = 4;

/// Where chance comes from: a seed, in a test that has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chance {
    #[cfg(feature = "test")]
    drawn: Option<Arc<Mutex<Rng>>>,
    #[cfg(feature = "test")]
    seed: Option<u64>,
    #[cfg(feature = "test")]
    crashes: bool,
}

impl Chance {
    /// A source of chance with a seed; `crashes` says whether it also makes handlers crash.
    #[cfg(feature = "test")]
    pub(crate) fn seeded(seed: u64, crashes: bool) -> Self {
        Chance {
            drawn: Some(Arc::new(Mutex::new(Rng::with_seed(seed)))),
            seed: Some(seed),
            crashes,
        }
    }

    /// The seed, if there is one.
    #[cfg(feature = "test")]
    pub(crate) fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Whether the order in which modules run is drawn.
    #[inline]
    pub(crate) fn is_drawn(&self) -> bool {
        #[cfg(feature = "test")]
        return self.drawn.is_some();
        #[cfg(not(feature = "test"))]
        false
    }

    /// Lets others run before this, or not.
    pub(crate) async fn shuffle(&self) {
        #[cfg(feature = "test")]
        for _ in 0..self.below(TURNS).unwrap_or(0) {
            tokio::task::yield_now().await;
        }
    }

    /// Whether the next handler is to crash.
    #[inline]
    pub(crate) fn crashes(&self) -> bool {
        #[cfg(feature = "test")]
        return self.crashes && self.below(CRASHES) == Some(0);
        #[cfg(not(feature = "test"))]
        false
    }

    /// A number from 0 to 1.
    pub(crate) fn fraction(&self) -> f64 {
        #[cfg(feature = "test")]
        if let Some(drawn) = &self.drawn {
            return lock(drawn).f64();
        }
        // The last 62 bits of a UUID v7 are drawn.
        f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX)
    }

    #[cfg(feature = "test")]
    fn below(&self, limit: u64) -> Option<u64> {
        let drawn = self.drawn.as_ref()?;
        Some(lock(drawn).u64(0..limit))
    }
}
