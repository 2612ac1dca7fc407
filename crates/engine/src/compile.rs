//! From a checked policy and the files it names to a snapshot, or to every problem with its place.
//!
//! Invariants: everything that can be worked out before the first request is; reading goes on after a mistake, so
//! that all are reported at once. Files come through [`Sources`].

mod filter;
mod geo;
mod lists;
mod providers;
mod scopes;
mod sites;
mod turns;

use std::sync::{Arc, OnceLock};

pub(crate) use filter::Kept;
use portcullis_document::{Place, Problem, Severity, SourceError, Sources};
use portcullis_policy::{Policy, SecretSource};
use smol_str::SmolStr;

use crate::client_ip::ClientIp;
use crate::lists::Ranges;
use crate::node_key::NodeKeys;
use crate::snapshot::Snapshot;

/// A compiled policy, and what is not wrong but worth a look.
#[derive(Debug)]
pub struct Compiled {
    /// What exchanges run under.
    pub snapshot: Snapshot,
    /// Warnings, in the order met.
    pub warnings: Vec<Problem>,
    /// Every file read besides those the policy names itself, such as documents its contracts refer to: to watch.
    pub files: Vec<String>,
}

/// Compiles a policy. The names of files in it are asked of `sources` as they stand there.
pub fn compile(policy: Arc<Policy>, sources: &dyn Sources) -> Result<Compiled, Vec<Problem>> {
    compile_after(policy, sources, None)
}

/// The same after a policy that was in force: rules of the content filter whose files did not change are kept.
pub fn compile_after(
    policy: Arc<Policy>,
    sources: &dyn Sources,
    before: Option<&Snapshot>,
) -> Result<Compiled, Vec<Problem>> {
    let mut work = Work {
        policy: &policy,
        sources,
        problems: Vec::new(),
        files: Vec::new(),
        kept: Kept::default(),
        before: before.map(|before| &before.kept),
    };
    let node = work.node_keys();
    let lists = lists::compile(&mut work);
    let geo = geo::compile(&mut work);
    let providers = providers::compile(&mut work);
    let (sites, hosts) = sites::compile(&mut work, &providers);
    let nowhere = scopes::nowhere(&policy);
    let header: Option<SmolStr> = policy.client_ip.header.as_ref().map(|name| name.as_str().into());
    let client_ip = ClientIp {
        reserved: header.iter().cloned().collect(),
        header,
        trusted: Ranges::compile(policy.client_ip.trusted.iter().copied().map(Into::into)),
    };
    let Work { problems, files, kept, .. } = work;
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    let snapshot =
        Snapshot { policy, node, client_ip, lists, geo, names: OnceLock::new(), hosts, sites, nowhere, kept };
    Ok(Compiled { snapshot, warnings: problems, files })
}

/// Compiling under way.
pub(crate) struct Work<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) sources: &'a dyn Sources,
    pub(crate) problems: Vec<Problem>,
    pub(crate) files: Vec<String>,
    /// The content filter's rules, compiled so far and in the policy before this one.
    pub(crate) kept: Kept,
    pub(crate) before: Option<&'a Kept>,
}

impl Work<'_> {
    /// The keys derived from the node secret. It may not be there yet (`check` runs before the first start); then
    /// nothing was hashed under it either.
    fn node_keys(&mut self) -> NodeKeys {
        let source = &self.policy.secret;
        if let SecretSource::File(file) = source
            && self.sources.read(&file.path) == Err(SourceError::Missing)
        {
            let message = format!("the node secret `{}` does not exist yet", file.path);
            let problem = Problem::warning("engine.no_node_secret", message);
            self.problems.push(problem.at(&file.place).remedy("`portcullis serve` makes it on first start"));
            return NodeKeys::derive(&[]);
        }
        match source.read(self.sources) {
            Ok(secret) => NodeKeys::derive(secret.reveal()),
            Err(problem) => {
                self.problems.push(problem);
                NodeKeys::derive(&[])
            }
        }
    }

    /// A named file's text; where it cannot be had, a problem at the place that names it.
    pub(crate) fn text(&mut self, file: &portcullis_policy::FileRef) -> Option<String> {
        let bytes = self.bytes(file)?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_| self.unreadable(&file.path, &file.place, "it is not UTF-8 text"))
            .ok()
    }

    /// A named file's bytes.
    pub(crate) fn bytes(&mut self, file: &portcullis_policy::FileRef) -> Option<bytes::Bytes> {
        let read = self.sources.read(&file.path);
        read.map_err(|error| self.unreadable(&file.path, &file.place, &error.to_string())).ok()
    }

    pub(crate) fn unreadable(&mut self, path: &str, named: &Place, why: &str) {
        let message = format!("cannot read `{path}`: {why}");
        self.problems.push(Problem::error("engine.unreadable", message).at(named));
    }
}

/// What stands nowhere of its own stands where the policy asked for it.
fn placed(problem: Problem, asked: &Place) -> Problem {
    if problem.place.is_some() { problem } else { problem.at(asked) }
}

#[cfg(test)]
mod tests;
