//! Sites: host index, contract, routes, pages.

use std::sync::Arc;

use jsonwebtoken::EncodingKey;
use portcullis_contract::{Contract, Purpose, Versions};
use portcullis_document::Problem;
use portcullis_policy::{Balance, ContractRef, EncodedSlash, Require, ResponseCheck, TellCaller};
use smol_str::SmolStr;

use crate::challenge::Terms;
use crate::hosts::Hosts;
use crate::identity::{Provider, Statement};
use crate::scope::Part;
use crate::site::{Learned, Route, Site};
use crate::tags;
use crate::upstreams::Upstreams;

use super::{Work, filter, placed, scopes};

/// The fewest bytes a key for telling callers may have (RFC 7518 §3.2).
const SHORTEST_KEY: usize = 32;

pub(super) fn compile(work: &mut Work<'_>, providers: &[Arc<Provider>]) -> (Vec<Site>, Hosts) {
    let policy = work.policy;
    let mut hosts = Hosts::default();
    let mut sites = Vec::with_capacity(policy.sites.len());
    for (index, site) in policy.sites.iter().enumerate() {
        site.hosts.iter().for_each(|pattern| hosts.insert(pattern, index));
        sites.push(compile_site(work, providers, site));
    }
    (sites, hosts)
}

fn compile_site(work: &mut Work<'_>, providers: &[Arc<Provider>], site: &portcullis_policy::Site) -> Site {
    let contract = site.contract.as_ref().and_then(|named| load_contract(work, site, named));
    let frozen = load_frozen(work, site);
    let operations = contract.as_ref().map_or(&[][..], |contract| contract.operations());
    let operation_tags: Vec<_> = operations.iter().map(|one| tags::joined("op", &one.name)).collect();
    let page = site.refusals.html.as_ref().and_then(|file| work.text(file)).map(Arc::from);
    let schemes = site.contract.as_ref().map(|contract| {
        contract.schemes.iter().map(|(scheme, provider)| (scheme.clone(), provider.0.clone())).collect()
    });
    let statement = site.tell_caller.as_ref().and_then(|told| compile_statement(work, told));
    let reserved = scopes::reserved_names(&work.policy.rules, site);
    let filter = filter::compile(work, site.settings.filter.as_ref());
    let filters: Vec<_> =
        site.routes.iter().map(|route| filter::compile(work, route.settings.filter.as_ref())).collect();
    let compiling = scopes::Compiling { policy: work.policy, site, providers, reserved: &reserved };
    Site {
        name: site.name.clone(),
        encoded_slash: match site.encoded_slash {
            EncodedSlash::Keep => portcullis_wire::EncodedSlash::Keep,
            EncodedSlash::Refuse => portcullis_wire::EncodedSlash::Refuse,
            EncodedSlash::Decode => portcullis_wire::EncodedSlash::Decode,
        },
        contract,
        frozen,
        schemes: schemes.unwrap_or_default(),
        scope: compiling.scope(&site.settings, None, filter),
        routes: site
            .routes
            .iter()
            .zip(filters)
            .map(|(route, filter)| Route {
                pattern: route.pattern.clone(),
                scope: compiling.scope(&route.settings, Some(route.label()), filter),
            })
            .collect(),
        challenge: Terms::of(&site.challenge),
        page,
        statement,
        learned: Learned::new(operation_tags.len()),
        upstreams: Upstreams::compile(site, balanced_by),
        operation_tags,
    }
}

/// What the exchanges of an upstream are balanced by; nothing where it is not by a key.
fn balanced_by(upstream: &portcullis_policy::Upstream) -> Option<Arc<[Part]>> {
    (upstream.balance == Balance::Hash).then(|| upstream.balance_key.iter().map(scopes::part).collect())
}

/// A key that is short could be found by trying; what it signs would be worth nothing.
fn compile_statement(work: &mut Work<'_>, told: &TellCaller) -> Option<Statement> {
    let key = told.key.read(work.sources).map_err(|problem| work.problems.push(problem)).ok()?;
    if key.reveal().len() < SHORTEST_KEY {
        let message = format!("the key has {} bytes; it needs {SHORTEST_KEY}", key.reveal().len());
        let problem = Problem::error("engine.short_key", message).at(told.key.place());
        work.problems.push(problem.remedy("make one: openssl rand -hex 32"));
        return None;
    }
    Some(Statement {
        header: told.header.as_str().into(),
        key: EncodingKey::from_secret(key.reveal()),
        lifetime: told.lifetime,
    })
}

fn load_contract(
    work: &mut Work<'_>,
    site: &portcullis_policy::Site,
    named: &ContractRef,
) -> Option<Arc<Contract>> {
    let [current, former] = [&named.files, &named.former]
        .map(|files| files.iter().map(|file| file.path.as_str()).collect::<Vec<&str>>());
    let versions = Versions { current: &current, former: &former };
    let loaded = portcullis_contract::load_versions(&site.name, versions, purpose(site), work.sources);
    let asked = || named.files.iter().chain(&named.former);
    work.problems.extend(loaded.problems.into_iter().map(|problem| {
        // A file that is not there has no place of its own: it is where the policy asks for it.
        let file = asked().find(|file| problem.message.contains(&*format!("`{}`", file.path)));
        placed(problem, file.map_or(&named.place, |file| &file.place))
    }));
    work.files.extend(loaded.files);
    let contract = loaded.contract?;
    check_schemes(work, site, named, &contract);
    Some(Arc::new(contract))
}

/// Requests are always checked: that is what they were frozen for. Responses are where the site's are.
fn load_frozen(work: &mut Work<'_>, site: &portcullis_policy::Site) -> Option<Arc<Contract>> {
    if site.frozen.is_empty() {
        return None;
    }
    let roots: Vec<&str> = site.frozen.iter().map(|file| file.path.as_str()).collect();
    let purpose = if purpose(site) == Purpose::Exchanges { Purpose::Exchanges } else { Purpose::Check };
    let loaded = portcullis_contract::load(&site.name, &roots, purpose, work.sources);
    work.problems.extend(loaded.problems);
    work.files.extend(loaded.files);
    loaded.contract.map(Arc::new)
}

/// Schemas are compiled only where something is held against them.
fn purpose(site: &portcullis_policy::Site) -> Purpose {
    let routes = site.routes.iter().map(|route| &route.settings);
    let checks: Vec<_> =
        std::iter::once(&site.settings).chain(routes).map(|settings| &settings.contract_checks).collect();
    if checks.iter().any(|one| one.response != ResponseCheck::Off) {
        Purpose::Exchanges
    } else if checks.iter().any(|one| one.looks()) {
        Purpose::Check
    } else {
        Purpose::Find
    }
}

/// A scheme that policy maps must be declared; one that is required must be mapped, or nobody could call.
fn check_schemes(
    work: &mut Work<'_>,
    site: &portcullis_policy::Site,
    named: &ContractRef,
    contract: &Contract,
) {
    let declared: Vec<&str> = contract.schemes().iter().map(|scheme| scheme.name.as_str()).collect();
    for (scheme, _) in named.schemes.iter().filter(|(scheme, _)| !declared.contains(&scheme.as_str())) {
        let message = format!("the contract of `{}` declares no security scheme `{scheme}`", site.name);
        let problem = Problem::warning("engine.unknown_scheme", message).at(&named.place);
        let nearest = portcullis_document::nearest(scheme, declared.iter().copied());
        work.problems.push(match nearest {
            Some(near) => problem.remedy(format!("it declares `{near}`")),
            None => problem,
        });
    }
    let required = |settings: &portcullis_policy::Settings| matches!(settings.require, Require::Contract(_));
    if !(required(&site.settings) || site.routes.iter().any(|route| required(&route.settings))) {
        return;
    }
    for scheme in contract.schemes() {
        let mapped = named.schemes.iter().any(|(name, _): &(SmolStr, _)| *name == scheme.name);
        if !mapped {
            let message =
                format!("no identity provider stands for the contract's security scheme `{}`", scheme.name);
            let problem = Problem::warning("engine.unmapped_scheme", message).at(&named.place);
            let remedy =
                format!("add `{}: PROVIDER` to `schemes`; until then nobody can prove it", scheme.name);
            work.problems.push(problem.also(&scheme.place, "declared here").remedy(remedy));
        }
    }
}
