//! Starts everything and ends with whatever ends first.

use super::carry::{Carrier, Shadow};
use super::control::{Chore, Control, Inbox, Tools};
use super::lead::{self, Seat};
use super::record;
use super::survey::Lens;
use crate::catalog::Catalog;
use crate::cloud::Cloud;
use crate::cluster::live::{Calls, ConnectError, Fence, Kind, Store, connect, watch};
use crate::telemetry::{Health, Telemetry, serve};
use crate::{engine, snapshot};
use kube::Client;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::info;
use windlass_solver::{Charges, PreferencePolicy};

/// Changes that wait to be taken in, each a whole object; more of them hold the watches up.
const CHANGES: usize = 64;
/// Events that wait to be written; more of them are lost.
const EVENTS: usize = 256;
/// What a controller is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The kubeconfig to use; without one that of the environment, or of the pod it runs in.
    pub kubeconfig: Option<PathBuf>,
    /// Namespace and name of the Lease; `None` leads at once.
    pub lease: Option<(Option<String>, String)>,
    /// Where metrics are served.
    pub metrics: SocketAddr,
    /// Where probes are answered.
    pub health: SocketAddr,
    /// Whether anything is carried out at all.
    pub shadow: Shadow,
    /// The engine's.
    pub engine: engine::Settings,
    /// The snapshot's.
    pub snapshot: snapshot::Settings,
    /// What becomes of preferences.
    pub preferences: PreferencePolicy,
    /// What is charged beyond prices.
    pub charges: Charges,
}

impl Settings {
    /// Kinds to watch.
    fn watched(&self) -> impl Iterator<Item = Kind> + use<> {
        Kind::watched(!self.snapshot.default_spread.is_empty())
    }
}

/// Why the controller ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No client.
    #[error("no connection to a cluster")]
    Connect(#[from] ConnectError),
    /// An address that cannot be listened on.
    #[error("{0} cannot be listened on")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The lease went to somebody else, or could not be renewed in time.
    #[error("the lease is lost: another process leads, or the API server could not be reached in time")]
    Lost,
    /// A task ended that never ends.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signal(#[source] std::io::Error),
}

/// What may end the process.
enum End {
    Lost,
    Task(&'static str),
}

/// Runs a controller until it is told to stop (SIGTERM, SIGINT) or has lost its lease.
pub async fn run<C: Cloud + 'static>(settings: Settings, cloud: C, catalog: Catalog) -> Result<(), RunError> {
    let client = connect(settings.kubeconfig.as_deref()).await?;
    let telemetry = Arc::new(Telemetry::new());
    let health = Arc::new(Health::default());
    let mut tasks: JoinSet<End> = JoinSet::new();
    for (listener, routes) in serve::listeners(settings.metrics, settings.health, &telemetry, &health)
        .await
        .map_err(|(address, error)| RunError::Listen(address, error))?
    {
        tasks.spawn(async move {
            serve::serve(listener, routes).await;
            End::Task("the server of metrics and probes")
        });
    }
    let (chores, chores_in) = mpsc::unbounded_channel();
    let (outcomes, outcomes_in) = mpsc::unbounded_channel();
    let (events, events_in) = mpsc::channel(EVENTS);
    let (changes, changes_in) = mpsc::channel(CHANGES);
    let (stop, stopped) = oneshot::channel();
    for kind in settings.watched() {
        let (client, changes) = (client.clone(), changes.clone());
        tasks.spawn(async move {
            watch(client, kind, changes).await;
            End::Task("a watch")
        });
    }
    drop(changes);
    let publishing = client.clone();
    tasks.spawn(async move {
        record::publish(publishing, events_in).await;
        End::Task("the writer of Events")
    });
    let fence = Arc::new(if competes(&settings) { Fence::new(lead::DEADLINE) } else { Fence::open() });
    let (calls, cloud) = (Calls::new(client.clone()).behind(Arc::clone(&fence)), Arc::new(cloud));
    let lens = Lens {
        catalog: Arc::new(catalog),
        settings: settings.snapshot.clone(),
        preferences: settings.preferences,
        charges: settings.charges,
    };
    let carrier = Carrier::new(calls.clone(), Arc::clone(&cloud), settings.shadow, outcomes.clone(), Arc::clone(&telemetry));
    let leading = chores.clone();
    let tools = Tools { calls, cloud, carrier, lens, shadow: settings.shadow, events, chores, outcomes, telemetry, health };
    let inbox = Inbox { changes: changes_in, outcomes: outcomes_in, chores: chores_in, stop: stopped };
    let control = Control::new(tools, settings.engine.clone(), Store::new(settings.watched()));
    tasks.spawn(async move {
        control.run(inbox).await;
        End::Task("the control task")
    });
    let seat = seat(&settings, &client, (leading, fence), &mut tasks);
    let ended = tokio::select! {
        stopped = stop_signal() => stopped,
        ended = tasks.join_next() => Err(match ended {
            Some(Ok(End::Lost)) => RunError::Lost,
            Some(Ok(End::Task(name))) => RunError::Ended(name),
            Some(Err(_)) | None => RunError::Ended("a task"),
        }),
    };
    let _ = stop.send(());
    if let (Ok(()), Some((seat, identity))) = (&ended, seat) {
        tasks.abort_all();
        seat.release(&identity).await;
    }
    ended
}

/// Whether there is a lease to be won. A shadow writes nothing and needs none.
fn competes(settings: &Settings) -> bool {
    settings.lease.is_some() && settings.shadow == Shadow::Off
}

/// Competes for the lease, or leads at once. Returns what gives the lease back.
fn seat(
    settings: &Settings,
    client: &Client,
    (leading, fence): (mpsc::UnboundedSender<Chore>, Arc<Fence>),
    tasks: &mut JoinSet<End>,
) -> Option<(Seat, String)> {
    let won = move || drop(leading.send(Chore::Leading));
    let Some((namespace, name)) = settings.lease.as_ref().filter(|_| competes(settings)) else {
        won();
        return None;
    };
    let namespace = namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let seat = Seat::new(client.clone(), namespace, name, fence);
    let identity = identity();
    let holding = (seat.clone(), identity.clone());
    tasks.spawn(async move {
        holding.0.hold(holding.1, won).await;
        End::Lost
    });
    Some((seat, identity))
}

/// A name that no other process has: the host's, the process', and the time.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "windlass".to_owned());
    let nanos = k8s_openapi::jiff::Timestamp::now().as_nanosecond();
    format!("{host}_{}_{nanos}", std::process::id())
}

/// Waits for the signal to end.
async fn stop_signal() -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signal)?;
    tokio::select! {
        _ = terminate.recv() => info!("told to stop"),
        _ = interrupt.recv() => info!("interrupted"),
    }
    Ok(())
}
