//! The host that a request names.

use nether::http::{Server, ServerStarted, StartServer};
use nether::prelude::*;
use nether::{StartError, StartProblem};
use nether_tests::frames::{END_STREAM, Frames, HEADERS};
use nether_tests::http::{Answer, connect, open, send};

use crate::desk;

/// A request for the host, byte by byte.
async fn ask(at: &str, line: &str, host: &str) -> Answer {
    send(
        at,
        format!("{line}\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

async fn get(at: &str, host: &str) -> Answer {
    ask(at, "GET /who HTTP/1.1", host).await
}

#[track_caller]
fn check(answer: &Answer, status: u16, said: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{said:?} is not in {detail:?}");
}

#[tokio::test]
async fn a_request_names_one_host_that_is_one() {
    let (_system, at) = desk(|server| server.hosts(["*"])).await;
    for lines in [
        "",
        "host: a\r\nhost: a\r\n",
        "host: a\r\nHOST: b\r\n",
        "host:\r\n",
        "host: \r\n",
        "host: a b\r\n",
        "host: a, b\r\n",
        "host: a/b\r\n",
        "host: a?b\r\n",
        "host: a#b\r\n",
        "host: a\\b\r\n",
        "host: user@a\r\n",
        "host: user:secret@a\r\n",
        "host: http://a\r\n",
        "host: :80\r\n",
        "host: a:b\r\n",
        "host: a:+80\r\n",
        "host: a:65536\r\n",
        "host: a:80:80\r\n",
        "host: ::1\r\n",
        "host: [::1\r\n",
        "host: [::1]80\r\n",
        "host: [::1%25eth0]\r\n",
        "host: [127.0.0.1]\r\n",
        "host: []\r\n",
        "host: a%\r\n",
        "host: a%2\r\n",
        "host: a%zz\r\n",
        "host: <a>\r\n",
        "host: \"a\"\r\n",
        "host: caf\u{e9}\r\n",
    ] {
        for line in [
            "GET /who",
            "POST /ticks",
            "OPTIONS *",
            "GET http://a/who",
            "GET /nowhere",
        ] {
            let text = format!("{line} HTTP/1.1\r\n{lines}connection: close\r\n\r\n");
            check(&send(&at, text).await, 400, "host");
        }
    }
    for host in [
        "a",
        "A.example.",
        "a:80",
        "a:",
        "a_b-c.d~e",
        "a%41",
        "127.0.0.1:65535",
        "[::1]",
        "[::ffff:127.0.0.1]:80",
    ] {
        assert_eq!(get(&at, host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_target_may_name_the_host_and_then_counts() {
    let (_system, at) = desk(|server| server.hosts(["shop.example"])).await;
    for (target, status) in [
        ("http://shop.example/who", 200),
        ("https://shop.example:8443/who", 200),
        ("http://evil.example/who", 421),
        ("http://user@shop.example/who", 400),
    ] {
        for host in ["shop.example", "evil.example"] {
            let answer = ask(&at, &format!("GET {target} HTTP/1.1"), host).await;
            assert_eq!(answer.status, status, "{target} {host}");
        }
    }
}

#[tokio::test]
async fn http_1_0_needs_no_host_but_takes_no_two() {
    let (_system, at) = desk(|server| server.hosts(["shop.example"])).await;
    for (lines, status) in [
        ("", 200),
        ("host: shop.example\r\n", 200),
        ("host: evil.example\r\n", 421),
        ("host: a b\r\n", 400),
        ("host: shop.example\r\nhost: shop.example\r\n", 400),
    ] {
        let answer = send(&at, format!("GET /who HTTP/1.0\r\n{lines}\r\n")).await;
        assert_eq!(answer.status, status, "{lines}");
    }
}

#[tokio::test]
async fn http_2_names_its_host_in_its_target_or_in_the_header() {
    let (_system, at) = desk(|server| server.hosts(["shop.example"])).await;
    for (hosts, status) in [
        (&[(":authority", "shop.example")][..], 404),
        (&[("host", "shop.example")], 404),
        (
            &[(":authority", "shop.example"), ("host", "SHOP.example:80")],
            404,
        ),
        (&[(":authority", "evil.example")], 421),
        (&[("host", "evil.example")], 421),
        (&[], 400),
        (
            &[(":authority", "shop.example"), ("host", "evil.example")],
            400,
        ),
        (
            &[
                (":authority", "shop.example"),
                ("host", "shop.example:8080"),
            ],
            400,
        ),
        (&[(":authority", "shop.example"), ("host", "a b")], 400),
        (&[("host", "shop.example"), ("host", "shop.example")], 400),
        (&[(":authority", "user@shop.example")], 400),
    ] {
        let mut connection = connect(&at).await;
        let own = [
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/nowhere"),
        ];
        connection.write(http_2(&[&own, hosts].concat())).await;
        // A problem says its status itself.
        connection.until(&format!("\"status\":{status}")).await;
    }
}

#[tokio::test]
async fn cross_site_requests_of_http_2_are_refused_by_the_host_of_their_target() {
    let (_system, at) = desk(|server| server).await;
    for (origin, said) in [
        ("https://evil.example", "\"status\":403"),
        ("http://localhost", "\"status\":415"),
    ] {
        let mut connection = connect(&at).await;
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/orders?article=tea"),
            (":authority", "localhost"),
            ("origin", origin),
        ];
        connection.write(http_2(&fields)).await;
        connection.until(said).await;
    }
}

/// The preface, empty settings, and a request without a body, whose fields are written out.
fn http_2(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    // Pseudo-headers come first.
    let (pseudo, plain): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(name, _)| name.starts_with(':'));
    for (name, value) in pseudo.into_iter().chain(plain) {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend(text.as_bytes());
        }
    }
    let mut bytes =
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    bytes.extend([
        0,
        0,
        u8::try_from(block.len()).expect("it is short"),
        1,
        5,
        0,
        0,
        0,
        1,
    ]);
    bytes.extend(block);
    bytes
}

#[tokio::test]
async fn a_server_at_a_loopback_address_answers_for_the_machine_itself_alone() {
    let (_system, at) = desk(|server| server).await;
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "a.localhost:80",
        "127.0.0.1",
        "127.8.9.1:1",
        "[::1]:80",
        "[::ffff:127.0.0.1]",
        &at,
    ] {
        assert_eq!(get(&at, host).await.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "2130706433",
        "0x7f.1",
        "test",
        "%6cocalhost",
    ] {
        for line in [
            "GET /who",
            "GET /page",
            "GET /openapi.json",
            "GET /metrics",
            "POST /ticks",
        ] {
            let answer = ask(&at, &format!("{line} HTTP/1.1"), host).await;
            check(&answer, 421, "`Server::hosts`");
            assert!(answer.body.contains(host), "{answer:?}");
        }
    }
    let long = "a".repeat(2000);
    let answer = get(&at, &long).await;
    check(&answer, 421, "loopback");
    assert!(answer.body.len() < 700, "{answer:?}");
}

#[tokio::test]
async fn a_server_answers_for_the_hosts_that_it_was_given() {
    let hosts = [
        "Shop.example",
        "*.shop.example",
        "api.example:8443",
        "10.0.0.7",
        "[2001:db8::7]",
    ];
    let (_system, at) = desk(|server| server.hosts(hosts)).await;
    for (host, status) in [
        ("shop.example", 200),
        ("SHOP.example.:80", 200),
        ("a.b.shop.example", 200),
        ("api.example:8443", 200),
        ("10.0.0.7:80", 200),
        ("[2001:DB8:0::7]", 200),
        ("api.example", 421),
        ("api.example:80", 421),
        ("myshop.example", 421),
        (".shop.example", 421),
        ("shop.example.evil.example", 421),
        ("localhost", 421),
        ("127.0.0.1", 421),
    ] {
        assert_eq!(get(&at, host).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn probes_are_answered_for_all_hosts() {
    for hosts in [&[][..], &["shop.example"]] {
        let (_system, at) = desk(|server| match hosts {
            [] => server,
            hosts => server.hosts(hosts.iter().copied()),
        })
        .await;
        for line in ["GET /livez", "GET /readyz"] {
            let answer = ask(&at, &format!("{line} HTTP/1.1"), "10.2.3.4:8080").await;
            assert_eq!(answer.status, 200, "{line} {hosts:?}");
        }
    }
}

#[tokio::test]
async fn the_address_for_management_answers_for_those_that_reach_it() {
    let system = System::start().await.expect("the program is sound");
    let mut started = system.subscribe::<ServerStarted>();
    let server = Server::new(&system).hosts(["shop.example"]);
    let _at = open(&system, server.management("127.0.0.1:0")).await;
    let management = started.next().await.expect("it is open");
    assert!(management.management);
    let metrics = "GET /metrics HTTP/1.1";
    for (host, status) in [
        ("localhost", 200),
        ("shop.example", 200),
        ("evil.example", 421),
    ] {
        let answer = ask(&management.address, metrics, host).await;
        assert_eq!(answer.status, status, "{host}");
    }
    // One that others reach, by whatever name.
    let system = System::start().await.expect("the program is sound");
    let mut started = system.subscribe::<ServerStarted>();
    let server = Server::new(&system).hosts(["shop.example"]);
    let _at = open(&system, server.management("0.0.0.0:0")).await;
    let management = started.next().await.expect("it is open");
    let at = management.address.replace("0.0.0.0", "127.0.0.1");
    for host in ["10.2.3.4:9090", "localhost", "node7"] {
        assert_eq!(ask(&at, metrics, host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_server_that_others_reach_answers_for_all_hosts() {
    let system = System::start().await.expect("the program is sound");
    system
        .attach(Server::new(&system))
        .await
        .expect("it is the only server");
    let ctx = system.context();
    for (address, ours) in [("0.0.0.0:0", "0.0.0.0"), ("[::]:0", "[::]")] {
        let started = StartServer {
            address: address.to_owned(),
        };
        let Ok(at) = ctx.send(started).await else {
            assert_eq!(ours, "[::]", "a machine without IPv6");
            continue;
        };
        let at = at.replace(ours, "127.0.0.1");
        assert_eq!(get(&at, "shop.example").await.status, 200, "{address}");
    }
    ctx.close().await.expect("nothing else is done");
}

#[tokio::test]
async fn a_host_or_a_proxy_that_is_none_keeps_a_server_from_starting() {
    let system = System::start().await.expect("the program is sound");
    for host in [
        "",
        "a b",
        "http://shop.example",
        "*.",
        "*.10.0.0.1",
        "a.*.example",
        "10.0.0.0/8",
    ] {
        let error = Server::new(&system)
            .hosts([host])
            .serve("127.0.0.1:0")
            .await;
        let error = error.expect_err("it is no host");
        let error = error.downcast_ref::<StartError>().expect("it says why");
        let [StartProblem::InvalidSetting { setting, reason }] = &error.problems[..] else {
            panic!("{error}")
        };
        assert_eq!(*setting, "Server::hosts");
        assert!(reason.contains(&format!("{host:?}")), "{reason}");
    }
    for proxy in ["", "proxy.example", "10.0.0.0/33", "10.0.0.1:80"] {
        let server = Server::new(&system).trusted_proxies(["10.0.0.1", proxy]);
        let error = system.attach(server).await.expect_err("it is no proxy");
        let error = error.to_string();
        assert!(error.contains("`Server::trusted_proxies`"), "{error}");
    }
    for path in ["", "callback", "/hooks/{id}", "/callback?from=there"] {
        let server = Server::new(&system).cross_site(["/login", path]);
        let error = system.attach(server).await.expect_err("it is no path");
        let error = error.to_string();
        assert!(error.contains("`Server::cross_site`"), "{error}");
    }
}

#[tokio::test]
async fn the_refusal_of_a_head_has_no_body_on_http_2_either() {
    let (_system, at) = desk(|server| server).await;
    let mut frames = Frames::connect(&at).await;
    for (stream, host, path) in [
        (1, "localhost", "/nowhere"),
        (3, "attacker.example", "/who"),
        (5, "localhost:", "/who"),
    ] {
        frames.ask_host(host, stream, "HEAD", path).await;
        let head = frames.until(HEADERS, stream).await;
        assert_eq!(head.flags & END_STREAM, END_STREAM, "{host}: {head:?}");
    }
}
