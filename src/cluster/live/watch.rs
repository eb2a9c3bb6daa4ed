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
/// The pause after a first failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(15);

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
        let mut failures = 0_u32;
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
            // The client's own pause begins anew with each list that it tries.
            failures = match changes.as_slice() {
                [Change::Failed(..)] => failures.saturating_add(1),
                [Change::Listing(_)] => failures,
                _ => 0,
            };
            let failed = matches!(changes.as_slice(), [Change::Failed(..)]);
            for change in changes {
                if to.send(change).await.is_err() {
                    return;
                }
            }
            if absent {
                break;
            }
            if failed {
                tokio::time::sleep(pause(failures)).await;
            }
        }
        tokio::time::sleep(ABSENT).await;
    }
}

/// The pause after so many failures in a row.
fn pause(failures: u32) -> Duration {
    PAUSE_MIN.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(PAUSE_MAX)
}

/// Whether the API server does not know the kind.
fn is_unknown(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error else { return false };
    matches!(cause, kube::Error::Api(status) if status.code == 404)
}

#[cfg(test)]
mod tests {
    use super::{PAUSE_MAX, PAUSE_MIN, pause};

    #[test]
    fn pauses_double_to_their_longest() {
        assert_eq!([1, 2, 3].map(pause), [PAUSE_MIN, PAUSE_MIN * 2, PAUSE_MIN * 4]);
        assert_eq!([7, 8, u32::MAX].map(pause), [PAUSE_MAX; 3]);
    }
}
