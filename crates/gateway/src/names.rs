//! The names of crawlers' addresses, asked of the DNS and confirmed by it, while no request waits.
//!
//! Invariants: an answer is given at once, from memory; of so many addresses as policy says it is kept, about so many it is
//! asked at once, and each takes a bounded time. While a kept answer is asked about again, it holds; where nobody can
//! say, one that was confirmed goes on for a while, and any other address has no name. What a name proves is not known here.

mod dns;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_engine::{Named, Names, Snapshot};
use portcullis_policy::CrawlerDns;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::ports::ReadFile;

/// How soon an address is asked about again of which nobody could say anything.
const RETRY: Duration = Duration::from_secs(30);

/// Where the system says who resolves names.
const SYSTEM: &str = "/etc/resolv.conf";

/// What is known, over reloads.
#[derive(Default)]
pub(crate) struct NameBook(Mutex<HashMap<IpAddr, Entry>>);

struct Entry {
    named: Named,
    until: Instant,
    state: Asking,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Idle,
    UnderWay,
}

/// The book, as one policy has it filled.
struct Reader {
    book: Arc<NameBook>,
    plan: CrawlerDns,
    resolver: SocketAddr,
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    runtime: Handle,
}

impl NameBook {
    /// Has a policy's exchanges ask here, if it wants names of crawlers.
    pub(crate) fn serve(self: &Arc<Self>, snapshot: &Snapshot, files: &ReadFile, metrics: &Arc<Metrics>) {
        let Some(plan) = &snapshot.policy().crawlers.dns else { return };
        let system =
            || files(SYSTEM).ok().and_then(|bytes| dns::first_resolver(&String::from_utf8_lossy(&bytes)));
        let Some(resolver) = plan.resolver.or_else(system) else {
            tracing::warn!(
                "`crawlers.dns` names no resolver, and neither does {SYSTEM}: no crawler is verified by name"
            );
            return;
        };
        snapshot.ask_for_names(Arc::new(Reader {
            book: Arc::clone(self),
            resolver,
            places: Arc::new(Semaphore::new(plan.at_once as usize)),
            metrics: Arc::clone(metrics),
            runtime: Handle::current(),
            plan: plan.clone(),
        }));
    }

    /// Makes room for one more: of what is not worth keeping first. Whether there is any.
    fn has_room(entries: &mut HashMap<IpAddr, Entry>, most: usize) -> bool {
        if entries.len() < most {
            return true;
        }
        let now = Instant::now();
        let is_worth = |entry: &Entry| matches!(entry.named, Named::Confirmed(_)) && entry.until > now;
        entries.retain(|_, entry| entry.state == Asking::UnderWay || is_worth(entry));
        entries.len() < most
    }

    /// Writes down what was found.
    fn learn(
        &self,
        ip: IpAddr,
        found: Result<Option<Named>, dns::Failure>,
        plan: &CrawlerDns,
    ) -> &'static str {
        let mut entries = self.0.lock();
        let Some(entry) = entries.get_mut(&ip) else { return "failed" };
        entry.state = Asking::Idle;
        let (named, keep, what) = match found {
            Ok(Some(named)) => (named, plan.keep, "confirmed"),
            Ok(None) => (Named::Nameless, plan.keep_unconfirmed, "unconfirmed"),
            Err(_) if matches!(entry.named, Named::Confirmed(_)) => (entry.named.clone(), RETRY, "failed"),
            Err(_) => (Named::Nameless, RETRY, "failed"),
        };
        (entry.named, entry.until) = (named, Instant::now() + keep);
        what
    }
}

impl Names for Reader {
    fn of(&self, ip: IpAddr) -> Named {
        let mut entries = self.book.0.lock();
        let known = entries.get(&ip);
        if let Some(entry) = known
            && (entry.state == Asking::UnderWay || entry.until > Instant::now())
        {
            return entry.named.clone();
        }
        let named = known.map_or(Named::Pending, |entry| entry.named.clone());
        let most = self.plan.max_addresses as usize;
        let has_room = known.is_some() || NameBook::has_room(&mut entries, most);
        let place = Arc::clone(&self.places).try_acquire_owned().ok().filter(|_| has_room);
        let Some(place) = place else {
            self.metrics.crawler_lookup("full");
            return named;
        };
        let entry = Entry { named: named.clone(), until: Instant::now(), state: Asking::UnderWay };
        entries.insert(ip, entry);
        let (book, metrics, plan) = (Arc::clone(&self.book), Arc::clone(&self.metrics), self.plan.clone());
        let resolver = self.resolver;
        self.runtime.spawn(async move {
            let found = dns::confirmed(resolver, ip, plan.timeout).await;
            metrics.crawler_lookup(book.learn(ip, found, &plan));
            drop(place);
        });
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_confirmed_makes_room_first() {
        let now = Instant::now();
        let entry = |named, until, state| Entry { named, until, state };
        let confirmed = || Named::Confirmed(["a.example".into()].into());
        let later = now + Duration::from_hours(1);
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut entries = HashMap::from([
            (address(1), entry(confirmed(), later, Asking::Idle)),
            (address(2), entry(Named::Nameless, later, Asking::Idle)),
            (address(3), entry(Named::Pending, now, Asking::UnderWay)),
        ]);
        assert!(NameBook::has_room(&mut entries, 4) && entries.len() == 3);
        assert!(NameBook::has_room(&mut entries, 3));
        assert!(!entries.contains_key(&address(2)) && entries.len() == 2);
        assert!(!NameBook::has_room(&mut entries, 2), "nothing is left to forget");
    }

    #[test]
    fn a_failure_keeps_what_was_confirmed_and_nothing_else() {
        let text = "listen: 127.0.0.1:1\ncrawlers: { dns: {} }\nsites: { s: { hosts: a.example, upstream: { servers: http://127.0.0.1:9 } } }\n";
        let sources = portcullis_document::MemorySources::new().file("p.yaml", text);
        let plan = portcullis_policy::load("p.yaml", &sources).policy.unwrap().crawlers.dns.unwrap();
        let (book, ip) = (NameBook::default(), IpAddr::from([192, 0, 2, 1]));
        let named = Named::Confirmed(["a.example".into()].into());
        let check = |before: &Named, found| {
            let entry = Entry { named: before.clone(), until: Instant::now(), state: Asking::UnderWay };
            book.0.lock().insert(ip, entry);
            let what = book.learn(ip, found, &plan);
            (what, book.0.lock().get(&ip).unwrap().named.clone())
        };
        let failed = || Err(dns::Failure::Late);
        assert_eq!(check(&Named::Pending, Ok(Some(named.clone()))), ("confirmed", named.clone()));
        assert_eq!(check(&named, failed()), ("failed", named.clone()));
        assert_eq!(check(&named, Ok(None)), ("unconfirmed", Named::Nameless));
        assert_eq!(check(&Named::Pending, failed()), ("failed", Named::Nameless));
    }
}
