//! The learning thread: folds, draws operations, publishes them, writes down what is new.
//!
//! Invariants: drawing takes at most a twentieth of the thread's time, but for a path never met, which is drawn at the
//! next tick once that time has passed; what is new is written down once a second; a configuration is taken over whole;
//! an ask waits for what was observed before it, and for nothing that comes after.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_events::Findings;
use portcullis_inventory::Decision;
use portcullis_model::Timestamp;
use portcullis_model::guess::Guess;
use portcullis_model::observation::Observation;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::config::LearnConfig;
use crate::guessing::Guessing;
use crate::keeper::Keeper;
use crate::learner::{Ask, Inventories, Parts, Publish, Shared};
use crate::site::{Change, Making, SiteBook};

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(100);
/// How often what is new is written down.
const WRITE: Duration = Duration::from_secs(1);
/// How long operations that only grew wait to be drawn.
const REDRAW: Duration = Duration::from_secs(5);
/// After drawing, so many times what it took passes before the next.
const REST: u32 = 20;
/// How long observations come together once none waited: waking this thread costs an exchange as much as a rule set.
const GATHER: Duration = Duration::from_millis(20);
/// Observations folded before anything else is looked at.
const BATCH: usize = 256;

/// The time now.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Where the thread is told what happened, and asked.
pub(crate) struct Inlets {
    pub(crate) waiting: mpsc::Receiver<Observation>,
    pub(crate) guessed: mpsc::Receiver<Guess>,
    pub(crate) asked: mpsc::Receiver<Ask>,
}

/// Learns until it is asked to finish, or nobody is left to ask.
pub(crate) async fn run(
    config: LearnConfig,
    inlets: Inlets,
    shared: &Shared,
    publish: &dyn Publish,
    findings: &Findings,
) {
    let Inlets { mut waiting, mut guessed, mut asked } = inlets;
    let mut round = Round::new(config, shared, publish, findings);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            // Whoever asks is not kept waiting by exchanges that go on without end.
            biased;
            _ = tick.tick() => {
                // Counted by the clock, so that a guess wakes nobody.
                round.count(&mut guessed);
                round.tick();
            }
            ask = asked.recv() => {
                round.fold_waiting(&mut waiting);
                match ask {
                    Some(Ask::Settle(done)) => {
                        round.settle();
                        // Nobody waits any more: fine.
                        let _ = done.send(());
                    }
                    Some(Ask::Decide(site, decision, done)) => {
                        let _ = done.send(round.decide(&site, &decision));
                    }
                    Some(Ask::Lend(done)) => {
                        round.lend();
                        let _ = done.send(());
                    }
                    Some(Ask::Reclaim) => round.reclaim(),
                    Some(Ask::TakeIn(parts)) => round.take_in(&parts),
                    Some(Ask::Reconfigure(config)) => round.take_over(*config),
                    Some(Ask::Finish(done)) => {
                        round.fold_rest(&mut waiting, &mut guessed);
                        let _ = done.send(round.unwritten());
                        return;
                    }
                    None => return round.fold_rest(&mut waiting, &mut guessed),
                }
            }
            many = waiting.recv_many(&mut batch, BATCH) => match many {
                0 => return round.write(),
                many => {
                    round.fold(&mut batch);
                    if many < BATCH {
                        sleep(GATHER).await;
                    }
                }
            },
        }
    }
}

/// What the thread holds.
struct Round<'a> {
    shared: &'a Shared,
    publish: &'a dyn Publish,
    findings: &'a Findings,
    keeper: Keeper,
    making: Making,
    sites: BTreeMap<SmolStr, SiteBook>,
    guessing: Guessing,
    /// The file that is another process's for now.
    lent: Option<PathBuf>,
    write_due: Instant,
    draw_from: Instant,
    redraw_due: Instant,
}

impl<'a> Round<'a> {
    fn new(
        config: LearnConfig,
        shared: &'a Shared,
        publish: &'a dyn Publish,
        findings: &'a Findings,
    ) -> Self {
        let mut round = Self {
            shared,
            publish,
            findings,
            keeper: Keeper::new(None),
            making: Making { key: config.key, limits: config.limits },
            sites: BTreeMap::new(),
            guessing: Guessing::default(),
            lent: None,
            write_due: Instant::now(),
            draw_from: Instant::now(),
            redraw_due: Instant::now(),
        };
        round.take_over(config);
        round
    }

    /// Another file is another inventory; a site that left stays in the file and is found there if it comes back.
    fn take_over(&mut self, config: LearnConfig) {
        self.write();
        self.making = Making { key: config.key, limits: config.limits };
        let stays = self.keeper.is_at(config.path.as_deref());
        let mut known = if stays { std::mem::take(&mut self.sites) } else { BTreeMap::new() };
        self.sites.clear();
        let mut kept = BTreeMap::new();
        if !stays || config.sites.iter().any(|site| !known.contains_key(&site.name)) {
            if !stays {
                self.keeper = Keeper::new(config.path);
            }
            kept = self.keeper.restore(self.making, now());
        }
        for site in config.sites {
            let book = if let Some(mut book) = known.remove(&site.name) {
                book.declare(site.contract);
                book
            } else {
                let kept = kept.remove(&site.name);
                SiteBook::new(site.name.clone(), site.contract, kept, self.making)
            };
            self.sites.insert(site.name, book);
        }
        self.draw(Change::None);
        *self.shared.keeping.lock() = self.keeper.state();
    }

    fn fold(&mut self, batch: &mut Vec<Observation>) {
        for observation in batch.drain(..) {
            self.take(&observation);
        }
    }

    fn take(&mut self, observation: &Observation) {
        if let Some(site) = self.sites.get_mut(&observation.site) {
            site.take(observation);
            self.shared.folded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was observed before an ask is folded before it is answered.
    fn fold_waiting(&mut self, waiting: &mut mpsc::Receiver<Observation>) {
        for _ in 0..waiting.len() {
            let Ok(observation) = waiting.try_recv() else { return };
            self.take(&observation);
        }
    }

    fn count(&mut self, guessed: &mut mpsc::Receiver<Guess>) {
        while let Ok(guess) = guessed.try_recv() {
            self.guessing.take(&guess);
        }
    }

    /// The last of what waits, folded and written down.
    fn fold_rest(&mut self, waiting: &mut mpsc::Receiver<Observation>, guessed: &mut mpsc::Receiver<Guess>) {
        while let Ok(observation) = waiting.try_recv() {
            self.take(&observation);
        }
        self.count(guessed);
        self.write();
    }

    /// Nothing of what is in the file may be in what waits: both would be counted.
    fn lend(&mut self) {
        self.write();
        self.lent = self.keeper.close();
    }

    fn reclaim(&mut self) {
        if let Some(path) = self.lent.take() {
            self.keeper = Keeper::new(Some(path));
        }
    }

    fn take_in(&mut self, parts: &Parts) {
        for (name, bytes) in parts {
            if let Some(site) = self.sites.get_mut(name)
                && let Err(error) = site.take_in(bytes)
            {
                tracing::warn!(site = %name, %error, "what another process learned cannot be read");
            }
        }
    }

    /// What the lent file could not take.
    fn unwritten(&self) -> Parts {
        if self.lent.is_none() {
            return Parts::new();
        }
        self.sites.values().filter_map(|site| Some((site.name().clone(), site.unwritten()?))).collect()
    }

    fn tick(&mut self) {
        let at = Instant::now();
        if at >= self.draw_from {
            let least = if at >= self.redraw_due { Change::More } else { Change::New };
            self.draw(least);
        }
        if at >= self.write_due {
            self.write();
            self.write_due = Instant::now() + WRITE;
        }
    }

    /// Everything, since standings change with time alone.
    fn settle(&mut self) {
        self.draw(Change::None);
        self.write();
    }

    fn decide(&mut self, site: &str, decision: &Decision) -> bool {
        let Some(site) = self.sites.get_mut(site) else { return false };
        site.decide(decision, now());
        self.settle();
        true
    }

    /// Draws the operations of sites that changed so much, and shows them.
    fn draw(&mut self, least: Change) {
        let begun = Instant::now();
        let mut any = false;
        for site in self.sites.values_mut().filter(|site| site.change() >= least) {
            any = true;
            let name = site.name().clone();
            // A site that cannot be drawn keeps its last picture, and the others their learning.
            let drawing = AssertUnwindSafe(|| Arc::clone(site.draw(self.findings, now())));
            if let Ok(drawn) = catch_unwind(drawing) {
                self.publish.learned(&name, &drawn);
            } else {
                tracing::error!(site = %name, "what was learned could not be drawn; the last picture stays");
            }
        }
        if any {
            let drawn = |(name, site): (&SmolStr, &SiteBook)| Some((name.clone(), Arc::clone(site.drawn()?)));
            let inventories: Inventories = self.sites.iter().filter_map(drawn).collect();
            self.shared.inventories.store(Arc::new(inventories));
            let at = Instant::now();
            self.draw_from = at + begun.elapsed() * REST;
            if least <= Change::More {
                self.redraw_due = at + REDRAW;
            }
        }
    }

    /// Tells of guesses, and writes down what is new, and sites whose journals have become long.
    fn write(&mut self) {
        self.guessing.conclude().into_iter().for_each(|finding| self.findings.raise(finding));
        if !self.keeper.is_ready() {
            return;
        }
        let unwritten = |site: &SiteBook| Some((site.name().clone(), site.unwritten()?));
        let entries: Vec<_> = self.sites.values().filter_map(unwritten).collect();
        if !entries.is_empty() && self.keeper.append(&entries, now()) {
            for (name, _) in &entries {
                if let Some(site) = self.sites.get_mut(name) {
                    site.written();
                }
            }
            for site in self.sites.values().filter(|site| self.keeper_is_long(site)).collect::<Vec<_>>() {
                self.keeper.replace(site.name(), &site.whole(), now());
            }
        }
        *self.shared.keeping.lock() = self.keeper.state();
    }

    fn keeper_is_long(&self, site: &SiteBook) -> bool {
        self.keeper.is_long(site.name())
    }
}
