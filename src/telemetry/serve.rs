//! `/metrics`, `/healthz` and `/readyz` over HTTP.

use super::{Health, Telemetry};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tracing::{error, info};

/// The format that Prometheus reads.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Listens where it is asked to. Metrics and probes may share an address.
pub async fn listeners(
    metrics: SocketAddr,
    probes: SocketAddr,
    telemetry: &Arc<Telemetry>,
    health: &Arc<Health>,
) -> Result<Vec<(TcpListener, Router)>, (SocketAddr, std::io::Error)> {
    let wanted = if metrics == probes && metrics.port() != 0 {
        vec![("metrics and probes", metrics, metrics_routes(telemetry).merge(probe_routes(health)))]
    } else {
        vec![("metrics", metrics, metrics_routes(telemetry)), ("probes", probes, probe_routes(health))]
    };
    let mut all = Vec::new();
    for (what, address, routes) in wanted {
        let listener = TcpListener::bind(address).await.map_err(|error| (address, error))?;
        let bound = listener.local_addr().map_err(|error| (address, error))?;
        info!(address = %bound, "serving {what}");
        all.push((listener, routes));
    }
    Ok(all)
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, routes: Router) {
    if let Err(error) = axum::serve(listener, routes).await {
        error!(%error, "the server failed");
    }
}

fn metrics_routes(telemetry: &Arc<Telemetry>) -> Router {
    let telemetry = Arc::clone(telemetry);
    Router::new().route("/metrics", get(move || async move { ([(header::CONTENT_TYPE, TEXT)], telemetry.text()) }))
}

fn probe_routes(health: &Arc<Health>) -> Router {
    let (alive, ready) = (Arc::clone(health), Arc::clone(health));
    let answer = |good: bool| if good { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ok\n") };
    Router::new()
        .route("/healthz", get(move || async move { answer(alive.is_alive(Instant::now())) }))
        .route("/readyz", get(move || async move { answer(ready.is_ready()) }))
}
