//! Scopes: the effective settings of a site or route, compiled.

use std::sync::Arc;

use portcullis_expr::{Path, Reads, Var};
use portcullis_model::DataClass;
use portcullis_policy::{
    Announce, BodyPolicy, Carrier, CheckStance, Credential, KeyPart, Limit, Measure, Mode, Policy, Require,
    Requirement, ResponseCheck, Rule, RuleAction, Settings, Site, Skippable, Stance, Undeclared,
    UnknownCallers,
};
use smol_str::{SmolStr, format_smolstr};

use crate::arrival::HoldBounds;
use crate::filter::Filtering;
use crate::identity::Provider;
use crate::phase::limits;
use crate::redact::Redactor;
use crate::scope::{self, ByTurn, Hold, Part, Scope, Turn};

use super::turns;

/// What a scope is compiled from besides its settings.
pub(super) struct Compiling<'a> {
    pub(super) policy: &'a Policy,
    pub(super) site: &'a Site,
    pub(super) providers: &'a [Arc<Provider>],
    pub(super) reserved: &'a Arc<[SmolStr]>,
}

/// What holds where no site is named like the host.
pub(super) fn nowhere(policy: &Policy) -> Scope {
    Scope {
        route: None,
        mode: Mode::Block,
        unknown_apis: Stance::Pass,
        unknown_callers: UnknownCallers::Pass,
        request_check: CheckStance::Off,
        undeclared: Undeclared::Pass,
        response_check: ResponseCheck::Off,
        providers: Vec::new(),
        require: scope::Require::Nothing,
        allow: None,
        rules: ByTurn::default(),
        limits: ByTurn::default(),
        filter: None,
        body: Hold::default(),
        response_body: Hold::default(),
        reads_request: false,
        reads_response: false,
        reads_data: false,
        redact: Arc::new(carriers(policy)),
        reserved: Arc::from([]),
    }
}

/// Names only the gateway may set towards a site: those that any rule for it sets, and the one that tells who calls.
pub(super) fn reserved_names(global: &[Rule], site: &Site) -> Arc<[SmolStr]> {
    let routes = site.routes.iter().flat_map(|route| route.settings.rules.iter());
    let rules = global.iter().chain(site.settings.rules.iter()).chain(routes);
    let mut names: Vec<SmolStr> =
        rules.flat_map(|rule| rule.headers.set.iter()).map(|(name, _)| name.as_str().into()).collect();
    names.extend(site.tell_caller.iter().map(|told| SmolStr::new(told.header.as_str())));
    names.sort();
    names.dedup();
    names.into()
}

impl Compiling<'_> {
    pub(super) fn scope(
        &self,
        settings: &Settings,
        route: Option<&str>,
        filter: Option<Box<Filtering>>,
    ) -> Scope {
        let all: Vec<&Rule> = self.policy.rules.iter().chain(settings.rules.iter()).collect();
        let mut rules = ByTurn::default();
        for (rule, turn) in all.iter().zip(turns::settle(&all)) {
            rules.push(turn, compile_rule(rule));
        }
        let mut limits = ByTurn::default();
        let passed = limits_passed(&all);
        let mut announced = 0;
        for limit in settings.limits.iter() {
            let turn = limit_turn(limit, &all).max(passed);
            let name = announced_as(limit, &mut announced);
            let thresholds = compile_limit(&self.site.name, limit);
            for (threshold, announced) in thresholds.zip(std::iter::once(name).chain(std::iter::repeat(None)))
            {
                limits.push(turn, scope::Limit { announced, ..threshold });
            }
        }
        let masks_late = rules
            .at(Turn::ResponseHead)
            .iter()
            .any(|rule: &scope::Rule| matches!(rule.action, Some(RuleAction::Mask(_))));
        Scope {
            route: route.map(SmolStr::new),
            mode: settings.mode,
            unknown_apis: settings.unknown_apis,
            unknown_callers: settings.unknown_callers,
            request_check: settings.contract_checks.request,
            undeclared: settings.contract_checks.undeclared,
            response_check: settings.contract_checks.response,
            providers: self.providers.iter().filter(|one| settings.counts(&one.name)).cloned().collect(),
            require: match &settings.require {
                Require::None => scope::Require::Nothing,
                Require::Contract(_) => scope::Require::Contract,
                Require::Callers(callers) => scope::Require::Callers(Box::new(requirement(callers))),
            },
            allow: settings.allow.as_ref().map(|allow| allow.checked.compile()),
            reads_request: all.iter().any(|rule| turns::all_reads(rule).vars.contains(&Var::Body))
                || settings.limits.iter().any(|limit| limit.reads().has(Var::Body)),
            reads_response: masks_late || !rules.at(Turn::ResponseBody).is_empty(),
            reads_data: all.iter().any(|rule| reads_data(&turns::all_reads(rule))),
            rules,
            limits,
            filter,
            body: hold(&settings.body),
            response_body: hold(&settings.response_body),
            redact: Arc::new(self.redactor(settings)),
            reserved: Arc::clone(self.reserved),
        }
    }

    /// Names the settings list, and those that carry API keys.
    fn redactor(&self, settings: &Settings) -> Redactor {
        let mut redactor = carriers(self.policy);
        let redact = &settings.redact;
        redactor.headers.extend(redact.headers.iter().map(|name| SmolStr::new(name.as_str())));
        redactor.query.extend(redact.query.iter().cloned());
        redactor.cookies.extend(redact.cookies.iter().cloned());
        redactor
    }
}

fn requirement(callers: &Requirement) -> scope::Requirement {
    scope::Requirement {
        providers: callers.providers.iter().map(|name| name.0.clone()).collect(),
        groups: callers.groups.clone(),
        scopes: callers.scopes.clone(),
        when: callers.when.as_ref().map(|when| when.checked.compile()),
    }
}

fn reads_data(reads: &Reads) -> bool {
    let tags = DataClass::ALL.map(|class| format!("data:{}", class.as_str()));
    reads.vars.contains(&Var::Data) || reads.tags.iter().any(|test| tags.iter().any(|tag| test.admits(tag)))
}

/// What carries API keys is hidden everywhere, also where a key does not count.
fn carriers(policy: &Policy) -> Redactor {
    let mut redactor = Redactor::default();
    for provider in &policy.providers {
        if let Credential::ApiKey(api_key) = &provider.credential {
            match &api_key.carrier {
                Carrier::Header(name) => redactor.headers.push(name.as_str().into()),
                Carrier::Query(name) => redactor.query.push(name.clone()),
                Carrier::Cookie(_) => {}
            }
        }
    }
    redactor
}

fn hold(body: &BodyPolicy) -> Hold {
    let bounds = HoldBounds { limit: body.hold.get(), deadline: body.deadline };
    let reading = scope::Reading {
        depth: body.depth.get(),
        values: body.fields.get(),
        value_bytes: usize::try_from(body.field_size.get()).unwrap_or(usize::MAX),
        ratio: body.ratio.get(),
        growth: body.growth.get(),
    };
    Hold { bounds, over_limit: body.over_limit, reading }
}

fn compile_rule(rule: &Rule) -> scope::Rule {
    let body = match &rule.action {
        Some(RuleAction::Block(answer)) => answer.body.as_deref().map(Arc::from),
        _ => None,
    };
    scope::Rule {
        name: rule.name.clone(),
        tag: format_smolstr!("rule:{}", rule.name),
        when: rule.when.checked.compile(),
        tags: rule.tags.iter().map(|tag| tag.as_smol().clone()).collect(),
        action: rule.action.clone(),
        body,
        set: rule
            .headers
            .set
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.checked.clone()))
            .collect(),
        remove: rule.headers.remove.iter().map(|name| SmolStr::new(name.as_str())).collect(),
    }
}

/// When the last rule has run that may let an exchange past the limits: none counts before.
fn limits_passed(rules: &[&Rule]) -> Turn {
    let passes = |rule: &Rule| matches!(&rule.action, Some(RuleAction::Pass(stages)) if stages.contains(&Skippable::Limits));
    let turns = turns::settle(rules);
    let latest = rules.iter().zip(turns).filter(|(rule, _)| passes(rule)).map(|(_, turn)| turn).max();
    if latest.is_some_and(|turn| turn > Turn::Located) { Turn::Operation } else { Turn::Located }
}

/// Limits run before or after the caller is known, with the body, or once all is over; there is one batch each.
fn limit_turn(limit: &Limit, rules: &[&Rule]) -> Turn {
    if limit.is_late() {
        return Turn::End;
    }
    let (reads, settled) = (limit.reads(), turns::settle(rules));
    let set = turns::latest_setter(&reads, rules, &settled).unwrap_or(Turn::Located);
    match Turn::from(reads.known).max(set).max(turns::earliest(limit.phase)) {
        Turn::Located => Turn::Located,
        Turn::Authenticated | Turn::Operation => Turn::Operation,
        _ => Turn::RequestBody,
    }
}

/// Every threshold counts for itself, so that what one refuses still counts towards those above.
fn compile_limit<'a>(site: &'a str, limit: &'a Limit) -> impl Iterator<Item = scope::Limit> + 'a {
    let key: Arc<[Part]> = limit.key.iter().map(part).collect();
    let except: Arc<[SmolStr]> = limit.except.iter().map(|tag| tag.as_smol().clone()).collect();
    let cost = Arc::new(limit.cost.clone());
    limit.thresholds.iter().map(move |threshold| scope::Limit {
        name: limit.name.clone(),
        tag: format_smolstr!("limit:{}", limit.name),
        root: root(site, limit, &threshold.measure),
        key: Arc::clone(&key),
        missing: limit.missing,
        when: limit.when.as_ref().map(|when| when.checked.compile()),
        except: Arc::clone(&except),
        measure: measure(&threshold.measure),
        cost: Arc::clone(&cost),
        action: threshold.action.clone(),
        announced: None,
    })
}

/// The name clients know a limit by: its place among those they are told of, for its own is none of their business.
fn announced_as(limit: &Limit, before: &mut usize) -> Option<SmolStr> {
    if limit.announce == Announce::Refused {
        return None;
    }
    *before += 1;
    Some(if *before == 1 { limits::ALONE.into() } else { format_smolstr!("{}-{before}", limits::ALONE) })
}

/// A changed measure begins afresh; a limit that a route inherits shares its site's.
fn root(site: &str, limit: &Limit, measure: &Measure) -> [u8; 16] {
    let key: Vec<String> = limit.key.iter().map(ToString::to_string).collect();
    let text = format!("{site}\0{}\0{}\0{measure}", limit.name, key.join("\0"));
    blake3::hash(text.as_bytes()).as_bytes().first_chunk().copied().unwrap_or_default()
}

fn measure(measure: &Measure) -> scope::Measure {
    match measure {
        Measure::Rate { rate, burst } => scope::Measure::Rate { rate: *rate, burst: burst.get() },
        Measure::Concurrency(most) => scope::Measure::Concurrency(most.get()),
        Measure::Quota(quota) => scope::Measure::Quota(*quota),
        Measure::Bytes(quota) => scope::Measure::Bytes(*quota),
        Measure::Distinct { of, limit } => {
            scope::Measure::Distinct { of: part(of), most: limit.count.get(), window: limit.per }
        }
    }
}

pub(super) fn part(part: &KeyPart) -> Part {
    let named = |var: Var, name: &str| Part::Named(var, Path::key(SmolStr::new(name)));
    match part {
        KeyPart::Caller => Part::Caller,
        KeyPart::Ip => Part::Address,
        KeyPart::Network { v4, v6 } => Part::Network(*v4, *v6),
        KeyPart::Country => Part::Plain(Var::Country),
        KeyPart::Asn => Part::Plain(Var::Asn),
        KeyPart::Identity => Part::Identity,
        KeyPart::Host => Part::Host,
        KeyPart::Method => Part::Method,
        KeyPart::Path => Part::Path,
        KeyPart::Operation => Part::Operation,
        KeyPart::Header(name) => named(Var::Headers, name.as_str()),
        KeyPart::Query(name) => named(Var::Query, name),
        KeyPart::Cookie(name) => named(Var::Cookies, name),
        KeyPart::Param(name) => named(Var::Params, name),
        KeyPart::Body(path) => Part::Named(Var::Body, path.clone()),
        KeyPart::Tag(namespace) => Part::Tags(format_smolstr!("{namespace}:")),
    }
}
