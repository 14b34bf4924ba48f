//! The example, asked over its own server. The whole session that the README shows is checked by `.ci/e2e`.

use nether::http::{Server, StartServer};
use nether::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::accounts::Sessions;
use crate::audit::Audit;

/// Status and body of the answer to a request of one connection.
async fn ask(address: &str, line: &str, json: &str) -> (u16, String) {
    let (head, body) = ask_as(address, line, "none=1", json).await;
    (status_of(&head), body)
}

fn status_of(head: &str) -> u16 {
    let status = head.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}

/// Head and body of the answer to a request with a cookie.
async fn ask_as(address: &str, line: &str, cookie: &str, json: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.expect("it is open");
    let length = json.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         cookie: {cookie}\r\ncontent-length: {length}\r\n\r\n{json}"
    );
    let written = stream.write_all(request.as_bytes()).await;
    written.expect("it is open");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).await;
    read.expect("it is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

/// A server, and its address.
async fn serving() -> nether::Result<(System, String)> {
    let (sessions, audit) = (Sessions::default(), Audit::default());
    let builder = System::builder().provide(sessions.clone());
    let builder = builder.provide(audit.clone()).intercept(audit);
    let system = builder.start().await?;
    let server = Server::new(&system).authenticate(sessions.authenticator());
    system.attach(server).await?;
    let address = "127.0.0.1:0".to_owned();
    let at = system.context().send(StartServer { address }).await?;
    Ok((system, at))
}

/// Signs in; gives back the cookie.
async fn sign_in(at: &str, user: &str, password: &str) -> String {
    let json = format!(r#"{{"user":"{user}","password":"{password}"}}"#);
    let (head, _) = ask_as(at, "POST /sessions", "none=1", &json).await;
    assert_eq!(status_of(&head), 201, "{head}");
    let cookie = head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.and_then(|cookie| cookie.split(';').next());
    cookie.expect("a cookie").to_owned()
}

#[tokio::test]
async fn orders_are_placed_found_and_cancelled() -> nether::Result<()> {
    let (system, at) = serving().await?;

    let tea = r#"{"order_id":1,"article":"tea","pieces":60}"#;
    let placed = ask(&at, "POST /orders", r#"{"article":"tea","pieces":60}"#).await;
    assert_eq!(placed, (201, tea.to_owned()));
    assert_eq!(ask(&at, "GET /orders/1", "").await, (200, tea.to_owned()));
    let listed = ask(&at, "GET /orders?article=tea", "").await;
    assert_eq!(listed, (200, format!("[{tea}]")));

    let (status, problem) = ask(&at, "POST /orders", r#"{"article":"tea","pieces":60}"#).await;
    assert_eq!(status, 409);
    assert!(problem.contains("there are 40 of `tea` left"), "{problem}");

    let ann = sign_in(&at, "ann", "darjeeling").await;
    for (path, expected) in [("DELETE", 204), ("GET", 404), ("DELETE", 404)] {
        let (head, _) = ask_as(&at, &format!("{path} /orders/1"), &ann, "").await;
        assert_eq!(status_of(&head), expected, "{head}");
    }
    let (status, page) = ask(&at, "GET /", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("0 orders"), "{page}");
    system.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn only_those_cancel_orders_who_have_signed_in_and_may() -> nether::Result<()> {
    let (system, at) = serving().await?;
    let (head, _) = ask_as(&at, "DELETE /orders/1", "none=1", "").await;
    assert_eq!(status_of(&head), 401, "{head}");
    assert!(
        head.contains("www-authenticate: Cookie cookie-name=\"session\""),
        "{head}"
    );

    let wrong = r#"{"user":"ann","password":"espresso"}"#;
    assert_eq!(ask(&at, "POST /sessions", wrong).await.0, 401);
    let bob = sign_in(&at, "bob", "espresso").await;
    let (head, body) = ask_as(&at, "DELETE /orders/1", &bob, "").await;
    assert_eq!(status_of(&head), 403, "{head}");
    assert!(
        body.contains("this requires the role `orders.cancel`"),
        "{body}"
    );

    let ann = sign_in(&at, "ann", "darjeeling").await;
    let (_, me) = ask_as(&at, "GET /me", &ann, "").await;
    assert_eq!(
        me,
        r#"{"user":"ann","roles":["audit.read","orders.cancel"]}"#
    );
    // A session ends with the next one of its user.
    sign_in(&at, "ann", "darjeeling").await;
    let (head, body) = ask_as(&at, "GET /orders", &ann, "").await;
    assert_eq!(status_of(&head), 401, "{head}");
    assert!(body.contains("the session has ended"), "{body}");
    system.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_order_that_breaks_its_rules_names_all_fields() -> nether::Result<()> {
    let (system, at) = serving().await?;
    let (status, problem) = ask(&at, "POST /orders", r#"{"article":"","pieces":0}"#).await;
    assert_eq!(status, 422, "{problem}");
    for field in ["article", "pieces"] {
        let named = format!(r#""field":"{field}""#);
        assert!(problem.contains(&named), "{problem}");
    }
    assert_eq!(ask(&at, "GET /orders", "").await.1, "[]");
    system.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_audit_says_who_gave_which_command_and_what_came_of_it() -> nether::Result<()> {
    let (system, at) = serving().await?;
    let ann = sign_in(&at, "ann", "darjeeling").await;
    ask_as(&at, "DELETE /orders/7", &ann, "").await;
    let bob = sign_in(&at, "bob", "espresso").await;
    ask_as(&at, "POST /orders", &bob, r#"{"article":"tea","pieces":1}"#).await;

    let (head, problem) = ask_as(&at, "GET /audit", &bob, "").await;
    assert_eq!(status_of(&head), 403, "{problem}");
    let (_, read) = ask_as(&at, "GET /audit", &ann, "").await;
    let expected = [
        r#"{"user":"","command":"server::accounts::SignIn","done":true}"#,
        r#"{"user":"ann","command":"server::orders::CancelOrder","done":false,"reason":"there is no order 7"}"#,
        r#"{"user":"","command":"server::accounts::SignIn","done":true}"#,
        r#"{"user":"bob","command":"server::orders::PlaceOrder","done":true}"#,
    ];
    assert_eq!(read, format!("[{}]", expected.join(",")));
    system.shutdown().await;
    Ok(())
}
