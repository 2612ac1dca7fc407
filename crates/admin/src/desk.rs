//! What the control socket's answers are made from.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use portcullis_events::archive::{Found, Query, ReadError, Reader};
use portcullis_events::{Findings, Recorder};
use portcullis_inventory::Decision;
use portcullis_learn::Inventories;
use portcullis_model::{Ban, Event, EventId, Timestamp};
use portcullis_store::Store;
use smol_str::SmolStr;

use crate::api::{LiftBan, NewBan, Reach, Reloaded, Status};

/// What only the application can do or knows.
pub trait Operator: Send + Sync {
    /// How the gateway is.
    fn status(&self) -> Status;

    /// Reads the policy again and swaps it in, or says why not; what is in force then, others that share the state are
    /// told to read too.
    fn reload(&self, reach: Reach) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>>;

    /// Writes the bans in force where they outlive the process.
    fn keep_bans(&self);

    /// Writes down every event so far, so that who asks after a request sees it; may wait for the disk.
    fn settle(&self);

    /// What was learned of each site from all it answered so far; absent if the policy learns nothing.
    fn inventories(&self) -> Pin<Box<dyn Future<Output = Option<Arc<Inventories>>> + Send + '_>>;

    /// Remembers what a person decided about the operations of a site; whether it is a site that is learned.
    fn decide(&self, site: SmolStr, decision: Decision) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;

    /// Where the archive of the policy in force is; absent if it keeps none.
    fn archive(&self) -> Option<PathBuf>;

    /// The wall clock.
    fn now(&self) -> Timestamp;
}

/// Everything the control socket speaks for. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// Live figures and followers.
    pub recorder: Recorder,
    /// What was concluded.
    pub findings: Findings,
    /// Bans.
    pub store: Arc<dyn Store>,
    /// The application.
    pub operator: Arc<dyn Operator>,
}

impl Desk {
    /// Sets a ban and writes it down before answering.
    pub(crate) fn ban(&self, wanted: NewBan) -> Ban {
        let now = self.operator.now();
        let ban = Ban {
            key: wanted.key,
            site: wanted.site,
            since: now,
            until: now.plus(Duration::from_secs(wanted.seconds)),
            grows_to: None,
            event: None,
            reason: wanted.reason,
            by: wanted.by,
        };
        self.store.ban(ban.clone());
        self.operator.keep_bans();
        ban
    }

    /// Lifts a ban and writes that down before answering; whether there was one.
    pub(crate) fn unban(&self, wanted: &LiftBan) -> bool {
        let lifted = self.store.unban(&wanted.key, wanted.site.as_deref(), self.operator.now());
        if lifted {
            self.operator.keep_bans();
        }
        lifted
    }

    /// Events that meet a query.
    pub(crate) async fn find(&self, query: Query) -> Result<Found, String> {
        self.read(move |archive| archive.events(&query)).await
    }

    /// The event of an id.
    pub(crate) async fn event(&self, id: EventId) -> Result<Option<Event>, String> {
        self.read(move |archive| archive.event(id)).await
    }

    /// Asks the archive once all that was recorded so far is in it, on a thread that may wait for the disk.
    async fn read<T: Default + Send + 'static>(
        &self,
        ask: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, String> {
        let Some(path) = self.operator.archive() else {
            return Err("this policy keeps no archive (`archive: off`)".to_owned());
        };
        let operator = Arc::clone(&self.operator);
        let asked = tokio::task::spawn_blocking(move || {
            operator.settle();
            Reader::open(&path).and_then(|archive| ask(&archive))
        });
        match asked.await {
            // Nothing has been written yet: that is an answer, not a fault.
            Ok(Err(ReadError::Absent(_))) => Ok(T::default()),
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("the question to the archive was broken off".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use portcullis_events::RecorderConfig;
    use portcullis_store::{MemoryLimits, MemoryStore};

    use super::*;

    /// An application of which only the archive is asked.
    #[derive(Default)]
    struct Settling {
        folder: Option<tempfile::TempDir>,
        settled: AtomicBool,
    }

    impl Operator for Settling {
        fn status(&self) -> Status {
            unreachable!("nobody asks how it is")
        }

        fn reload(&self, _: Reach) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>> {
            unreachable!("nobody asks for another policy")
        }

        fn keep_bans(&self) {}

        fn settle(&self) {
            self.settled.store(true, Ordering::SeqCst);
        }

        fn inventories(&self) -> Pin<Box<dyn Future<Output = Option<Arc<Inventories>>> + Send + '_>> {
            unreachable!("nobody asks what was learned")
        }

        fn decide(&self, _: SmolStr, _: Decision) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
            unreachable!("nobody decides about operations")
        }

        fn archive(&self) -> Option<PathBuf> {
            self.folder.as_ref().map(|folder| folder.path().join("events.db"))
        }

        fn now(&self) -> Timestamp {
            Timestamp::default()
        }
    }

    #[tokio::test]
    async fn who_asks_after_an_exchange_does_not_ask_too_early() {
        let (recorder, _recording) = Recorder::start(&RecorderConfig::default()).unwrap();
        let operator =
            Arc::new(Settling { folder: Some(tempfile::tempdir().unwrap()), ..Settling::default() });
        let desk = Desk {
            recorder,
            findings: Findings::start(None).unwrap().0,
            store: Arc::new(MemoryStore::new(MemoryLimits::default())),
            operator: Arc::<Settling>::clone(&operator),
        };
        assert!(desk.find(Query::default()).await.unwrap().events.is_empty());
        assert!(operator.settled.load(Ordering::SeqCst));
    }
}
