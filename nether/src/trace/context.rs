//! [`TraceContext`]: which trace work belongs to, as W3C Trace Context has it.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::trace::{draw, state};

/// The flag that the trace is recorded.
const SAMPLED: u8 = 0x01;

/// The flag that the trace's id was drawn at random.
const RANDOM: u8 = 0x02;

/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// The trace that work belongs to, and the span in it that caused the work: the headers `traceparent` and
/// `tracestate` of [W3C Trace Context](https://www.w3.org/TR/trace-context-2/).
///
/// [`QueryContext::trace_context`](crate::QueryContext::trace_context) returns that of a unit of work. A
/// handler hands it on with a request to another service:
///
/// ```
/// # use nether::prelude::*;
/// # use nether::TraceContext;
/// use nether::Unlisted;
///
/// /// The headers of a request that a handler makes.
/// fn headers(ctx: &Context<impl Unlisted>) -> Vec<(&'static str, String)> {
///     let mut headers = Vec::new();
///     if let Some(trace) = ctx.trace_context() {
///         headers.push(("traceparent", trace.traceparent()));
///         headers.extend(trace.tracestate().map(|state| ("tracestate", state.to_owned())));
///     }
///     headers
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// # let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// # let trace = TraceContext::from_headers(parent, Some("vendor=1")).unwrap();
/// # let ctx = system.context().with_trace_context(trace);
/// # let expected = [("traceparent", parent.to_owned()), ("tracestate", "vendor=1".to_owned())];
/// # assert_eq!(headers(&ctx), expected);
/// # Ok(()) }
/// ```
///
/// It is serialised as its two headers, for those who write it into messages of other systems.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace: NonZeroU128,
    span: NonZeroU64,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// Reads the two headers; several `tracestate` headers are joined by commas before. Returns `None` if
    /// `traceparent` is invalid: then there is no trace. An invalid `tracestate` is left out, and one that
    /// has more than 512 bytes is shortened as the specification asks for: first members of more than 128
    /// bytes are removed, then others, each time the last one.
    ///
    /// ```
    /// use nether::TraceContext;
    ///
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let context = TraceContext::from_headers(parent, Some("vendor=1, other=2")).unwrap();
    /// assert_eq!(context.traceparent(), parent);
    /// assert_eq!(context.tracestate(), Some("vendor=1,other=2"));
    /// assert_eq!(TraceContext::from_headers("00-0-0-0", None), None);
    /// ```
    pub fn from_headers(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let text = traceparent.as_bytes();
        let version = byte(text.get(..2)?)?;
        let is_known = version == 0;
        // Later versions may add to the end, behind a dash.
        let ends_well = match text.get(LENGTH) {
            None => true,
            Some(next) => !is_known && *next == b'-',
        };
        let dashes = [2, 35, 52].map(|place| text.get(place));
        if version == 0xff || !ends_well || dashes != [Some(&b'-'); 3] {
            return None;
        }
        Some(TraceContext {
            trace: NonZeroU128::new(number(text.get(3..35)?)?)?,
            span: NonZeroU64::new(u64::try_from(number(text.get(36..52)?)?).ok()?)?,
            // What later versions mean by the other flags is not known, so they are not handed on.
            flags: byte(text.get(53..LENGTH)?)? & (SAMPLED | RANDOM),
            state: tracestate.and_then(state::read).map(Into::into),
        })
    }

    /// A trace that begins here.
    pub(crate) fn start() -> Self {
        TraceContext {
            trace: draw::trace_id(),
            span: draw::span_id(),
            flags: SAMPLED | RANDOM,
            state: None,
        }
    }

    /// The context of a new span of the same trace.
    pub(crate) fn child(&self) -> Self {
        TraceContext {
            span: draw::span_id(),
            ..self.clone()
        }
    }

    /// The header `traceparent`, in version 00.
    pub fn traceparent(&self) -> String {
        let (trace, span) = (self.trace_id(), self.span_id());
        format!("00-{trace}-{span}-{:02x}", self.flags)
    }

    /// The header `tracestate`, if there is one: it is handed on as it came.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The id of the trace: 32 hexadecimal digits, as the spans of Nether and other tools show it.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the span that caused the work, or that does it: 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// Whether the service that began the trace records it.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// Lower-case hexadecimal digits, as the specification demands them.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

fn byte(digits: &[u8]) -> Option<u8> {
    number(digits).and_then(|number| u8::try_from(number).ok())
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("traceparent", &self.traceparent())
            .field("tracestate", &self.tracestate())
            .finish()
    }
}

/// The two headers.
#[derive(Serialize, Deserialize)]
struct TraceHeaders<T> {
    traceparent: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<T>,
}

/// As its two headers.
impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parent = self.traceparent();
        TraceHeaders {
            traceparent: &*parent,
            tracestate: self.tracestate(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let headers = TraceHeaders::<String>::deserialize(deserializer)?;
        TraceContext::from_headers(&headers.traceparent, headers.tracestate.as_deref())
            .ok_or_else(|| D::Error::custom("`traceparent` is not one of W3C Trace Context"))
    }
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read(parent: &str) -> Option<String> {
        TraceContext::from_headers(parent, None).map(|context| context.traceparent())
    }

    #[test]
    fn what_is_valid_is_handed_on_as_it_is() {
        for flags in ["00", "01", "02", "03"] {
            let parent = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(read(&parent), Some(parent));
        }
    }

    #[test]
    fn unknown_flags_are_not_handed_on() {
        let parent = format!("00-{TRACE}-{SPAN}-ff");
        assert_eq!(read(&parent), Some(format!("00-{TRACE}-{SPAN}-03")));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let known = Some(format!("00-{TRACE}-{SPAN}-01"));
        for rest in ["", "-", "-what-the-future-will-be-like"] {
            assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01{rest}")), known);
        }
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01.what")), None);
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-0")), None);
    }

    #[test]
    fn what_is_invalid_is_no_trace() {
        let zero = "0".repeat(32);
        for parent in [
            String::new(),
            "00".into(),
            "é".repeat(40),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0x"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("000-{TRACE}-{SPAN}-01"),
            format!("0A-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zero[..16]),
            format!("00-{}-{SPAN}-01", &TRACE[1..]),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &SPAN[1..]),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{TRACE}-{}+-01", &SPAN[1..]),
        ] {
            assert_eq!(read(&parent), None, "{parent}");
        }
    }

    #[test]
    fn a_trace_that_begins_here_is_recorded_and_its_spans_are_distinct() {
        let start = TraceContext::start();
        let child = start.child();
        assert!(start.is_sampled());
        assert_eq!(start.trace_id(), child.trace_id());
        assert_ne!(start.span_id(), child.span_id());
        assert_ne!(start.trace_id(), TraceContext::start().trace_id());
        assert!(start.traceparent().ends_with("-03"));
        assert_eq!(read(&child.traceparent()), Some(child.traceparent()));
    }

    #[cfg(feature = "json")]
    #[test]
    fn it_is_written_down_as_its_headers() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        let context = TraceContext::from_headers(&parent, Some("a=1")).unwrap();
        let text = serde_json::to_string(&context).unwrap();
        assert_eq!(
            text,
            format!(r#"{{"traceparent":"{parent}","tracestate":"a=1"}}"#)
        );
        assert_eq!(
            serde_json::from_str::<TraceContext>(&text).unwrap(),
            context
        );
        serde_json::from_str::<TraceContext>(r#"{"traceparent":"00"}"#).unwrap_err();
    }
}
