//! Statements to rules: chains joined, updates and removals applied, defaults merged, jumps found.
//!
//! Updates and removals reach rules wherever they stand, as in ModSecurity 3; one that reaches none is a warning.

use std::collections::HashMap;

use portcullis_document::{Place, Problem};
use smol_str::SmolStr;

use super::action::{Flow, RuleSelector};
use super::directive::{Statement, Update, UpdateChange, WrittenRule};
use super::draft::{Draft, DraftFlow};
use super::rule::{Link, Phase, Rule, RuleId, Test};
use super::target::{Kind, Target};

/// A chain whose parts are together, still as written.
struct Chain {
    /// Counts statements, so that rules and markers have an order.
    order: usize,
    phase: Phase,
    links: Vec<WrittenRule>,
}

impl Chain {
    fn head(&self) -> Option<&WrittenRule> {
        self.links.first()
    }

    fn id(&self) -> u32 {
        self.head().and_then(|head| head.draft.id.as_ref()).map_or(0, |(id, _)| *id)
    }

    fn is_selected(&self, rules: &RuleSelector) -> bool {
        match rules {
            RuleSelector::Ids(ranges) => ranges.iter().any(|range| range.contains(&self.id())),
            RuleSelector::Tag(text) => {
                self.links.iter().flat_map(|link| &link.draft.tags).any(|tag| text.matches(tag))
            }
            RuleSelector::Message(text) => {
                let messages = self.links.iter().filter_map(|link| link.draft.message.as_ref());
                messages.into_iter().any(|message| text.matches(&message.to_string()))
            }
        }
    }
}

/// What the statements of all files make together.
#[derive(Default)]
struct Resolver {
    chains: Vec<Chain>,
    markers: Vec<(usize, SmolStr)>,
    defaults: Vec<(usize, Phase, Draft)>,
    removals: Vec<(RuleSelector, Place)>,
    updates: Vec<Update>,
}

/// The rules of each phase.
pub(super) fn resolve(statements: Vec<Statement>, problems: &mut Vec<Problem>) -> [Vec<Rule>; 5] {
    let mut resolver = Resolver::default();
    resolver.gather(statements, problems);
    resolver.check_ids(problems);
    resolver.update(problems);
    resolver.remove(problems);
    resolver.finish(problems)
}

impl Resolver {
    fn gather(&mut self, statements: Vec<Statement>, problems: &mut Vec<Problem>) {
        let mut open: Option<Chain> = None;
        for (order, statement) in statements.into_iter().enumerate() {
            match statement {
                Statement::Rule(rule) => self.add_rule(order, rule, &mut open, problems),
                Statement::Marker(name) => self.markers.push((order, name)),
                Statement::Default(phase, draft) => self.add_default(order, phase, draft, problems),
                Statement::Remove(rules, place) => self.removals.push((rules, place)),
                Statement::Update(update) => self.updates.push(update),
            }
        }
        if let Some(chain) = open {
            let last = chain.links.last().map(|link| &link.place);
            let problem = Problem::error("seclang.chain", "a chain ends without its last rule");
            problems.push(match last {
                Some(place) => problem.at(place).remedy("remove `chain` here, or add the rule that is meant"),
                None => problem,
            });
        }
    }

    fn add_rule(
        &mut self,
        order: usize,
        rule: WrittenRule,
        open: &mut Option<Chain>,
        problems: &mut Vec<Problem>,
    ) {
        let goes_on = rule.draft.chain;
        let chain = if let Some(mut chain) = open.take() {
            check_link(&rule, chain.phase, problems);
            chain.links.push(rule);
            chain
        } else {
            if rule.draft.id.is_none() {
                let problem = Problem::error("seclang.id", "this rule has no id").at(&rule.draft.place);
                problems.push(problem.remedy("add id: with a number that no other rule has"));
            }
            let phase = rule.draft.phase.as_ref().map_or(Phase::RequestBody, |(phase, _)| *phase);
            Chain { order, phase, links: vec![rule] }
        };
        if goes_on {
            *open = Some(chain);
        } else {
            self.chains.push(chain);
        }
    }

    fn add_default(&mut self, order: usize, phase: Phase, draft: Draft, problems: &mut Vec<Problem>) {
        let before = self.defaults.iter().rev().find(|(_, known, _)| *known == phase);
        if let Some((_, _, before)) = before {
            let message = "this default action replaces an earlier one of its phase for the rules below";
            let problem = Problem::warning("seclang.default", message).at(&draft.place);
            problems.push(problem.also(&before.place, "the earlier one"));
        }
        self.defaults.push((order, phase, draft));
    }

    fn check_ids(&self, problems: &mut Vec<Problem>) {
        let mut seen: HashMap<u32, &Place> = HashMap::new();
        for chain in &self.chains {
            let Some((id, place)) = chain.head().and_then(|head| head.draft.id.as_ref()) else { continue };
            if let Some(first) = seen.insert(*id, place) {
                let problem = Problem::error("seclang.id", format!("two rules have the id {id}")).at(place);
                problems.push(problem.also(first, "the other is here"));
            }
        }
    }

    fn update(&mut self, problems: &mut Vec<Problem>) {
        for update in std::mem::take(&mut self.updates) {
            let mut reached = false;
            for chain in self.chains.iter_mut().filter(|chain| chain.is_selected(&update.rules)) {
                let Some(link) = chain.links.get_mut(update.link) else { continue };
                reached = true;
                match &update.change {
                    UpdateChange::Targets(more, replaced) => update_targets(&mut link.test, more, replaced),
                    UpdateChange::Actions(more) => link.draft.update(more),
                }
            }
            if !reached {
                problems.push(reaches_none(&update.place));
            }
        }
    }

    fn remove(&mut self, problems: &mut Vec<Problem>) {
        for (rules, place) in std::mem::take(&mut self.removals) {
            let before = self.chains.len();
            self.chains.retain(|chain| !chain.is_selected(&rules));
            if self.chains.len() == before {
                problems.push(reaches_none(&place));
            }
        }
    }

    /// The default action for a rule: the last above it, or the first below.
    fn default_for(&self, order: usize, phase: Phase) -> Option<&Draft> {
        let mut of_phase = self.defaults.iter().filter(|(_, known, _)| *known == phase).peekable();
        let first = of_phase.peek().copied();
        let above = of_phase.take_while(|(at, ..)| *at < order).last();
        above.or(first).map(|(_, _, draft)| draft)
    }

    fn finish(mut self, problems: &mut Vec<Problem>) -> [Vec<Rule>; 5] {
        let chains = std::mem::take(&mut self.chains);
        let orders = Phase::ALL.map(|phase| {
            let of_phase = chains.iter().filter(|chain| chain.phase == phase);
            of_phase.map(|chain| chain.order).collect::<Vec<usize>>()
        });
        let mut phases: [Vec<Rule>; 5] = Default::default();
        for chain in chains {
            let phase = chain.phase;
            let order = orders.get(phase.index()).map_or(&[][..], Vec::as_slice);
            let rule = self.rule(chain, order, problems);
            if let (Some(rule), Some(rules)) = (rule, phases.get_mut(phase.index())) {
                rules.push(rule);
            }
        }
        phases
    }

    fn rule(&self, chain: Chain, order: &[usize], problems: &mut Vec<Problem>) -> Option<Rule> {
        let default = self.default_for(chain.order, chain.phase);
        let id = RuleId(chain.id());
        let mut whole = chain.head()?.draft.clone();
        for link in chain.links.iter().skip(1) {
            whole.absorb(&link.draft);
        }
        let flow = self.flow(whole.flow.take(), chain.order, order, problems);
        let mut links = chain.links.into_iter().map(|written| Link {
            transformations: written.draft.pipeline(default),
            multi_match: written.draft.multi_match,
            capture: written.draft.capture,
            effects: written.draft.effects,
            test: written.test,
            place: written.place,
        });
        let first = links.next()?;
        let place = first.place.clone();
        let actions = whole.actions(default, flow);
        Some(Rule { id, place, phase: chain.phase, first, chain: links.collect(), actions })
    }

    /// Where a jump lands: the first rule of the phase after the next marker of that name.
    fn flow(
        &self,
        written: Option<DraftFlow>,
        from: usize,
        order: &[usize],
        problems: &mut Vec<Problem>,
    ) -> Flow {
        match written {
            None => Flow::Next,
            Some(DraftFlow::Skip(count)) => Flow::Skip(count),
            Some(DraftFlow::SkipAfter(label, place)) => {
                let marker = self.markers.iter().find(|(at, name)| *at > from && *name == label);
                let Some((at, _)) = marker else {
                    let message = format!("no marker `{label}` follows: the rest of the phase is skipped");
                    problems.push(Problem::warning("seclang.marker", message).at(&place));
                    return Flow::Goto(order.len());
                };
                Flow::Goto(order.partition_point(|rule| rule < at))
            }
        }
    }
}

fn reaches_none(place: &Place) -> Problem {
    Problem::warning("seclang.update", "no rule is meant by this").at(place)
}

/// What stands in the way of being a later link of a chain.
fn check_link(rule: &WrittenRule, phase: Phase, problems: &mut Vec<Problem>) {
    let draft = &rule.draft;
    if draft.disruptive.is_some() || draft.flow.is_some() {
        let message = "what a chain leads to is said by its first rule";
        let problem = Problem::error("seclang.chain", message).at(&draft.place);
        problems.push(problem.remedy("move the disruptive action or the jump to the first rule"));
    }
    if let Some((_, place)) = draft.phase.as_ref().filter(|(known, _)| *known != phase) {
        let message = "all rules of a chain run in the phase of the first";
        problems.push(Problem::warning("seclang.chain", message).at(place));
    }
    if let Some((_, place)) = &draft.id {
        let message = "a chain has the id of its first rule; this one is not used";
        problems.push(Problem::warning("seclang.chain", message).at(place));
    }
}

fn update_targets(test: &mut Test, more: &[Target], replaced: &[Target]) {
    let Test::Values { targets, .. } = test else { return };
    targets.retain(|target| !replaced.contains(target));
    for target in more {
        if target.kind == Kind::Except || !targets.contains(target) {
            targets.push(target.clone());
        }
    }
}
