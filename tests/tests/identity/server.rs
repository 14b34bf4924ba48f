//! The web server: who asks, before anything is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn as from_layer_fn};
use nether::http::{AddRoutes, ProblemDetails, RequestHead, SecurityScheme, Server, from_fn};
use nether::prelude::*;
use nether::{Principal, StartProblem};
use nether_tests::Lines;
use nether_tests::http::{
    Answer, JSON, by_header, connect, get, head_and_body, open, post, request,
};

use crate::desk::started;

const ANN: (&str, &str) = ("x-user", "ann");
const CLERK: (&str, &str) = ("x-roles", "orders.write");

async fn serving(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let system = started().await;
    let server = Server::new(&system).authenticate(by_header());
    let at = open(&system, set(server)).await;
    (system, at)
}

async fn get_as(at: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(at, &format!("GET {path}"), headers, "").await
}

async fn place_as(at: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [headers, &[JSON]].concat();
    request(at, "POST /orders", &headers, r#"{"article":"tea"}"#).await
}

#[tokio::test]
async fn who_has_not_signed_in_gets_a_challenge_and_who_may_not_a_403() {
    let (_system, at) = serving(|server| server).await;
    let answer = place_as(&at, &[]).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(
        answer.header("www-authenticate"),
        "ApiKey header=\"x-user\""
    );

    let answer = place_as(&at, &[ANN]).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(
        answer.json()["detail"],
        "this requires the role `orders.write`"
    );
    assert_eq!(answer.header("www-authenticate"), "");

    assert_eq!(place_as(&at, &[ANN, CLERK]).await.status, 201);
}

#[tokio::test]
async fn an_authenticator_refuses_with_its_own_problem() {
    let (_system, at) = serving(|server| server).await;
    for path in ["/open", "/who", "/me", "/letters"] {
        let answer = get_as(&at, path, &[("x-user", "nobody")]).await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert_eq!(answer.json()["detail"], "there is no such user", "{path}");
        assert_eq!(
            answer.header("www-authenticate"),
            "ApiKey header=\"x-user\""
        );
    }
}

#[tokio::test]
async fn what_requires_nothing_is_answered_without_a_principal() {
    let (_system, at) = serving(|server| server).await;
    assert_eq!(get(&at, "/open").await.body, "\"nobody\"");
    assert_eq!(get_as(&at, "/open", &[ANN]).await.body, "\"ann\"");
    assert_eq!(get_as(&at, "/who", &[ANN]).await.body, "\"ann\"");
    assert_eq!(get(&at, "/who").await.status, 401);
    // Modules are not asked among themselves.
    let kiosk = post(&at, "/kiosk", r#"{"way":"plain"}"#).await;
    assert_eq!(kiosk.status, 201, "{kiosk:?}");
}

#[tokio::test]
async fn a_function_of_the_message_decides_about_its_request() {
    let (_system, at) = serving(|server| server).await;
    assert_eq!(get_as(&at, "/letters/ann", &[ANN]).await.body, "\"to ann\"");
    let answer = get_as(&at, "/letters/bob", &[ANN]).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(get(&at, "/letters/ann").await.status, 401);
}

#[tokio::test]
async fn routes_know_who_asks_and_answer_with_the_same_problems() {
    let (_system, at) = serving(|server| server).await;
    assert_eq!(get_as(&at, "/me", &[ANN]).await.body, "ann");
    let answer = get(&at, "/me").await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(
        answer.header("www-authenticate"),
        "ApiKey header=\"x-user\""
    );
    assert_eq!(get(&at, "/perhaps").await.body, "nobody");
    assert_eq!(get_as(&at, "/perhaps", &[ANN]).await.body, "ann");
    for (headers, status) in [(&[][..], 401), (&[ANN], 403), (&[ANN, CLERK], 200)] {
        let answer = request(&at, "POST /place", headers, "").await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn routes_that_are_added_later_are_behind_the_authenticator_too() {
    let (system, at) = serving(|server| server).await;
    let who = async |principal: Option<Principal>| {
        principal.map_or("nobody".to_owned(), |it| it.id().to_owned())
    };
    let router = axum::Router::new().route("/later", axum::routing::get(who));
    let ctx = system.context();
    ctx.send(AddRoutes { router }).await.expect("it serves");
    ctx.close().await.expect("nothing else is done");
    assert_eq!(get(&at, "/later").await.body, "nobody");
    assert_eq!(get_as(&at, "/later", &[ANN]).await.body, "ann");
    let answer = get_as(&at, "/later", &[("x-user", "nobody")]).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn probes_are_not_asked_who_they_are() {
    let (_system, at) = serving(|server| {
        let closed = from_fn([SecurityScheme::bearer()], async |_: RequestHead| {
            Err(ProblemDetails::unauthorized("nobody may"))
        });
        server.authenticate(closed).public_metrics().public_docs()
    })
    .await;
    for path in ["/livez", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(get(&at, path).await.status, 200, "{path}");
    }
    let answer = get(&at, "/open").await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, "Bearer")
    );
    assert_eq!(get(&at, "/nowhere").await.status, 404);
}

#[tokio::test]
async fn files_are_for_everybody_unless_the_server_says_otherwise() {
    let folder = nether_tests::Folder::new("identity");
    std::fs::write(folder.0.join("a.txt"), "hello").expect("it is a folder");
    let at_files = |server: Server| server.files("/files", &folder.0);
    let (_system, at) = serving(at_files).await;
    let nobody = ("x-user", "nobody");
    assert_eq!(get_as(&at, "/files/a.txt", &[nobody]).await.body, "hello");
    let (_system, at) = serving(|server| at_files(server).authenticate_files()).await;
    for path in ["/files/a.txt", "/files/none.txt"] {
        assert_eq!(get_as(&at, path, &[nobody]).await.status, 401, "{path}");
    }
    assert_eq!(get_as(&at, "/files/a.txt", &[ANN]).await.body, "hello");
    assert_eq!(get_as(&at, "/files/none.txt", &[ANN]).await.status, 404);
    assert_eq!(get_as(&at, "/nowhere", &[nobody]).await.status, 404);
}

#[tokio::test]
async fn a_request_that_folders_in_folders_hand_on_is_identified_once() {
    let (outer, inner) = (
        nether_tests::Folder::new("identity-outer"),
        nether_tests::Folder::new("identity-inner"),
    );
    std::fs::write(inner.0.join("a.txt"), "hello").expect("it is a folder");
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let authenticator = from_fn([SecurityScheme::bearer()], move |_: RequestHead| {
        counting.fetch_add(1, Ordering::SeqCst);
        async { Ok(Principal::new("ann")) }
    });
    let (_system, at) = serving(|server| {
        let server = server.authenticate(authenticator).authenticate_files();
        server
            .files("/files/inner", &inner.0)
            .files("/files", &outer.0)
    })
    .await;
    for (path, status) in [("/files/inner/a.txt", 200), ("/files/inner/none.txt", 404)] {
        assert_eq!(get(&at, path).await.status, status, "{path}");
        assert_eq!(asked.swap(0, Ordering::SeqCst), 1, "{path}");
    }
}

#[tokio::test]
async fn a_principal_that_a_layer_puts_into_a_request_does_not_count() {
    let (_system, at) = serving(|server| {
        server.layer(from_layer_fn(|mut request: Request, next: Next| {
            let forged = Principal::new("eve").with_roles(["orders.write"]);
            request.extensions_mut().insert(forged);
            next.run(request)
        }))
    })
    .await;
    assert_eq!(place_as(&at, &[]).await.status, 401);
    assert_eq!(get_as(&at, "/who", &[]).await.status, 401);
    assert_eq!(get_as(&at, "/me", &[]).await.status, 401);
    assert_eq!(get_as(&at, "/open", &[]).await.body, "\"nobody\"");
    assert_eq!(get_as(&at, "/open", &[ANN]).await.body, "\"ann\"");
}

#[tokio::test]
async fn a_body_is_not_read_of_a_request_that_is_refused() {
    let (_system, at) = serving(|server| server).await;
    for (headers, status) in [(&[][..], "401"), (&[ANN], "403")] {
        let expecting = [
            headers,
            &[JSON, ("expect", "100-continue"), ("content-length", "17")],
        ];
        let mut client = connect(&at).await;
        client
            .write(head_and_body("POST /orders", &expecting.concat(), ""))
            .await;
        let answer = client.rest().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_not_kept_for_an_idempotency_key() {
    let (_system, at) = serving(|server| server).await;
    let answer = async |roles: &'static str| {
        let headers = [ANN, ("x-roles", roles), JSON, ("idempotency-key", "k")];
        request(&at, "POST /letters/ann", &headers, "").await.status
    };
    assert_eq!(answer("").await, 403);
    assert_eq!(answer("letters").await, 201);
    let other = [
        ("x-user", "bob"),
        ("x-roles", "letters"),
        JSON,
        ("idempotency-key", "k2"),
    ];
    let refused = request(&at, "POST /letters/ann", &other, "").await;
    assert_eq!(refused.status, 403, "{refused:?}");
}

#[tokio::test]
async fn a_server_without_an_authenticator_does_not_serve_what_requires_a_principal() {
    let system = started().await;
    let refused = Server::new(&system).serve("127.0.0.1:0").await;
    let error = refused.expect_err("it has no authenticator");
    let start = error.downcast_ref::<nether::StartError>();
    let problems = &start.expect("it says what is wrong").problems;
    let [StartProblem::NoAuthenticator { messages }] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(messages.len(), 7, "{messages:?}");
    let text = error.to_string();
    assert!(text.contains("`Server::authenticate(..)`"), "{text}");
    assert!(system.attach(Server::new(&system)).await.is_err());
}

#[tokio::test]
async fn the_log_names_endpoints_that_require_nothing() {
    let (lines, _guard) = Lines::of_this_thread();
    let (_system, _at) = serving(|server| server).await;
    let log = lines.take();
    let line = log.lines().find(|line| line.contains("have no `requires`"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("POST /kiosk, GET /open"), "{line}");
    assert!(!line.contains("GET /who"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn an_authenticator_has_as_long_as_a_request() {
    let (lines, _guard) = Lines::of_this_thread();
    let (_system, at) = serving(|server| {
        let never = from_fn([SecurityScheme::bearer()], async |_: RequestHead| {
            std::future::pending().await
        });
        server
            .authenticate(never)
            .request_timeout(std::time::Duration::from_secs(5))
    })
    .await;
    let answer = get(&at, "/open").await;
    assert_eq!(answer.status, 504);
    let (log, json) = (lines.take(), answer.json());
    let id = json["request_id"].as_str().unwrap();
    assert!(
        log.contains(id) && log.contains("the authenticator took longer"),
        "{log}"
    );
}

#[tokio::test]
async fn an_authenticator_that_fails_is_logged_and_tells_clients_nothing() {
    let (lines, _guard) = Lines::of_this_thread();
    let (_system, at) = serving(|server| {
        let failing = from_fn(
            [SecurityScheme::bearer()],
            async |head: RequestHead| match head.path() {
                "/open" => Err(ProblemDetails::new(500, "no table `sessions`")),
                "/who" => Err(ProblemDetails::unavailable("the store is away")),
                _ => panic!("not today"),
            },
        );
        server.authenticate(failing)
    })
    .await;
    let answer = get(&at, "/open").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("sessions"), "{answer:?}");
    let json = answer.json();
    let id = json["request_id"].as_str().unwrap();
    let answer = get(&at, "/who").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(get(&at, "/me").await.status, 500);
    let log = lines.take();
    assert!(
        log.contains("no table `sessions`") && log.contains(id),
        "{log}"
    );
}

#[tokio::test]
async fn the_description_says_what_is_required() {
    let (_system, at) = serving(|server| {
        let schemes = [SecurityScheme::jwt(), SecurityScheme::cookie("session")];
        let nobody = from_fn(schemes, async |_: RequestHead| Ok(Principal::anonymous()));
        server.authenticate(nobody).public_docs()
    })
    .await;
    let document = get(&at, "/openapi.json").await.json();
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["bearerFormat"], "JWT");
    assert_eq!(schemes["cookie"]["name"], "session");
    let place = &document["paths"]["/orders"]["post"];
    let roles = serde_json::json!([{ "bearer": ["orders.write"] }, { "cookie": ["orders.write"] }]);
    assert_eq!(place["security"], roles);
    let responses = &place["responses"];
    assert!(responses["401"]["headers"]["WWW-Authenticate"].is_object());
    let refusals = responses["403"]["description"].as_str().unwrap();
    assert!(refusals.contains("The principal may not"), "{refusals}");
    let open = &document["paths"]["/open"]["get"];
    assert!(open["security"].is_null() && open["responses"]["401"].is_null());
}

#[tokio::test]
async fn the_log_says_once_who_asks_also_of_a_request_that_is_refused() {
    let (lines, _guard) = Lines::of_this_thread();
    let (_system, at) = serving(|server| server).await;
    lines.take();
    for (headers, status) in [(&[ANN][..], 403), (&[ANN, CLERK], 201)] {
        assert_eq!(place_as(&at, headers).await.status, status);
        let log = lines.take();
        let line = log.lines().find(|line| line.contains("nether::access"));
        let line = line.unwrap_or_else(|| panic!("{log}"));
        assert_eq!(line.matches("principal=\"ann\"").count(), 1, "{line}");
        assert!(!log.contains("orders.write"), "{log}");
    }
}

#[tokio::test]
async fn no_way_of_writing_a_request_leads_around_what_is_required() {
    for is_layered in [false, true] {
        let (_system, at) = serving(|server| match is_layered {
            true => server.layer(tower::layer::util::Identity::new()),
            false => server,
        })
        .await;
        let absolute = format!("GET http://{at}/letters/ann");
        for line in [
            "GET /letters/ann",
            "HEAD /letters/ann",
            "OPTIONS /letters/ann",
            "PUT /letters/ann",
            "POST /letters/ann",
            "POST /letters/ann/",
            "GET /letters/ann/",
            "GET //letters/ann",
            "GET /letters//ann",
            "GET /%6cetters/ann",
            "GET /letters%2Fann",
            "GET /x/../letters/ann",
            "GET /letters/ann?owner=bob",
            "GET /letters",
            "HEAD /letters",
            &absolute,
        ] {
            for header in [
                ("accept", "*/*"),
                ("idempotency-key", "k"),
                ("last-event-id", "0"),
                ("x-http-method-override", "GET"),
                ("x-user", ""),
                ("x-roles", "letters"),
            ] {
                let answer = request(&at, line, &[JSON, header], "{}").await;
                assert!(
                    (400..500).contains(&answer.status),
                    "{line} {header:?}: {answer:?}"
                );
            }
        }
    }
}
