//! Watches: what exists of a kind, then every change, for as long as the process lives.

use super::kind::Kind;
use super::raw::Raw;
use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watcher_of};
use kube::{Api, Client};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// The server ends a watch after so many seconds and it is taken up again where it ended. A watch that is silent for 5 s longer is dead.
const WATCH_SECONDS: u32 = 25;
/// Objects on a page of the first list: a page is in memory as a whole.
const PAGE: u32 = 100;
/// Between looks for a definition that is not installed.
const ABSENT: Duration = Duration::from_mins(1);

/// What a watch tells.
#[derive(Debug)]
pub enum Change {
    /// All objects of the kind follow; what does not follow is gone.
    Listing(Kind),
    /// The list is complete.
    Complete(Kind),
    /// An object is there, new or changed.
    Seen(Kind, Box<Raw>),
    /// An object is gone.
    Gone(Kind, Box<Raw>),
    /// The API server could not be understood or reached; the watch begins again by itself.
    Failed(Kind, String),
}

/// Watches a kind and tells what happens. Ends when nobody listens any more.
pub async fn watch(client: Client, kind: Kind, to: mpsc::Sender<Change>) {
    loop {
        let api: Api<Raw> = Api::all_with(client.clone(), &kind.resource());
        let config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
        let mut events = pin!(watcher_of(api, config).default_backoff());
        let mut absent = false;
        while let Some(event) = events.next().await {
            let changes = match event {
                Ok(Event::Init) => vec![Change::Listing(kind)],
                Ok(Event::InitApply(raw) | Event::Apply(raw)) => vec![Change::Seen(kind, Box::new(raw))],
                Ok(Event::InitDone) => vec![Change::Complete(kind)],
                Ok(Event::Delete(raw)) => vec![Change::Gone(kind, Box::new(raw))],
                Err(error) if kind.is_optional() && is_unknown(&error) => {
                    absent = true;
                    vec![Change::Listing(kind), Change::Complete(kind)]
                }
                Err(error) => vec![Change::Failed(kind, error.to_string())],
            };
            for change in changes {
                if to.send(change).await.is_err() {
                    return;
                }
            }
            if absent {
                break;
            }
        }
        tokio::time::sleep(ABSENT).await;
    }
}

/// Whether the API server does not know the kind.
fn is_unknown(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error else { return false };
    matches!(cause, kube::Error::Api(status) if status.code == 404)
}
