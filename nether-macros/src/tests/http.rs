//! What the macros make of endpoints, and what they say of each mistake about one.

use proc_macro2::TokenStream;
use quote::quote;

use super::{check, mentions};
use crate::message::{self, MessageKind};
use crate::{problem, routes};

/// The first lines of all errors in an expansion: what is wrong, without the help.
fn mistakes(expansion: TokenStream) -> Vec<String> {
    let file = syn::parse2::<syn::File>(expansion).expect("an expansion is a list of items");
    let errors = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) => Some(&item.mac),
        _ => None,
    });
    let texts = errors.filter_map(|error| error.parse_body::<syn::LitStr>().ok());
    let first = |text: syn::LitStr| text.value().lines().next().unwrap_or_default().to_owned();
    texts.map(first).collect()
}

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

use MessageKind::{Command, Event, Query};

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
    check("endpoint", message::attribute(Command, arguments, item));
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
    check(
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
fn every_mistake_of_an_endpoint_is_told_at_once() {
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

#[test]
fn routes_beside_endpoints() {
    let item = quote! {
        /// Pages for people.
        pub(crate) fn pages() -> axum::Router<System> {
            axum::Router::new().route("/", get(index))
        }
    };
    check("routes", routes::attribute(quote!(), item));
}

#[test]
fn routes_are_given_by_a_plain_function() {
    for (item, expected) in [
        (
            quote!(
                async fn pages() -> Router<System> {}
            ),
            "`pages` is `async`, but its routes are put together before anything is served",
        ),
        (
            quote!(
                unsafe fn pages() -> Router<System> {}
            ),
            "`pages` is `unsafe`, but the server calls it",
        ),
        (
            quote!(
                extern "C" fn pages() -> Router<System> {}
            ),
            "`pages` is `extern`, but the server calls it",
        ),
        (
            quote!(
                fn pages<T>() -> Router<System> {}
            ),
            "`#[routes]` cannot call `pages`, since it is generic",
        ),
        (
            quote!(
                fn pages(system: System) -> Router<System> {}
            ),
            "`#[routes]` calls `pages` without arguments, but it takes some",
        ),
        (
            quote!(
                fn pages() {}
            ),
            "`pages` gives no routes",
        ),
        (
            quote!(
                struct Pages;
            ),
            "`#[routes]` stands above a function, not `struct`",
        ),
    ] {
        let expansion = routes::attribute(quote!(), item);
        assert_eq!(mistakes(expansion.clone()), [expected]);
        assert!(!mentions(expansion, "RoutesRegistration"));
    }
}

#[test]
fn problem_of_an_enum() {
    let item = quote! {
        #[problem(status = 422)]
        pub enum OrderError<E: Display> where E: Send {
            NothingToPay,
            #[problem(status = 409, title = "Paid already", type = "https://example.com/paid")]
            Paid { at: u64 },
            #[problem(title = "Somebody else's")]
            Other(E),
        }
    };
    check("problem", problem::derive(item));
}

#[test]
fn problems_of_other_shapes() {
    let expansion = problem::derive(quote!(
        #[problem(status = 409)]
        struct Paid;
    ));
    assert_eq!(mistakes(expansion.clone()), [""; 0]);
    assert!(expansion.to_string().contains("& Self :: KINDS [0]"));
    let expansion = problem::derive(quote!(
        enum Never {}
    ));
    assert_eq!(mistakes(expansion.clone()), [""; 0]);
    assert!(expansion.to_string().contains("match * self { }"));
}

#[test]
fn a_problem_says_what_it_is() {
    for (item, expected) in [
        (
            quote!(
                enum E {
                    #[problem(status = 409)]
                    A,
                    B,
                }
            ),
            "the variant `B` does not say its status",
        ),
        (
            quote!(
                enum E {
                    #[problem(title = "A")]
                    A,
                }
            ),
            "the variant `A` does not say its status",
        ),
        (
            quote!(
                struct E;
            ),
            "`E` does not say its status",
        ),
        (
            quote!(
                #[problem(title = "A")]
                enum E {
                    A,
                    B,
                }
            ),
            "above `E`, `#[problem(..)]` is for variants that say nothing, but it has no status",
        ),
        (
            quote!(
                #[problem(status = 200)]
                enum E {
                    A,
                    B,
                }
            ),
            "`status = 200` is not a status of an error, from 400 to 599",
        ),
        (
            quote!(
                #[problem(status = "409")]
                struct E;
            ),
            "`status` in `#[problem(..)]` is not written like this",
        ),
        (
            quote!(
                #[problem(status = 409, titel = "A")]
                struct E;
            ),
            "`#[problem(..)]` has no key `titel`",
        ),
        (
            quote!(
                #[problem(status = 409, titl = "A")]
                struct E;
            ),
            "`#[problem(..)]` has no key `titl`: did you mean `title`?",
        ),
        (
            quote!(
                #[problem(status = 409, title = " ")]
                struct E;
            ),
            "the `title` of a problem cannot be empty",
        ),
        (
            quote!(
                #[problem(status = 409, type = "a b")]
                struct E;
            ),
            "the `type` of a problem is a URI, but \"a b\" is none",
        ),
        (
            quote!(
                #[problem(status = 409)]
                #[problem(title = "A")]
                struct E;
            ),
            "`#[problem(..)]` is given twice",
        ),
        (
            quote!(
                #[problem(status = 409)]
                struct E {
                    #[problem(status = 410)]
                    a: u8,
                }
            ),
            "`#[problem(..)]` stands above a variant or the whole type, not a field",
        ),
        (
            quote!(union E { a: u8 }),
            "`#[derive(Problem)]` is for an `enum` or a `struct`, not a `union`",
        ),
    ] {
        assert_eq!(mistakes(problem::derive(item)), [expected]);
    }
}

#[test]
fn a_renamed_crate_is_named_everywhere() {
    let endpoint = quote!(crate = n, http = "POST /{order}");
    for expansion in [
        message::attribute(
            Command,
            endpoint,
            quote!(
                struct Pay {
                    order: u64,
                }
            ),
        ),
        message::attribute(
            Event,
            quote!(crate = n, http = "SSE /a"),
            quote!(
                struct Paid;
            ),
        ),
        routes::attribute(
            quote!(crate = n),
            quote!(
                fn pages() -> Router {}
            ),
        ),
        problem::derive(quote!(
            #[problem(crate = n, status = 409)]
            struct Paid;
        )),
    ] {
        assert!(!mentions(expansion.clone(), "nether"), "{expansion}");
        assert!(mentions(expansion.clone(), "n"), "{expansion}");
    }
}
