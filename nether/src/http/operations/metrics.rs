//! `/metrics`: what the system does, as Prometheus reads it (the text of OpenMetrics 1.0).

use std::fmt;
use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::escaped::Escaped;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::latency::{BOUNDS, Histogram};
use crate::system::{ModuleName, ModuleTotals, System};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The answer to a request for the metrics.
pub(crate) fn answer(system: &System) -> Response {
    let mut registry = Registry::with_prefix("nether");
    registry.register_collector(Box::new(Now(system.clone())));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(error = %Escaped(&error), "the metrics cannot be written");
            Details::internal().answer(&RequestId::fresh())
        }
    }
}

/// The system at this moment. It counts all the time; here it is only written down.
#[derive(Debug)]
struct Now(System);

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.0.totals();
        for (name, help, of) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (module, total) in &totals {
                let labels = labels(*module);
                let mut metric = family.encode_family(&labels)?;
                metric.encode_counter::<NoLabelSet, _, u64>(&of(total), None)?;
            }
        }
        for (name, help, of) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (module, total) in &totals {
                family
                    .encode_family(&labels(*module))?
                    .encode_gauge(&of(total))?;
            }
        }
        let help = "How long handlers took, each attempt by itself";
        let (name, unit) = ("handler_duration", Unit::Seconds);
        let mut family =
            encoder.encode_descriptor(name, help, Some(&unit), MetricType::Histogram)?;
        // Two handlers may have the same names: what they took is one series.
        for handlers in self
            .0
            .latencies()
            .taken()
            .chunk_by(|left, right| left.0 == right.0)
        {
            let [((module, message), _), ..] = handlers else {
                continue;
            };
            let labels = [("module", *module), ("message", *message)];
            encode_histogram(handlers, family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A metric that the modules of a name have: its name, what it says, and its value.
type OfModule<T> = (&'static str, &'static str, fn(&ModuleTotals) -> T);

const COUNTERS: [OfModule<u64>; 4] = [
    ("messages_handled", "Messages that were handled", |it| {
        it.handled
    }),
    (
        "messages_failed",
        "Messages that failed, by a panic or by an error that is no refusal",
        |it| it.failed.saturating_sub(it.refused),
    ),
    (
        "messages_refused",
        "Messages that were refused, by an error that is a problem with a status from 400 to 499",
        |it| it.refused,
    ),
    (
        "module_restarts",
        "How often the module was restarted after a crash",
        |it| it.restarts,
    ),
];

const GAUGES: [OfModule<u64>; 2] = [
    (
        "mailbox_messages",
        "Messages that wait in the mailbox",
        |it| it.waiting,
    ),
    (
        "messages_in_flight",
        "Messages that wait or are being handled",
        |it| it.in_flight,
    ),
];

fn labels((name, instance): ModuleName) -> [(&'static str, String); 2] {
    [
        ("module", name.to_owned()),
        ("instance", instance.to_string()),
    ]
}

fn encode_histogram<N>(
    taken: &[(N, Arc<Histogram>)],
    mut metric: MetricEncoder<'_>,
) -> fmt::Result {
    let mut counts = [0; BOUNDS.len() + 1];
    let mut sum = 0.0;
    for (_, histogram) in taken {
        let more = histogram.buckets().into_iter();
        counts
            .iter_mut()
            .zip(more)
            .for_each(|(count, more)| *count += more);
        sum += histogram.sum().as_secs_f64();
    }
    let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6);
    let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(counts).collect();
    let count = counts.iter().sum();
    metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}
