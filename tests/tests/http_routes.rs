//! Routes that are written by hand, and folders of files, beside the endpoints.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get as on_get, post as on_post};
use nether::Principal;
use nether::http::{AddRoutes, AddStatic, RequestContext, Server};
use nether::prelude::*;
use nether_tests::http::{by_header, get, open, post, request};
use serde_json::Value;

#[query(reply = String, http = "GET /who")]
pub struct Who;

#[command(http = "POST /made")]
pub struct Make;

#[command(reply = u32, http = "DELETE /made/{made}")]
pub struct Unmake {
    pub made: u32,
}

#[event]
pub struct Made {
    pub fails: bool,
}

/// How often something was made in this system.
#[query(reply = u32)]
pub struct HowOften;

#[derive(Debug, Default)]
pub struct Maker {
    made: AtomicU32,
}

#[module(handles = [Who, Make, Unmake, Made, HowOften])]
impl Maker {
    async fn how_often(&self, _: HowOften) -> u32 {
        self.made.load(Ordering::SeqCst)
    }

    async fn who(&self, _: Who, ctx: &QueryContext<Self>) -> String {
        ctx.principal().map_or("nobody", Principal::id).to_owned()
    }

    async fn make(&self, _: Make) {}

    async fn unmake(&self, unmake: Unmake) -> u32 {
        unmake.made
    }

    async fn made(&self, made: &Made) -> nether::Result<()> {
        self.made.fetch_add(1, Ordering::SeqCst);
        match made.fails {
            true => Err(nether::Error::msg("broken")),
            false => Ok(()),
        }
    }
}

#[nether::routes]
fn own() -> Router<System> {
    Router::new()
        .route("/own/who", on_get(who))
        .route("/own/listed", on_post(listed))
        .route("/own/made", on_post(made))
        .route("/own/refused", on_post(refused))
        .route("/own/broken", on_post(broken))
        .route("/own/panic", on_get(async || -> () { panic!("secret") }))
        .route(
            "/own/slow",
            on_get(async || std::future::pending::<()>().await),
        )
        // Beside an endpoint with another method, and one that is asked first.
        .route("/made", on_get(async || "own"))
        .route(
            "/made/{id}",
            on_get(async |Path(id): Path<u32>| format!("own {id}")),
        )
}

#[derive(Debug, thiserror::Error, nether::Problem)]
#[error("that is one too many")]
#[problem(status = 409)]
pub struct TooMany;

#[command(error = TooMany)]
pub struct Refuse;

#[derive(Debug, Default)]
pub struct Refuser;

/// Fails with an error that says nothing to clients.
#[command]
pub struct Break;

#[module(handles = [Refuse, Break])]
impl Refuser {
    async fn break_down(&self, _: Break) -> nether::Result<()> {
        Err(nether::Error::msg("the secret is out"))
    }

    async fn refuse(&self, _: Refuse) -> Result<(), TooMany> {
        Err(TooMany)
    }
}

async fn refused(ctx: RequestContext) -> Result<(), CallError<TooMany>> {
    ctx.send(Refuse).await
}

async fn broken(ctx: RequestContext) -> Result<(), CallError<nether::Error>> {
    ctx.send(Break).await
}

/// Routes that list what they send.
struct Web;

#[module(handles = [], calls = [Who], emits = [Made], manual)]
impl Web {}

async fn listed(ctx: RequestContext<Web>) -> Result<String, StatusCode> {
    let told = ctx.publish(Made { fails: false }).await;
    told.map_err(|_| StatusCode::BAD_GATEWAY)?;
    ctx.ask(Who).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn who(ctx: RequestContext) -> Result<String, StatusCode> {
    ctx.ask(Who).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn made(ctx: RequestContext, body: String) -> impl IntoResponse {
    let fails = body == "fail";
    let published = ctx.publish(Made { fails }).await;
    match (published, body.as_str()) {
        (Ok(()), "refuse") => (StatusCode::CONFLICT, "refused"),
        (Ok(()), _) => (StatusCode::OK, "made"),
        (Err(_), _) => (StatusCode::BAD_GATEWAY, "not told"),
    }
}

async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let server = Server::new(&system).authenticate(by_header());
    let address = open(&system, set(server)).await;
    (system, address)
}

#[tokio::test]
async fn a_handler_gets_the_context_of_its_request() {
    let (_system, at) = desk(|server| server).await;
    let answer = request(&at, "GET /own/who", &[("x-user", "ann")], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ann"));
}

#[tokio::test]
async fn routes_send_what_a_module_lists_for_them() {
    let (system, at) = desk(|server| server).await;
    let answer = request(&at, "POST /own/listed", &[("x-user", "ann")], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ann"));
    let topology = system.topology().to_mermaid();
    assert!(topology.contains("http_routes::Web"), "{topology}");
}

#[tokio::test]
async fn the_context_is_closed_before_the_answer() {
    let (system, at) = desk(|server| server).await;
    let answer = post(&at, "/own/made", "well").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "made"));
    let made = system.context().as_system().ask(HowOften).await;
    assert_eq!(made.expect("it is answered"), 1);
    let answer = post(&at, "/own/made", "fail").await;
    assert_eq!(answer.status, 500, "what it caused failed");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let answer = post(&at, "/own/made", "refuse").await;
    assert_eq!((answer.status, answer.body.as_str()), (409, "refused"));
}

#[tokio::test]
async fn a_call_error_is_answered_as_an_endpoint_answers_it() {
    let (_system, at) = desk(|server| server).await;
    let headers = [("x-request-id", "mine")];
    let answer = request(&at, "POST /own/refused", &headers, "").await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["detail"], "that is one too many");
    assert_eq!(answer.json()["request_id"], "mine");
    let broken = request(&at, "POST /own/broken", &headers, "").await;
    assert_eq!(
        (broken.status, &broken.json()["detail"]),
        (500, &Value::Null)
    );
    assert_eq!(broken.json()["request_id"], "mine");
    assert!(!broken.body.contains("secret"), "{broken:?}");
}

#[tokio::test]
async fn a_panic_is_not_shown_and_ends_nothing() {
    let (_system, at) = desk(|server| server).await;
    let answer = get(&at, "/own/panic").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("secret"), "{answer:?}");
    assert_eq!(get(&at, "/who").await.status, 200);
}

#[tokio::test]
async fn a_handler_takes_no_longer_than_a_request_may() {
    let (_system, at) = desk(|server| server.request_timeout(Duration::from_millis(20))).await;
    assert_eq!(get(&at, "/own/slow").await.status, 504);
}

#[tokio::test]
async fn routers_stand_before_endpoints_and_share_paths_with_them() {
    let (_system, at) = desk(|server| server).await;
    assert_eq!(get(&at, "/made").await.body, "own");
    let made = post(&at, "/made", "").await;
    assert_eq!((made.status, made.header("allow")), (204, ""));
    let refused = request(&at, "PUT /made", &[], "").await;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, "GET,HEAD,POST")
    );
    assert_eq!(request(&at, "PUT /own/made", &[], "").await.status, 405);
    assert_eq!(get(&at, "/own").await.status, 404);
}

#[tokio::test]
async fn each_router_reads_the_parameters_of_a_shared_path_anew() {
    let (system, at) = desk(|server| server).await;
    let answer = request(&at, "DELETE /made/7", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "7"));
    add(
        &system,
        Router::new().route(
            "/made/{name}",
            on_post(async |Path(name): Path<String>| name),
        ),
    )
    .await;
    for (line, body) in [
        ("POST /made/7", "7"),
        ("GET /made/7", "own 7"),
        ("DELETE /made/7", "7"),
    ] {
        let answer = request(&at, line, &[], "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{line}");
    }
    let refused = request(&at, "PATCH /made/7", &[], "").await;
    assert_eq!(refused.header("allow"), "DELETE,GET,HEAD,POST");
}

async fn add(system: &System, router: Router<System>) {
    let ctx = system.context();
    ctx.send(AddRoutes { router }).await.expect("it serves");
    ctx.close().await.expect("nobody can fail");
}

#[tokio::test]
async fn routes_may_be_added_at_run_time_the_newest_first() {
    let (system, at) = desk(|server| server).await;
    assert_eq!(get(&at, "/added").await.status, 404);
    add(
        &system,
        Router::new().route("/added", on_get(async || "old")),
    )
    .await;
    assert_eq!(get(&at, "/added").await.body, "old");
    add(
        &system,
        Router::new().route("/added", on_get(async || "new")),
    )
    .await;
    assert_eq!(get(&at, "/added").await.body, "new");
    // Before endpoints, too; and with contexts.
    add(&system, Router::new().route("/who", on_get(who))).await;
    assert_eq!(get(&at, "/who").await.body, "nobody");
    // A fallback of its own does not hide the others.
    add(&system, Router::new().fallback(async || "all")).await;
    assert_eq!(get(&at, "/added").await.body, "new");
    assert_eq!(get(&at, "/nowhere").await.status, 404);
}

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nether-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (file, text) in [
            ("secret.txt", "secret"),
            ("public/index.html", "<p>index"),
            ("public/style.css", "p {}"),
            ("public/deep/a b.txt", "deep"),
            ("public/.env", "secret"),
            ("public/.git/config", "secret"),
            ("public/.well-known/security.txt", "well known"),
        ] {
            let parent = path.join(file).parent().map(PathBuf::from);
            fs::create_dir_all(parent.expect("a folder")).expect("it can be made");
            fs::write(path.join(file), text).expect("it can be written");
        }
        #[cfg(unix)]
        for (link, to) in [
            ("public/out.txt", "../secret.txt"),
            ("public/up", ".."),
            ("public/in.txt", "style.css"),
            ("public/env.txt", ".env"),
            ("public/circle", "circle"),
        ] {
            std::os::unix::fs::symlink(to, path.join(link)).expect("it can be linked");
        }
        Folder(path)
    }

    fn public(&self) -> PathBuf {
        self.0.join("public")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_folder_is_served_however_it_is_spelled() {
    for folder in [
        "src",
        "./src",
        "src/",
        "src/.",
        "../tests/src",
        "src/bin/..",
    ] {
        for path in ["/sources", "/sources/", "sources"] {
            let (_system, at) = desk(|server| server.files(path, folder)).await;
            let file = get(&at, "/sources/lib.rs").await;
            assert_eq!(file.status, 200, "{folder} at {path}");
        }
    }
    let (system, at) = desk(|server| server).await;
    let ctx = system.context();
    let add = AddStatic {
        path: "/sources".to_owned(),
        folder: "src".into(),
        single_page: false,
    };
    ctx.send(add).await.expect("it is a folder");
    ctx.close().await.expect("nothing else is done");
    assert_eq!(get(&at, "/sources/lib.rs").await.status, 200);
}

#[tokio::test]
async fn the_files_of_a_folder_are_served_and_no_others() {
    let folder = Folder::new("files");
    let (_system, at) = desk(|server| server.files("/assets", folder.public())).await;
    let css = get(&at, "/assets/style.css").await;
    assert_eq!((css.status, css.body.as_str()), (200, "p {}"));
    assert_eq!(css.header("content-type"), "text/css");
    assert_eq!(get(&at, "/assets/").await.body, "<p>index");
    assert_eq!(get(&at, "/assets/deep/a%20b.txt").await.body, "deep");
    assert_eq!(
        get(&at, "/assets/in.txt").await.body,
        "p {}",
        "a link within the folder"
    );
    let known = get(&at, "/assets/.well-known/security.txt").await;
    assert_eq!(known.body, "well known");
    let moved = get(&at, "/assets/deep").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (307, "/assets/deep/")
    );
    for path in [
        "/assets/../secret.txt",
        "/assets/%2e%2e/secret.txt",
        "/assets/..%2fsecret.txt",
        "/assets/%2e%2e%2fsecret.txt",
        "/assets/deep/../../secret.txt",
        "/assets/..\\secret.txt",
        "/assets//etc/passwd",
        "/assets/%2fetc/passwd",
        "/assets/out.txt",
        "/assets/up/secret.txt",
        "/assets/style.css/",
        "/assets/%00",
        "/assets/%ff",
        "/assetsstyle.css",
        "/assets/.env",
        "/assets/%2eenv",
        "/assets/env.txt",
        "/assets/.git/config",
        "/assets/circle",
        &format!("/assets/{}", "long".repeat(100)),
    ] {
        let answer = get(&at, path).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert_ne!(answer.body, "secret", "{path}");
    }
    assert_eq!(
        request(&at, "POST /assets/style.css", &[], "").await.status,
        404
    );
}

#[tokio::test]
async fn a_single_page_answers_where_nothing_else_is() {
    let folder = Folder::new("page");
    let (_system, at) = desk(|server| server.single_page(folder.public())).await;
    let browser = [("accept", "text/html,*/*")];
    for path in ["/", "/orders/7/edit"] {
        let page = request(&at, &format!("GET {path}"), &browser, "").await;
        assert_eq!(
            (page.status, page.body.as_str()),
            (200, "<p>index"),
            "{path}"
        );
    }
    assert_eq!(get(&at, "/style.css").await.body, "p {}");
    assert_eq!(get(&at, "/who").await.body, "\"nobody\"", "an endpoint");
    for path in ["/missing.css", "/orders/7/edit"] {
        assert_eq!(
            get(&at, path).await.status,
            404,
            "{path}, not by a browser's page"
        );
    }
    assert_eq!(
        request(&at, "GET /missing.css", &browser, "").await.status,
        404
    );
}

#[tokio::test]
async fn a_folder_may_be_added_at_run_time_if_it_is_one() {
    let folder = Folder::new("added");
    let (system, at) = desk(|server| server).await;
    let add = |path: &str, folder: PathBuf| AddStatic {
        path: path.to_owned(),
        folder,
        single_page: false,
    };
    let ctx = system.context();
    ctx.send(add("/late", folder.public()))
        .await
        .expect("it is a folder");
    assert_eq!(get(&at, "/late/style.css").await.body, "p {}");
    for (wrong, said) in [
        (add("late", folder.public()), "must begin with `/`"),
        (
            add("/late", folder.public().join("nothing")),
            "is not a folder",
        ),
    ] {
        let error = ctx.send(wrong).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
