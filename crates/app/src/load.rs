//! From a policy's files to a compiled snapshot, or every problem on the way.
//!
//! Invariants: nothing is half-loaded; the node's secret is made (mode 0600) where the policy names a file that is not
//! there, and only by [`Purpose::Serve`].

use std::path::Path;
use std::sync::Arc;

use portcullis_document::{Place, Problem, Severity};
use portcullis_engine::Snapshot;
use portcullis_events::alerts::AlertChannel;
use portcullis_events::traces::TracesConfig;
use portcullis_gateway::StartError;
use portcullis_policy::{Policy, Site};
use portcullis_store::ServerPlan;

use crate::alerts;
use crate::files::FileSources;
use crate::remote::{self, Remote};
use crate::secret::{self, WithStandIn};
use crate::{shared, traces};

/// What a policy is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look at it: nothing is written.
    Look,
    /// To serve with it: what a first start makes is made.
    Serve,
}

/// A loaded policy.
pub(crate) struct Loaded {
    /// The policy.
    pub(crate) policy: Arc<Policy>,
    /// What the engine made of it.
    pub(crate) snapshot: Arc<Snapshot>,
    /// What it will run with, though it is probably not meant.
    pub(crate) warnings: Vec<Problem>,
    /// Every file that was read or named.
    pub(crate) files: Vec<String>,
    /// Where findings are told.
    pub(crate) alerts: Vec<AlertChannel>,
    /// Where traces are told, if anywhere.
    pub(crate) traces: Option<TracesConfig>,
    /// Documents that came by URL.
    pub(crate) remote: Remote,
    /// The server that holds the state, if one does.
    pub(crate) server: Option<ServerPlan>,
}

/// A policy that did not load.
pub(crate) struct Rejected {
    /// Why.
    pub(crate) problems: Vec<Problem>,
    /// Every file that was read or named, to be watched for the mended version.
    pub(crate) files: Vec<String>,
}

/// Loads and compiles the policy at `config`.
pub(crate) fn load(config: &Path, purpose: Purpose) -> Result<Loaded, Rejected> {
    load_after(config, purpose, None)
}

/// The same after one that is in force, whose filter rules are kept where their files did not change.
pub(crate) fn load_after(
    config: &Path,
    purpose: Purpose,
    before: Option<&Snapshot>,
) -> Result<Loaded, Rejected> {
    let read = portcullis_policy::load(&config.to_string_lossy(), &FileSources);
    let (mut files, mut problems) = (read.files, read.problems);
    let Some(policy) = read.policy else { return Err(Rejected { problems, files }) };
    if purpose == Purpose::Serve
        && let Err(error) = secret::make_if_absent(&policy)
    {
        problems.push(Problem::error("app.no_secret", format!("{error:#}")).at(policy.secret.place()));
        return Err(Rejected { problems, files });
    }
    let policy = Arc::new(policy);
    let remote = remote::gather(&policy, purpose, &mut problems);
    let sources =
        WithStandIn { remote: &remote, secret: secret::file(&policy).filter(|_| purpose == Purpose::Look) };
    let channels = alerts::channels(&policy, &FileSources).unwrap_or_else(|more| {
        problems.extend(more);
        Vec::new()
    });
    let traces = traces::collector(&policy, &FileSources).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    problems.extend(tls_problems(&policy));
    let server = shared::plan(&policy, &FileSources).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let is_wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    if is_wrong {
        return Err(Rejected { problems, files });
    }
    match portcullis_engine::compile_after(Arc::clone(&policy), &sources, before) {
        Ok(compiled) => {
            problems.extend(compiled.warnings);
            files.extend(compiled.files.into_iter().filter(|file| !remote::is_url(file)));
            Ok(Loaded {
                policy,
                snapshot: Arc::new(compiled.snapshot),
                warnings: problems,
                files,
                alerts: channels,
                traces,
                remote,
                server,
            })
        }
        Err(more) => {
            problems.extend(more);
            Err(Rejected { problems, files })
        }
    }
}

/// What of the files for TLS cannot be used, so that it is told before anything would start with it.
fn tls_problems(policy: &Policy) -> Vec<Problem> {
    let files = |path: &str| std::fs::read(path).map(Into::into);
    let listeners = policy.listeners.iter().filter_map(|listener| {
        let error = portcullis_gateway::check_listener(listener, &policy.sites, &files).err()?;
        Some((error, listener.tls.as_ref().map_or(&listener.place, |tls| &tls.place)))
    });
    let upstreams = policy.sites.iter().flat_map(Site::every_upstream).filter_map(|upstream| {
        let error = portcullis_gateway::check_upstream(upstream, &files).err()?;
        Some((error, upstream.tls.ca.as_ref().map_or(&upstream.place, |ca| &ca.place)))
    });
    let told = |(error, place): (StartError, &Place)| Problem::error("app.tls", error.to_string()).at(place);
    listeners.chain(upstreams).map(told).collect()
}
