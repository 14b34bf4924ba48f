//! [`EndpointTable`]: which command or query is at a path, without the way through axum's routers.

use std::collections::BTreeMap;

use axum::http::Method;
use matchit::Router;

use crate::http::endpoints::entry::{EndpointEntry, EndpointKind, Serve};

/// The commands and queries by path and method. It finds what axum's router would, which has the same table
/// inside: the parameters of a path give way to what is written out.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointTable(Router<Vec<(Method, Serve)>>);

impl EndpointTable {
    /// Those among the endpoints. A path of which axum knows more, a stream of events, is left to axum.
    pub(crate) fn of(endpoints: &[&'static EndpointEntry]) -> Self {
        let mut by_path: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for endpoint in endpoints {
            let of_path = by_path.entry(endpoint.path_template()).or_default();
            if let EndpointKind::Call { serve, .. } = endpoint.way {
                let method = Method::from_bytes(endpoint.method().as_bytes());
                of_path.extend(method.map(|method| (method, serve)));
            }
        }
        let mut table = Router::new();
        for (path, of_path) in by_path {
            // axum has refused a path that is none, or that contradicts another.
            let _ = table.insert(path, of_path);
        }
        EndpointTable(table)
    }

    /// The one that takes precisely this method.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<Serve> {
        let found = self.0.at(path).ok()?;
        let mut of_path = found.value.iter();
        of_path.find_map(|(of, serve)| (of == method).then_some(*serve))
    }
}
