//! Watching a policy's files: editors replace files, so folders are watched and names compared.
//!
//! Invariants: a burst of changes (an editor's save, a checkout) becomes one reload, shortly after its last change;
//! files beside the watched ones, such as a log that is written all the time, hold no reload up.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// No change for this long ends a burst.
const QUIET: Duration = Duration::from_millis(100);

/// Files that are watched, and the folders they are in.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    changes: mpsc::UnboundedReceiver<PathBuf>,
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    config: PathBuf,
    /// Whether a watched file has changed and changes have not paused since.
    burst: bool,
}

impl Watch {
    /// Watches nothing.
    pub(super) fn nothing() -> Self {
        let (_, changes) = mpsc::unbounded_channel();
        let none = BTreeSet::new;
        Self { watcher: None, changes, files: none(), folders: none(), config: PathBuf::new(), burst: false }
    }

    /// Watches the policy and every file it names.
    pub(super) fn over(config: &Path, files: &[String]) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let told = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if !event.kind.is_access() {
                // The receiver lives as long as the watcher.
                event.paths.into_iter().for_each(|path| drop(sender.send(path)));
            }
        };
        let watcher = notify::recommended_watcher(told)
            .inspect_err(|error| warn!(%error, "files cannot be watched; SIGHUP reloads"))
            .ok();
        let none = BTreeSet::new;
        let mut watch =
            Self { watcher, changes, files: none(), folders: none(), config: absolute(config), burst: false };
        watch.follow(files);
        watch
    }

    /// Goes on with these files: what the newest version of the policy names, whether it was taken up or not.
    pub(super) fn follow(&mut self, files: &[String]) {
        if self.watcher.is_none() {
            return;
        }
        self.files = files.iter().map(|file| absolute(Path::new(file))).collect();
        self.files.insert(self.config.clone());
        let folder = |file: &PathBuf| {
            if file.is_dir() { Some(file.clone()) } else { file.parent().map(Path::to_owned) }
        };
        let folders: BTreeSet<PathBuf> = self.files.iter().filter_map(folder).collect();
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.folders.difference(&folders) {
            // A folder that no longer exists is no longer watched anyway.
            let _ = watcher.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            if let Err(error) = watcher.watch(new, RecursiveMode::NonRecursive) {
                warn!(%error, folder = %new.display(), "cannot be watched; SIGHUP reloads");
            }
        }
        self.folders = folders;
    }

    /// Returns once a watched file has changed and changes have paused. Nothing is lost where it is dropped before.
    pub(super) async fn changed(&mut self) {
        while !self.burst {
            let Some(path) = self.changes.recv().await else { return std::future::pending().await };
            self.burst = self.is_watched(&path);
        }
        let mut pause = Instant::now() + QUIET;
        while let Ok(Some(path)) = timeout_at(pause, self.changes.recv()).await {
            if self.is_watched(&path) {
                pause = Instant::now() + QUIET;
            }
        }
        self.burst = false;
    }

    fn is_watched(&self, path: &Path) -> bool {
        // In a policy folder every YAML file counts, also a new one.
        let in_config = self.config.is_dir() && path.parent() == Some(&self.config);
        // In a folder that policy names, a contract's, every file counts, also a new one.
        let in_folder =
            path.parent().is_some_and(|parent| self.files.contains(parent) && self.folders.contains(parent));
        self.files.contains(path)
            || in_folder
            || (in_config && path.extension().is_some_and(|ending| ending == "yaml"))
    }
}

/// Absolute without resolving links: a link that is pointed elsewhere is a change of its own.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
