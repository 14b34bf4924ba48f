//! What operators ask: `/livez`, `/readyz`, `/metrics`; and what clients ask about the API: `/openapi.json`
//! and a page to try it on.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::http::metrics;
use crate::http::openapi;
use crate::http::server_state::ServerState;
use crate::module::ModuleState;
use crate::system::{ModuleStatus, System};

/// What orchestrators ask, by whatever address they reach the server.
pub(super) const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Whether the process lives, whether it is ready, and what it does.
pub(super) fn probes(state: &Arc<ServerState>) -> Router {
    let (asked, watched) = (state.system.clone(), state.system.clone());
    // Who runs it may know why; everybody else that it is not.
    let tells_why = state.is_private;
    watched.latencies().ask();
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(async move || ready(&asked, tells_why)))
        .route("/metrics", get(async move || metrics::answer(&watched)))
}

/// The description of the API, and the page.
pub(super) fn description(state: &Arc<ServerState>) -> Router {
    let document: Arc<str> = openapi::document(&state.settings).to_string().into();
    let answer = async move || ([(CONTENT_TYPE, "application/json")], document.to_string());
    let router = Router::new().route("/openapi.json", get(answer));
    with_page(router, &state.settings.title.0)
}

#[cfg(feature = "swagger-ui")]
fn with_page(router: Router, title: &str) -> Router {
    use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};

    let page = ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some(title),
    };
    router.merge(generate_routes(page))
}

#[cfg(not(feature = "swagger-ui"))]
fn with_page(router: Router, _: &str) -> Router {
    router
}

fn ready(system: &System, tells_why: bool) -> Response {
    let reasons = obstacles(system);
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    let mut body = json!({ "status": "not ready" });
    if tells_why {
        body["reasons"] = json!(reasons);
    }
    let headers = [(CONTENT_TYPE, "application/json")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body.to_string()).into_response()
}

/// Why the system should not be sent requests now.
fn obstacles(system: &System) -> Vec<String> {
    let mut reasons = Vec::new();
    if system.is_stopping() {
        reasons.push("the system is stopping".to_owned());
    }
    reasons.extend(system.modules().iter().filter_map(obstacle));
    reasons
}

fn obstacle(module: &ModuleStatus) -> Option<String> {
    let name = module.name;
    match module.state {
        ModuleState::Starting => Some(format!("`{name}` is starting")),
        ModuleState::Restarting => Some(format!("`{name}` crashed and is being made anew")),
        ModuleState::CrashLooping => Some(format!("`{name}` crashes again and again")),
        ModuleState::Stopped => Some(format!("`{name}` has stopped")),
        ModuleState::Running | ModuleState::Paused => {
            let is_full = module
                .mailbox_capacity
                .is_some_and(|room| module.waiting >= room);
            is_full.then(|| format!("the mailbox of `{name}` is full"))
        }
    }
}
