//! What the macros make of endpoints, and what they say of each mistake about one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::message::MessageKind::{Command, Event, Query};
use crate::message::{self, MessageKind};
use crate::tests::{check_message, mentions, mistakes};

/// Checks that a message with such arguments has this mistake alone, and is still a message, but no endpoint.
fn refused(kind: MessageKind, arguments: TokenStream, expected: &str) {
    let item = quote! {
        struct Pay {
            order_id: String,
            #[serde(rename = "sum")]
            amount: u64,
            #[serde(flatten)]
            more: More,
        }
    };
    refused_item(kind, arguments, item, expected);
}

fn refused_item(kind: MessageKind, arguments: TokenStream, item: TokenStream, expected: &str) {
    let expansion = message::attribute(kind, arguments, item);
    assert_eq!(mistakes(expansion.clone()), [expected]);
    assert!(mentions(expansion.clone(), "MessageRegistration"));
    assert!(!mentions(expansion, "EndpointEntry"));
}

#[test]
fn endpoint() {
    let arguments = quote!(
        reply = Receipt,
        error = OrderError,
        http = "PUT /orders/{orderId}",
        status = 202
    );
    let item = quote! {
        /// Changes an order.
        ///
        /// Only while it is open.
        #[serde(rename_all = "camelCase")]
        pub struct ChangeOrder {
            /// The order.
            pub order_id: String,
            pub note: Option<String>,
            #[serde(default)]
            pub amount: u64,
        }
    };
    check_message("endpoint", message::attribute(Command, arguments, item));
}

#[test]
fn endpoint_of_an_event() {
    let arguments = quote!(http = "SSE /orders/events");
    let item = quote! {
        pub enum OrderChanged {
            InPart,
            Whole,
        }
    };
    check_message(
        "endpoint_of_an_event",
        message::attribute(Event, arguments, item),
    );
}

#[test]
fn sound_endpoints_have_no_mistakes() {
    for (kind, arguments) in [
        (Command, quote!(http = "POST /")),
        (Command, quote!(http = "PUT /orders/{order_id}/sums/{sum}")),
        (Command, quote!(http = "PATCH /orders/per-day_v1.2~x")),
        (Command, quote!(http = "DELETE /orders:all", status = 204)),
        (
            Command,
            quote!(http = "POST /jobs", reply = (), status = 204),
        ),
        (Query, quote!(http = "GET /orders", reply = u64)),
        (Query, quote!(http = "POST /orders/search", reply = u64)),
        (Event, quote!(http = "SSE /orders/{order_id}/events")),
    ] {
        let item = quote!(
            struct Pay {
                order_id: String,
                sum: u64,
            }
        );
        let expansion = message::attribute(kind, arguments, item);
        assert_eq!(mistakes(expansion.clone()), [""; 0]);
        assert!(mentions(expansion, "EndpointEntry"));
    }
}

#[test]
fn an_endpoint_has_a_verb_and_a_path() {
    let not =
        |text: &str| format!("`http = {text:?}` is not a verb and a path with one space between");
    for text in [
        "",
        "POST",
        "/orders",
        "POST  /orders",
        " POST /orders",
        "POST /a /b",
    ] {
        refused(Command, quote!(http = #text), &not(text));
    }
}

#[test]
fn a_verb_is_one_of_its_kind_of_message() {
    for (kind, text, expected) in [
        (
            Command,
            "PATH /a",
            "there is no verb `PATH`: did you mean `PATCH`?",
        ),
        (Command, "HEAD /a", "there is no verb `HEAD`"),
        (
            Command,
            "post /a",
            "the verb `post` is not written in capitals",
        ),
        (
            Command,
            "GET /a",
            "a GET must change nothing (RFC 9110, 9.2.1), but `Pay` is a command",
        ),
        (
            Command,
            "SSE /a",
            "`SSE` is a stream of events, but `Pay` is a command, which is answered once",
        ),
        (
            Query,
            "SSE /a",
            "`SSE` is a stream of events, but `Pay` is a query, which is answered once",
        ),
        (
            Query,
            "PUT /a",
            "a PUT changes something, but the query `Pay` changes nothing",
        ),
        (
            Event,
            "POST /a",
            "the event `Pay` cannot have `POST`: clients listen to events, and do not send them",
        ),
    ] {
        refused(kind, quote!(http = #text), expected);
    }
}

#[test]
fn a_path_is_written_as_clients_send_it() {
    for (path, expected) in [
        ("orders", "the path `orders` does not begin with a slash"),
        ("/orders/", "the path `/orders/` ends with a slash"),
        ("//", "the path `//` has slashes with nothing between them"),
        (
            "/a//b",
            "the path `/a//b` has slashes with nothing between them",
        ),
        ("/a?b=c", "the path `/a?b=c` goes on behind its end, `/a`"),
        ("/a#b", "the path `/a#b` goes on behind its end, `/a`"),
        (
            "/a/../b",
            "clients do not send the segment `..`, but go to another path",
        ),
        ("/stra\u{df}e", "`\u{df}` cannot stand in a path"),
        ("/a%20b", "`%` cannot stand in a path"),
    ] {
        let text = format!("POST {path}");
        refused(Command, quote!(http = #text), expected);
    }
}

#[test]
fn a_parameter_is_a_segment_in_braces() {
    let wild = "stands for any number of segments, but a field is read from one";
    for (path, expected) in [
        (
            "/:order_id",
            "`:order_id` is not how a parameter is written",
        ),
        (
            "/<order_id>",
            "`<order_id>` is not how a parameter is written",
        ),
        ("/{*order_id}", &format!("`{{*order_id}}` {wild}")),
        ("/*", &format!("`*` {wild}")),
        ("/{}", "the parameter `{}` has no name"),
        ("/a{order_id}", "`a{order_id}` is a parameter only in part"),
        (
            "/{order_id}.json",
            "`{order_id}.json` is a parameter only in part",
        ),
        (
            "/{order_id}-{sum}",
            "`{order_id}-{sum}` is a parameter only in part",
        ),
        (
            "/{order_id}/a/{order_id}",
            "the parameter `{order_id}` is in the path twice",
        ),
    ] {
        let text = format!("POST {path}");
        refused(Command, quote!(http = #text), expected);
    }
}

#[test]
fn a_parameter_is_a_field() {
    for (path, expected) in [
        (
            "/{oder_id}",
            "`{oder_id}` in the path is no field that `Pay` is read from: did you mean `{order_id}`?",
        ),
        (
            "/{amount}",
            "`{amount}` in the path is no field that `Pay` is read from",
        ),
        (
            "/{more}",
            "`{more}` in the path names a flattened field: its own fields are read in its place",
        ),
    ] {
        let text = format!("POST {path}");
        refused(Command, quote!(http = #text), expected);
    }
}

#[test]
fn what_has_no_named_fields_has_no_parameters() {
    let is = |what: &str| format!("`{{a}}` in the path names a field, but `Pay` is {what}");
    for (item, what) in [
        (
            quote!(
                enum Pay {
                    A,
                }
            ),
            "an enum",
        ),
        (
            quote!(
                struct Pay;
            ),
            "a struct without fields",
        ),
        (
            quote!(
                struct Pay(u64);
            ),
            "a struct whose fields have no names",
        ),
        (
            quote!(
                #[serde(transparent)]
                struct Pay {
                    a: u64,
                }
            ),
            "not read field by field: it is `#[serde(transparent)]`",
        ),
    ] {
        refused_item(Command, quote!(http = "POST /{a}/{b}"), item, &is(what));
    }
}

#[test]
fn a_local_message_is_no_endpoint() {
    let expected = "`Pay` is `local`, so it cannot be read from a request";
    refused(Command, quote!(local, http = "POST /a"), expected);
}

#[test]
fn a_status_is_one_of_success() {
    for (kind, arguments, expected) in [
        (
            Command,
            quote!(status = 202),
            "`status` is what an endpoint answers with, but `Pay` is none",
        ),
        (
            Event,
            quote!(http = "SSE /a", status = 202),
            "the event `Pay` cannot have `status`: a stream is always a 200",
        ),
        (
            Command,
            quote!(http = "POST /a", status = 301),
            "`status = 301` is not a status of success, from 200 to 299",
        ),
        (
            Command,
            quote!(http = "POST /a", status = 70000),
            "`status = 70000` is not a status of success, from 200 to 299",
        ),
        (
            Query,
            quote!(http = "GET /a", reply = u64, status = 204),
            "an answer with `status = 204` has no content, but the reply is `u64`",
        ),
    ] {
        refused(kind, arguments, expected);
    }
}

#[test]
fn every_mistake_of_an_endpoint_is_reported_at_once() {
    let arguments = quote!(http = "GET /:id/{x}/", status = 404);
    let expansion = message::attribute(
        Command,
        arguments,
        quote!(
            struct Pay {
                id: u64,
            }
        ),
    );
    assert_eq!(mistakes(expansion).len(), 3);
}
