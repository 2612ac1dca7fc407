//! The plan of a policy's `state.server`, with its secret and authorities read.

use portcullis_document::{Problem, Sources};
use portcullis_model::Secret;
use portcullis_policy::{FileRef, OnFailure, Policy, ServerKind, StateAddress, StateServer};
use portcullis_store::server::{
    Address, Credentials, Encryption, LeaseTerms, Outage, Route, Servers, TimeFrom,
};
use portcullis_store::{MemoryLimits, ServerPlan};

/// How the server that holds this policy's state is used, or why it cannot be; `None` where state is in memory.
pub(crate) fn plan(policy: &Policy, sources: &dyn Sources) -> Result<Option<ServerPlan>, Problem> {
    let Some(server) = &policy.state.server else { return Ok(None) };
    let encryption = match (&server.ca, server.at.iter().any(|address| address.tls)) {
        (_, false) => Encryption::Off,
        (None, true) => Encryption::SystemRoots,
        (Some(file), true) => Encryption::Roots(authorities(file, sources)?),
    };
    let outage = match policy.state.on_failure {
        OnFailure::Allow | OnFailure::Deny => Outage::Fail,
        OnFailure::Local => Outage::CountLocally,
    };
    Ok(Some(ServerPlan {
        route: Route {
            servers: servers(server),
            credentials: credentials(server, sources)?,
            encryption,
            database: server.database,
        },
        prefix: server.prefix.0.to_string(),
        deadline: server.deadline,
        outage,
        leases: server
            .leases
            .as_ref()
            .map(|leases| LeaseTerms { share: leases.share.get(), hold: leases.hold }),
        time: TimeFrom::Server,
        memory: memory_limits(policy),
    }))
}

/// How much a node holds by itself.
pub(crate) fn memory_limits(policy: &Policy) -> MemoryLimits {
    MemoryLimits { keys: policy.state.memory.keys.get() as usize, ..MemoryLimits::default() }
}

fn servers(server: &StateServer) -> Servers {
    let all: Vec<Address> = server.at.iter().map(address).collect();
    match (server.kind, all.split_first()) {
        (ServerKind::Single, Some((first, _))) => Servers::Single(first.clone()),
        (ServerKind::Sentinel, _) => {
            let service = server.service.as_deref().unwrap_or_default().to_owned();
            Servers::Sentinel { sentinels: all, service }
        }
        (ServerKind::Cluster, _) | (ServerKind::Single, None) => Servers::Cluster(all),
    }
}

fn address(address: &StateAddress) -> Address {
    Address { host: address.host.to_string(), port: address.port }
}

fn credentials(server: &StateServer, sources: &dyn Sources) -> Result<Credentials, Problem> {
    let password = server.password.as_ref().map(|source| source.read(sources)).transpose()?;
    Ok(Credentials {
        user: server.user.as_ref().map(ToString::to_string),
        password: password
            .map(|bytes| Secret::new(String::from_utf8_lossy(bytes.reveal()).trim_end().to_owned())),
    })
}

fn authorities(file: &FileRef, sources: &dyn Sources) -> Result<Vec<u8>, Problem> {
    let wrong = |message: String| Problem::error("policy.state_server", message).at(&file.place);
    let pem =
        sources.read(&file.path).map_err(|error| wrong(format!("cannot read `{}`: {error}", file.path)))?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong(format!("`{}` holds no certificate in PEM", file.path)));
    }
    Ok(pem.to_vec())
}
