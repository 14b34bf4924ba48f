//! [`Latencies`]: how long handlers take, by module and message. No clock is read until
//! [`Observers`](crate::observers::Observers) ask for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

/// The upper bounds of the buckets, in microseconds: from one that is hardly measured to ten seconds.
pub(crate) const BOUNDS: [u64; 14] = [
    10, 25, 100, 250, 1_000, 2_500, 10_000, 25_000, 100_000, 250_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// The names of a module and a message.
type Names = (&'static str, &'static str);

/// Where the names are: quicker to compare than what they say. They are those of descriptors, which are in
/// the program once each; a constant may be there several times.
type NamesKey = (usize, usize);

type Histograms = BTreeMap<NamesKey, (Names, Arc<Histogram>)>;

/// How long handlers take.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// Read for each message, written for the first of each kind.
    known: ArcSwap<Histograms>,
}

/// How many handlers took how long.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// Each counts those that took no longer than its bound and longer than the one before; the last one all
    /// the others.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// A handler that runs; its time is taken when this is dropped.
#[derive(Debug)]
pub(crate) struct Timing {
    began: Instant,
    histogram: Arc<Histogram>,
}

impl Latencies {
    /// Takes the time of a handler from now on.
    #[cold]
    pub(crate) fn begin(&self, module: &'static str, message: &'static str) -> Timing {
        let key = (module.as_ptr().addr(), message.as_ptr().addr());
        let known = self.known.load();
        let known = known.get(&key).map(|(_, known)| Arc::clone(known));
        let histogram = known.unwrap_or_else(|| self.add(key, (module, message)));
        Timing {
            began: Instant::now(),
            histogram,
        }
    }

    /// The histogram of a handler that runs for the first time, whichever of several callers adds it.
    fn add(&self, key: NamesKey, names: Names) -> Arc<Histogram> {
        let new = (names, Arc::default());
        let before = self.known.rcu(|known| {
            let mut known = Histograms::clone(known);
            known.entry(key).or_insert_with(|| new.clone());
            known
        });
        let (_, histogram) = before.get(&key).unwrap_or(&new);
        Arc::clone(histogram)
    }

    /// What was taken so far, by module and message, in the order of their names.
    #[cfg(feature = "http")]
    pub(crate) fn taken(&self) -> Vec<(Names, Arc<Histogram>)> {
        let mut taken: Vec<_> = self.known.load().values().cloned().collect();
        taken.sort_by_key(|(names, _)| *names);
        taken
    }
}

impl Histogram {
    fn add(&self, took: Duration) {
        let micros = took.as_micros();
        let bucket = BOUNDS.partition_point(|bound| u128::from(*bound) < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How many took no longer than each bound and longer than the one before, and how many longer than all.
    #[cfg(feature = "http")]
    pub(crate) fn buckets(&self) -> [u64; BOUNDS.len() + 1] {
        std::array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed))
    }

    /// How long all of them took.
    #[cfg(feature = "http")]
    pub(crate) fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        self.histogram.add(self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS, Histogram};
    use std::time::Duration;

    #[test]
    fn a_time_is_in_the_bucket_of_its_bound() {
        let histogram = Histogram::default();
        for micros in [0, 10, 11, 10_000_001] {
            histogram.add(Duration::from_micros(micros));
        }
        let counts = histogram.buckets.map(|bucket| bucket.into_inner());
        assert_eq!((counts[0], counts[1], counts[BOUNDS.len()]), (2, 1, 1));
    }
}
