//! When each rule and limit runs, and what would then come too late.
//!
//! A rule runs in the earliest phase in which all it reads is known; a tag that other rules set is known when the
//! last of them has run. That is a least fixpoint: phases only grow, and there are four of them.

use std::sync::Arc;

use portcullis_document::{Place, Problem};
use portcullis_expr::{Reads, TagTest};

use crate::condition::{Condition, Phase};
use crate::limit::{Announce, Counted, Limit, LimitAction, Measure};
use crate::policy::Policy;
use crate::rule::{Rule, RuleAction};
use crate::site::Settings;

/// Gives every rule and limit its phase; says what comes too late.
pub(crate) fn settle(policy: &mut Policy, problems: &mut Vec<Problem>) {
    let mut lists = RuleLists::of(policy);
    lists.settle();
    lists.hand_back(policy);
    let global = Arc::clone(&policy.rules);
    let mut seen = Vec::new();
    for rule in global.iter() {
        too_late(rule, problems);
    }
    for settings in each_settings(policy) {
        if !seen.iter().any(|list| Arc::ptr_eq(list, &settings.rules)) {
            settings.rules.iter().for_each(|rule| too_late(rule, problems));
            seen.push(Arc::clone(&settings.rules));
        }
        let setters: Vec<&Rule> = global.iter().chain(settings.rules.iter()).collect();
        let early = settings.allow.iter().map(|allow| ("allow", allow));
        for (key, early) in early.chain(settings.require.when().map(|when| ("require", when))) {
            decided_too_late(key, early, phase_of(early.reads(), &setters), problems);
        }
    }
    settle_limits(policy, &global, problems);
}

/// Every site's settings, then its routes'.
pub(crate) fn each_settings(policy: &Policy) -> impl Iterator<Item = &Settings> {
    policy.sites.iter().flat_map(|site| {
        std::iter::once(&site.settings).chain(site.routes.iter().map(|route| &route.settings))
    })
}

fn each_settings_mut(policy: &mut Policy) -> impl Iterator<Item = &mut Settings> {
    policy.sites.0.iter_mut().flat_map(|site| {
        std::iter::once(&mut site.settings).chain(site.routes.iter_mut().map(|route| &mut route.settings))
    })
}

/// The phase in which all of it is known, given the rules that set tags.
fn phase_of<'a>(reads: &Reads, setters: impl IntoIterator<Item = &'a &'a Rule>) -> Phase {
    let own = Phase::from(reads.known);
    setters
        .into_iter()
        .filter(|rule| reads.tags.iter().any(|test| sets(rule, test)))
        .map(|rule| rule.phase)
        .fold(own, Phase::max)
}

/// Whether a rule's running can make a tag test hold.
pub(crate) fn sets(rule: &Rule, test: &TagTest) -> bool {
    rule.tags.iter().any(|tag| test.admits(tag.as_str())) || test.admits(&format!("rule:{}", rule.name))
}

impl Rule {
    /// All its condition and its values read.
    pub fn reads(&self) -> Reads {
        let mut reads = self.when.reads().clone();
        for (_, template) in self.headers.set.iter() {
            reads.merge(template.checked.reads());
        }
        if let Some(RuleAction::Redirect(redirect)) = &self.action {
            reads.merge(redirect.to.checked.reads());
        }
        reads
    }
}

/// The policy's lists of rules, each once: the one for every site, then those of sites and routes.
struct RuleLists {
    original: Vec<Arc<[Rule]>>,
    settled: Vec<Vec<Rule>>,
}

impl RuleLists {
    fn of(policy: &Policy) -> Self {
        let mut original = vec![Arc::clone(&policy.rules)];
        for settings in each_settings(policy) {
            if !original.iter().any(|list| Arc::ptr_eq(list, &settings.rules)) {
                original.push(Arc::clone(&settings.rules));
            }
        }
        let settled = original.iter().map(|list| list.to_vec()).collect();
        Self { original, settled }
    }

    /// A rule for every site sees the tags of every rule; one of a site those of its own list and of every site.
    fn settle(&mut self) {
        let mut grew = true;
        while grew {
            grew = false;
            let before = self.settled.clone();
            for (at, list) in self.settled.iter_mut().enumerate() {
                let visible =
                    before.iter().enumerate().filter(|(other, _)| at == 0 || *other == 0 || *other == at);
                let setters: Vec<&Rule> = visible.flat_map(|(_, rules)| rules).collect();
                for rule in list {
                    let phase = phase_of(&rule.reads(), &setters);
                    grew |= phase > rule.phase;
                    rule.phase = phase.max(rule.phase);
                }
            }
        }
    }

    fn hand_back(self, policy: &mut Policy) {
        let settled: Vec<Arc<[Rule]>> = self.settled.into_iter().map(Into::into).collect();
        let original = self.original;
        let replace = |list: &mut Arc<[Rule]>| {
            let at = original.iter().position(|known| Arc::ptr_eq(known, list));
            if let Some(new) = at.and_then(|at| settled.get(at)) {
                *list = Arc::clone(new);
            }
        };
        replace(&mut policy.rules);
        each_settings_mut(policy).for_each(|settings| replace(&mut settings.rules));
    }
}

fn settle_limits(policy: &mut Policy, global: &[Rule], problems: &mut Vec<Problem>) {
    for settings in each_settings_mut(policy) {
        let setters: Vec<&Rule> = global.iter().chain(settings.rules.iter()).collect();
        let settle = |limit: &Limit| Limit { phase: phase_of(&limit.reads(), &setters), ..limit.clone() };
        settings.limits = settings.limits.iter().map(settle).collect();
        settings
            .limits
            .iter()
            .filter(|limit| limit.is_late())
            .for_each(|limit| limit_too_late(limit, problems));
    }
}

/// What is counted once the exchange is over can hold nothing of it back.
fn limit_too_late(limit: &Limit, problems: &mut Vec<Problem>) {
    if problems.iter().any(|problem| problem.place.as_ref() == Some(&limit.place)) {
        return;
    }
    let mut refuses = limit.thresholds.iter().map(|threshold| &threshold.action);
    let refused = refuses.find(|action| !matches!(action, LimitAction::Monitor | LimitAction::Ban(_)));
    let concurrent =
        limit.thresholds.iter().any(|threshold| matches!(threshold.measure, Measure::Concurrency(_)));
    let what = match refused {
        _ if concurrent => "exchanges at once are counted".to_owned(),
        _ if limit.announce == Announce::Always => "`announce` comes".to_owned(),
        Some(action) => format!("`{}` comes", action.as_str()),
        None => return,
    };
    let when = match limit.counted {
        Counted::End => "it is counted once exchanges have ended".to_owned(),
        Counted::Arrival => format!("what it reads is known only {}", known(limit.phase)),
    };
    let message = format!("{what} too late in the limit `{}`: {when}", limit.name);
    let remedy = "use `action: monitor` or `action: ban`, which hold for what comes next";
    problems.push(Problem::error("policy.too_late", message).at(&limit.place).remedy(remedy));
}

/// The latest phase in which an action still does what it says.
const fn deadline(action: &RuleAction) -> Phase {
    match action {
        RuleAction::Pass(_) => Phase::Head,
        RuleAction::Challenge => Phase::Body,
        _ => Phase::ResponseBody,
    }
}

fn too_late(rule: &Rule, problems: &mut Vec<Problem>) {
    if let Some(action) = rule.action.as_ref().filter(|action| rule.phase > deadline(action)) {
        let place = rule.marks.action.as_ref().unwrap_or(&rule.place);
        let what = format!("`{}`", action.as_str());
        let why = match action {
            RuleAction::Challenge => "the request has gone to the upstream by then",
            _ => "the stages it skips have run by then",
        };
        problems.push(late(&what, place, &rule.when, rule.phase, why));
    }
    if !rule.headers.is_empty() && rule.phase > Phase::Body {
        let place = rule.marks.headers.as_ref().unwrap_or(&rule.place);
        let why = "the request has gone to the upstream by then";
        problems.push(late("changing the request's header fields", place, &rule.when, rule.phase, why));
    }
}

fn decided_too_late(key: &str, early: &Condition, phase: Phase, problems: &mut Vec<Problem>) {
    if phase > Phase::Head && !problems.iter().any(|problem| problem.place.as_ref() == Some(&early.place)) {
        let message =
            format!("`{key}` is decided on the request's head, and this is known only {}", known(phase));
        let remedy = "write a rule with `action: block` instead; it runs as soon as all it reads is known";
        problems.push(Problem::error("policy.too_late", message).at(&early.place).remedy(remedy));
    }
}

fn late(what: &str, place: &Place, when: &Condition, phase: Phase, why: &str) -> Problem {
    Problem::error("policy.too_late", format!("{what} comes too late: {why}"))
        .at(place)
        .label("too late")
        .also(&when.place, format!("this is known only {}", known(phase)))
        .remedy("let the condition read only what is known on the request's head")
}

const fn known(phase: Phase) -> &'static str {
    match phase {
        Phase::Head => "with the request's head",
        Phase::Body => "once the request's body is held",
        Phase::ResponseHead => "with the response's head",
        Phase::ResponseBody => "once the response's body is held",
    }
}
