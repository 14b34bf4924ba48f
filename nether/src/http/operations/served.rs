//! What operators ask: `/livez`, `/readyz`, `/metrics`; and what is asked about the API: `/openapi.json` and
//! a page to try it on.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::http::openapi;
use crate::http::operations::metrics;
use crate::http::server::state::ServerState;
use crate::module::ModuleState;
use crate::system::{ModuleStatus, System};

/// What orchestrators ask, by whatever address they reach the server.
pub(crate) const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Whether orchestrators or monitors ask for that path, every few seconds.
pub(crate) fn is_asked_all_the_time(path: &str) -> bool {
    PROBES.contains(&path) || path == "/metrics"
}

/// The routes for operators that this address serves.
pub(crate) fn router(state: &Arc<ServerState>) -> Router {
    let (settings, is_private) = (&state.settings, state.is_private);
    let mut router = Router::new();
    if is_private || settings.management.is_none() {
        router = router.merge(probes(state));
    }
    if is_private || settings.public_metrics {
        router = router.merge(metered(state));
    }
    if is_private || settings.public_docs {
        router = router.merge(description(state));
    }
    router
}

/// Whether the process lives, and whether it is ready.
fn probes(state: &Arc<ServerState>) -> Router {
    let system = state.system.clone();
    // Operators may learn why it is not ready; other clients learn only that it is not.
    let tells_why = state.is_private;
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(async move || ready(&system, tells_why)))
}

/// What it does.
fn metered(state: &Arc<ServerState>) -> Router {
    let system = state.system.clone();
    system.measure_latencies();
    Router::new().route("/metrics", get(async move || metrics::answer(&system)))
}

/// The description of the API, and the page.
fn description(state: &Arc<ServerState>) -> Router {
    let document = openapi::document(&state.system, &state.settings);
    let document: Arc<str> = document.to_string().into();
    let answer = async move || ([(CONTENT_TYPE, "application/json")], document.to_string());
    let router = Router::new().route("/openapi.json", get(answer));
    with_page(router, &state.settings.title.0)
}

#[cfg(feature = "swagger-ui")]
fn with_page(router: Router, title: &str) -> Router {
    use axum::extract::Request;
    use axum::http::Uri;
    use axum::middleware::map_request;
    use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};

    const PAGE: &str = "/docs";
    let page = ApiDefinition {
        uri_prefix: PAGE,
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some(title),
    };
    // The page names its files below the URI that it was asked for: not below a slash at its end, a query, or
    // another host.
    let as_declared = async |mut request: Request| {
        if request.uri().path().trim_end_matches('/') == PAGE {
            *request.uri_mut() = Uri::from_static(PAGE);
        }
        request
    };
    router.merge(generate_routes(page).layer(map_request(as_declared)))
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
        ModuleState::Restarting => Some(format!("`{name}` crashed and is being restarted")),
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
