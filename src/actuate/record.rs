//! Notices as Kubernetes Events: once per object, reason and message within some minutes, and never a flood.

use crate::cluster::live::refusal::ask;
use crate::cluster::live::{Kind, Store};
use crate::engine::Notice;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};
use windlass_solver::ObjectKey;

/// The same is said again after so long (Karpenter: 2 min, 5 min for pods that find no place).
const AGAIN: Duration = Duration::from_mins(5);
/// Notices that are remembered.
const REMEMBERED: usize = 8192;
/// Events of a reason: so many at once, then so many a second (Karpenter limits `Nominated` to 10 and 5).
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 5.0;
/// What an Event's note may have (events.k8s.io/v1).
const NOTE_MAX: usize = 1024;
/// Namespace of Events about objects that have none (Kubernetes' rule).
const NO_NAMESPACE: &str = "default";

/// Who the Events come from.
const REPORTER: &str = "windlass";

/// Reasons that tell of something wrong.
const WARNINGS: [&str; 14] = [
    "Invalid",
    "Doubtful",
    "FailedScheduling",
    "InsufficientCapacity",
    "InsufficientCapacityError",
    "LaunchFailed",
    "LaunchTimeout",
    "RegistrationTimeout",
    "LimitExceeded",
    "InstanceGone",
    "NodeMissing",
    "Orphaned",
    "PlanRefused",
    "NotReady",
];

/// What was said lately.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    said: BTreeMap<(String, &'static str), (String, Instant)>,
    rates: BTreeMap<&'static str, (f64, Instant)>,
}

impl Recorder {
    /// Whether the notice is worth an Event now.
    fn admits(&mut self, notice: &Notice, now: Instant) -> bool {
        let key = (notice.object.clone(), notice.reason);
        let known = self.said.get(&key);
        if known.is_some_and(|(message, at)| *message == notice.message && now.duration_since(*at) < AGAIN) {
            return false;
        }
        let (left, at) = self.rates.get(notice.reason).copied().unwrap_or((BURST, now));
        let left = (left + now.duration_since(at).as_secs_f64() * PER_SECOND).min(BURST);
        if left < 1.0 {
            return false;
        }
        self.rates.insert(notice.reason, (left - 1.0, now));
        if self.said.len() >= REMEMBERED {
            self.said.retain(|_, (_, at)| now.duration_since(*at) < AGAIN);
        }
        if self.said.len() < REMEMBERED {
            self.said.insert(key, (notice.message.clone(), now));
        }
        true
    }

    /// The Event of a notice, if its object is one of the cluster and the notice is worth one.
    pub(super) fn event(&mut self, notice: &Notice, store: &Store, now: Instant) -> Option<Event> {
        if !self.admits(notice, now) {
            return None;
        }
        if WARNINGS.contains(&notice.reason) {
            info!(object = notice.object, reason = notice.reason, message = notice.message, "notice");
        } else {
            debug!(object = notice.object, reason = notice.reason, message = notice.message, "notice");
        }
        let regarding = reference(&notice.object, store)?;
        Some(event(notice, regarding, Timestamp::now()))
    }
}

/// `Pod/default/web-0` as a reference; `None` for what is no object of the cluster.
fn reference(object: &str, store: &Store) -> Option<ObjectReference> {
    let (kind, rest) = object.split_once('/')?;
    let kind = Kind::all().find(|known| known.name() == kind)?;
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    let uid = store.uid(kind, &ObjectKey::new(namespace, name));
    Some(ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(kind.name().to_owned()),
        namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
        name: Some(name.to_owned()),
        uid: uid.map(ToString::to_string),
        ..ObjectReference::default()
    })
}

fn event(notice: &Notice, regarding: ObjectReference, now: Timestamp) -> Event {
    let mut note = notice.message.clone();
    if note.len() > NOTE_MAX {
        let end = (0..=NOTE_MAX - 3).rev().find(|at| note.is_char_boundary(*at)).unwrap_or(0);
        note.truncate(end);
        note.push_str("...");
    }
    let warning = WARNINGS.contains(&notice.reason);
    // As client-go names them; the object's name must leave room for the time.
    let subject: String = regarding.name.as_deref().unwrap_or("event").chars().take(220).collect();
    let subject = subject.trim_end_matches(['.', '-']).to_owned();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{subject}.{:x}", now.as_nanosecond())),
            namespace: Some(regarding.namespace.clone().unwrap_or_else(|| NO_NAMESPACE.to_owned())),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        action: Some(notice.reason.to_owned()),
        reason: Some(notice.reason.to_owned()),
        note: Some(note),
        regarding: Some(regarding),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(REPORTER.to_owned()),
        type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

/// Writes Events one after the other; those that the API server does not take are lost.
pub(super) async fn publish(client: Client, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        let namespace = event.metadata.namespace.clone().unwrap_or_else(|| NO_NAMESPACE.to_owned());
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        if let Err(error) = ask(api.create(&PostParams::default(), &event)).await {
            warn!(%error, "an Event was not taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AGAIN, Recorder, event, reference};
    use crate::cluster::live::{Change, Kind, Raw, Store};
    use crate::engine::Notice;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn notice(object: &str, message: &str) -> Notice {
        Notice { object: object.to_owned(), reason: "Nominated", message: message.to_owned() }
    }

    #[test]
    fn the_same_is_said_once_and_something_else_at_once() {
        let (mut recorder, now) = (Recorder::default(), Instant::now());
        assert!(recorder.admits(&notice("Pod/a/b", "x"), now));
        assert!(!recorder.admits(&notice("Pod/a/b", "x"), now + Duration::from_mins(1)));
        assert!(recorder.admits(&notice("Pod/a/b", "y"), now + Duration::from_mins(1)));
        assert!(recorder.admits(&notice("Pod/a/b", "y"), now + Duration::from_mins(1) + AGAIN));
    }

    #[test]
    fn a_flood_is_cut_and_comes_through_again_later() {
        let (mut recorder, now) = (Recorder::default(), Instant::now());
        let said = |recorder: &mut Recorder, at: Instant, tag: &str| {
            (0..1000).filter(|index| recorder.admits(&notice(&format!("Pod/{tag}/{index}"), "x"), at)).count()
        };
        assert_eq!(said(&mut recorder, now, "a"), 20);
        assert_eq!(said(&mut recorder, now + Duration::from_secs(2), "b"), 10);
    }

    #[test]
    fn an_event_names_its_object_by_uid() {
        let mut store = Store::new(Kind::watched(false));
        store.take(Change::Seen(
            Kind::Pod,
            Box::new(Raw::new(json!({"metadata": {"name": "b", "namespace": "a", "uid": "u"}, "spec": {"containers": []}}))),
        ));
        let made = event(&notice("Pod/a/b", &"é".repeat(2000)), reference("Pod/a/b", &store).unwrap(), Timestamp::UNIX_EPOCH);
        let regarding = made.regarding.unwrap();
        assert_eq!(
            (regarding.uid.as_deref(), regarding.kind.as_deref(), regarding.api_version.as_deref()),
            (Some("u"), Some("Pod"), Some("v1"))
        );
        assert_eq!((made.metadata.namespace.as_deref(), made.metadata.name.as_deref()), (Some("a"), Some("b.0")));
        assert!(made.note.is_some_and(|note| note.len() <= 1024 && note.ends_with("...")));
        let cluster_wide = reference("NodeClaim/c", &store).unwrap();
        assert_eq!((cluster_wide.namespace, cluster_wide.name.as_deref()), (None, Some("c")));
        assert_eq!((reference("Batch", &store), reference("Instance/i-1", &store)), (None, None));
    }
}
