//! Requests that a foreign page had its visitor's browser send.

use nether::http::{CorsLayer, HeaderValue, Server};
use nether_tests::http::{Answer, JSON, get, request};

use crate::desk;

const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");
const EVIL: (&str, &str) = ("origin", "https://evil.example");
const SHOP: (&str, &str) = ("origin", "https://shop.example");
const COOKIE: (&str, &str) = ("cookie", "session=7");

/// All that is behind a method that may change something: an endpoint, a route, an unknown path.
const CHANGES: [&str; 7] = [
    "POST /ticks",
    "POST /orders",
    "DELETE /orders/7",
    "POST /searches",
    "POST /form",
    "PUT /page",
    "POST /nowhere",
];

async fn ask(at: &str, line: &str, headers: &[(&str, &str)]) -> Answer {
    request(at, line, headers, "").await
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let detail = problem["detail"].as_str().expect("it says why");
    for says in ["`Server::cors`", "`Server::cross_site`", "`host`"] {
        assert!(detail.contains(says), "{detail}");
    }
}

#[tokio::test]
async fn a_form_of_a_foreign_page_changes_nothing() {
    let (_system, at) = desk(|server| server).await;
    // What `<form method=post action="/orders?article=tea&pieces=3">` has a browser send, with all that it
    // may say of itself.
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
    ] {
        for origin in [EVIL, ("origin", "null")] {
            let content = ("content-type", kind);
            let headers = [content, ("content-length", "0"), origin, CROSS, COOKIE];
            let answer = ask(&at, "POST /orders?article=tea&pieces=3", &headers).await;
            assert_refused(&answer);
        }
    }
}

/// An origin that does not fit into a problem.
const LONG: &str = "https://a-very-long-name-of-a-page-that-nobody-knows-and-that-would-leave-no-room-for-more.example";

#[tokio::test]
async fn what_comes_from_a_foreign_page_changes_nothing() {
    let (_system, at) = desk(|server| server).await;
    for line in CHANGES {
        for headers in [
            &[CROSS][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "nonsense")],
            &[("sec-fetch-site", "same-origin"), CROSS],
            &[EVIL],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "localhost")],
            &[("origin", "app://localhost")],
            &[("origin", "https://localhost.evil.example")],
            &[("origin", "https://evil.example@localhost")],
            &[("origin", LONG)],
            &[("origin", "http://localhost:8080")],
            &[("origin", "http://localhost"), EVIL],
            &[CROSS, ("origin", "http://localhost")],
        ] {
            let answer = request(&at, line, &[headers, &[JSON]].concat(), "{}").await;
            assert_refused(&answer);
        }
    }
}

#[tokio::test]
async fn own_pages_and_other_programs_are_not_refused() {
    let (_system, at) = desk(|server| server).await;
    for headers in [
        &[][..],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        // A proxy that encrypts, or that the host was lost in, as a newer browser sees it.
        &[("sec-fetch-site", "same-origin"), SHOP],
        &[("origin", "http://localhost")],
        &[("origin", "https://localhost")],
        &[("origin", "https://LOCALHOST")],
        &[("origin", "https://localhost:443")],
        &[COOKIE],
    ] {
        assert_eq!(
            ask(&at, "POST /ticks", headers).await.status,
            204,
            "{headers:?}"
        );
        assert_eq!(
            ask(&at, "POST /form", headers).await.body,
            "taken",
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn the_port_of_an_origin_counts() {
    let (_system, at) = desk(|server| server.hosts(["*"])).await;
    for (host, origin, status) in [
        ("shop.example:8443", "https://shop.example:8443", 204),
        ("shop.example:443", "https://shop.example", 204),
        ("shop.example:80", "http://shop.example", 204),
        ("shop.example", "https://shop.example:443", 204),
        ("[2001:db8::7]:8080", "http://[2001:db8::7]:8080", 204),
        ("shop.example", "https://shop.example:8443", 403),
        ("shop.example:8443", "https://shop.example", 403),
        ("shop.example:443", "http://shop.example", 403),
        ("shop.example", "https://www.shop.example", 403),
    ] {
        let text = format!(
            "POST /ticks HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\n\r\n"
        );
        let answer = nether_tests::http::send(&at, text).await;
        assert_eq!(answer.status, status, "{host} {origin}");
    }
}

#[tokio::test]
async fn what_only_reads_is_answered_to_all_pages() {
    let (_system, at) = desk(|server| server).await;
    for line in ["GET /who", "HEAD /who", "GET /page", "GET /openapi.json"] {
        let answer = ask(&at, line, &[CROSS, EVIL, COOKIE]).await;
        assert_eq!(answer.status, 200, "{line}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{line}");
    }
    let answer = ask(&at, "OPTIONS /ticks", &[CROSS, EVIL]).await;
    assert_eq!(answer.status, 405, "a preflight that nobody answers");
}

#[tokio::test]
async fn a_foreign_page_opens_no_web_socket() {
    let (_system, at) = desk(|server| server).await;
    let upgrade = ("upgrade", "websocket");
    // `connection: close` is in all requests here; a browser says `upgrade` as well.
    for headers in [&[EVIL][..], &[CROSS, EVIL], &[("origin", "null")]] {
        let answer = ask(&at, "GET /socket", &[headers, &[upgrade]].concat()).await;
        assert_refused(&answer);
    }
    for headers in [&[][..], &[("origin", "http://localhost")]] {
        let answer = ask(&at, "GET /socket", &[headers, &[upgrade]].concat()).await;
        assert_eq!(answer.body, "open", "{headers:?}");
    }
    let (_system, at) = desk(shop).await;
    let answer = ask(&at, "GET /socket", &[SHOP, upgrade]).await;
    assert_eq!(answer.body, "open");
}

fn shop(server: Server) -> Server {
    let origin = HeaderValue::from_static(SHOP.1);
    server.cors(CorsLayer::new().allow_origin(origin))
}

#[tokio::test]
async fn pages_of_origins_that_cors_allows_are_let_in() {
    let (_system, at) = desk(shop).await;
    for line in ["POST /ticks", "POST /form", "DELETE /orders/7"] {
        for more in [
            &[][..],
            &[CROSS],
            &[("sec-fetch-site", "same-site"), COOKIE],
        ] {
            let answer = ask(&at, line, &[more, &[SHOP]].concat()).await;
            assert!(answer.status < 300, "{line}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), SHOP.1);
        }
        for headers in [&[EVIL][..], &[CROSS], &[("origin", "null")], &[SHOP, EVIL]] {
            assert_refused(&ask(&at, line, headers).await);
        }
    }
}

#[tokio::test]
async fn an_origin_that_a_function_allows_is_let_in_and_one_that_it_panics_at_is_not() {
    let (_system, at) = desk(|server| {
        let allowed = tower_http_allow(|origin| {
            assert_ne!(origin, "https://panic.example");
            origin.as_bytes().ends_with(b".shop.example")
        });
        server.cors(CorsLayer::new().allow_origin(allowed))
    })
    .await;
    let allowed = ("origin", "https://a.shop.example");
    assert_eq!(ask(&at, "POST /ticks", &[CROSS, allowed]).await.status, 204);
    assert_refused(&ask(&at, "POST /ticks", &[CROSS, EVIL]).await);
    let panics = ("origin", "https://panic.example");
    assert_refused(&ask(&at, "POST /ticks", &[CROSS, panics]).await);
    assert_eq!(get(&at, "/who").await.status, 200);
}

#[tokio::test]
async fn all_origins_are_let_in_without_credentials_alone() {
    let (_system, at) = desk(|server| server.cors(CorsLayer::permissive())).await;
    let bearer = ("authorization", "Bearer token");
    for headers in [&[CROSS, EVIL][..], &[CROSS, EVIL, bearer]] {
        assert_eq!(
            ask(&at, "POST /ticks", headers).await.status,
            204,
            "{headers:?}"
        );
    }
    let basic = ("authorization", "Basic YTpi");
    for headers in [&[CROSS, EVIL, COOKIE], &[CROSS, EVIL, basic]] {
        assert_refused(&ask(&at, "POST /ticks", headers).await);
    }
}

#[tokio::test]
async fn a_path_may_be_opened_to_all_pages() {
    let (_system, at) = desk(|server| server.cross_site(["/identity/acs", "/hooks/"])).await;
    for headers in [[CROSS, EVIL], [CROSS, ("origin", "null")]] {
        for (line, body) in [
            ("POST /identity/acs", "back"),
            ("POST /identity/acs?state=7", "back"),
            ("POST /hooks/pay", "hooked"),
        ] {
            assert_eq!(ask(&at, line, &headers).await.body, body, "{line}");
        }
        for line in [
            "POST /ticks",
            "POST /form",
            "POST /identity/acs/",
            "POST /identity/acs2",
            "POST /hooks",
            "POST /identity/../identity/acs",
        ] {
            assert_refused(&ask(&at, line, &headers).await);
        }
    }
}

#[tokio::test]
async fn a_command_that_its_query_fills_says_that_it_is_json() {
    let (_system, at) = desk(|server| server).await;
    let line = "POST /orders?article=tea&pieces=3";
    for kind in ["application/x-www-form-urlencoded", "text/plain", ""] {
        let answer = ask(&at, line, &[("content-type", kind)]).await;
        assert_eq!(answer.status, 415, "{kind}");
        assert!(answer.body.contains("application/json"), "{answer:?}");
    }
    assert_eq!(ask(&at, line, &[]).await.status, 415);
    let answer = ask(&at, line, &[JSON]).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, "\"3 tea\""));
    // What no form can send, or what changes nothing, need not.
    let answer = ask(&at, "DELETE /orders/7?reason=late", &[]).await;
    assert_eq!(answer.status, 200);
    let answer = ask(&at, "POST /searches?article=tea", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(ask(&at, "POST /ticks", &[]).await.status, 204);
}

fn tower_http_allow(
    allows: impl Fn(&HeaderValue) -> bool + Clone + Send + Sync + 'static,
) -> nether::http::AllowOrigin {
    nether::http::AllowOrigin::predicate(move |origin, _| allows(origin))
}
