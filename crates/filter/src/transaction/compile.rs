//! Rules to a program: operators shared, pipelines numbered, names of `TX` made slots, removals made sets of rules.
//!
//! All problems are reported at once. Operators come compiled. Does not read files.

mod link;

use std::sync::Arc;

use portcullis_document::{Place, Problem};
use portcullis_wire::body::XPath;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::operator::Operator;
use crate::scan::Bits;
use crate::seclang::{self, RuleSelector, Rules, Variable};
use crate::transaction::front::{Candidate, Front, Item, build_front};
use crate::transaction::pipeline::Pipelines;
use crate::transaction::program::{
    Counted, Disruptive, Flow, Link, MultiMatch, Negated, Outcome, Phase, Program, Rule, ScoreSlots, Target,
    Test, ValueTest,
};
use crate::transaction::slots::SlotNames;
use crate::transaction::text::Text;
use crate::transaction::variable::{Kept, kept, sources};

/// Compiles rules.
pub(super) fn compile_program(rules: &Rules) -> Result<Program, Vec<Problem>> {
    let mut compiler = Compiler {
        rules,
        slots: SlotNames::default(),
        operators: Vec::new(),
        wanted: Bits::new(),
        paths: Vec::new(),
        problems: Vec::new(),
    };
    let mut number = 0;
    let mut phases: [Phase; 5] = std::array::from_fn(|_| Phase::default());
    for (phase, source) in phases.iter_mut().zip(&rules.phases) {
        for rule in source {
            phase.rules.push(compiler.rule(rule, number));
            number += 1;
        }
    }
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    Ok(compiler.finish(phases))
}

struct Compiler<'a> {
    rules: &'a Rules,
    slots: SlotNames,
    operators: Vec<Operator>,
    wanted: Bits,
    paths: Vec<(SmolStr, XPath)>,
    problems: Vec<Problem>,
}

impl Compiler<'_> {
    fn rule(&mut self, rule: &seclang::Rule, number: u32) -> Rule {
        let links: SmallVec<[Link; 1]> = rule.links().map(|link| self.link(link)).collect();
        Rule { id: rule.id.0, number, links, outcome: self.outcome(&rule.actions) }
    }

    fn outcome(&mut self, actions: &seclang::Actions) -> Outcome {
        let disruptive = match &actions.disruptive {
            seclang::Disruptive::Pass => Disruptive::Pass,
            seclang::Disruptive::Allow(scope) => Disruptive::Allow(*scope),
            seclang::Disruptive::Deny => Disruptive::Deny,
            seclang::Disruptive::Drop => Disruptive::Drop,
            seclang::Disruptive::Redirect(url) => Disruptive::Redirect(self.text(url)),
        };
        let flow = match actions.flow {
            seclang::Flow::Next => Flow::Next,
            seclang::Flow::Skip(count) => Flow::Skip(count as usize),
            seclang::Flow::Goto(index) => Flow::Goto(index),
        };
        let class = actions.tags.iter().find_map(|tag| tag.strip_prefix("attack-")).map(SmolStr::from);
        Outcome {
            disruptive,
            status: actions.status,
            logged: actions.log.error,
            message: actions.message.as_ref().map(|text| self.text(text)),
            data: actions.log_data.as_ref().map(|text| self.text(text)),
            severity: actions.severity,
            tags: actions.tags.iter().cloned().collect(),
            class,
            version: actions.version.clone(),
            revision: actions.revision.clone(),
            flow,
        }
    }

    /// A text; what it reads is wanted.
    fn text(&mut self, text: &seclang::Macro) -> Text {
        let text = Text::compile(text, &mut self.slots);
        for variable in text.variables() {
            self.want(variable);
        }
        text
    }

    fn want(&mut self, variable: Variable) {
        for source in sources(variable) {
            self.wanted.insert(*source as usize);
        }
    }

    /// The path by which a rule picks from XML.
    fn path(&mut self, path: &SmolStr, place: &Place) {
        if self.paths.iter().any(|(known, _)| known == path) {
            return;
        }
        if let Some(compiled) = XPath::parse(path) {
            self.paths.push((path.clone(), compiled));
            return;
        }
        let problem =
            Problem::error("seclang.xpath", format!("`{path}` is no path that can be followed here"));
        let remedy = "paths are made of names, `*`, `//`, `@name`, `@*` and `text()`";
        self.problems.push(problem.at(place).remedy(remedy));
    }

    /// The rules a removal means, by number.
    fn selected(&self, selector: &RuleSelector) -> Arc<Bits> {
        let rules = self.rules.iter().enumerate();
        Arc::new(rules.filter(|(_, rule)| rule.is_selected(selector)).map(|(number, _)| number).collect())
    }

    fn finish(mut self, mut phases: [Phase; 5]) -> Program {
        for target in phases.iter_mut().flat_map(Phase::targets) {
            target.find_slots(&self.slots);
        }
        let mut pipelines = Pipelines::default();
        let fronts =
            [Kept::Request, Kept::Response].map(|kept| self.front(kept, &mut phases, &mut pipelines));
        for phase in &mut phases {
            let always = phase.rules.iter().enumerate().filter(|(_, rule)| rule.item().is_none());
            phase.always = always.map(|(at, _)| at).collect();
        }
        let mut score = |name| self.slots.name(name);
        let scores = ScoreSlots {
            inbound: score("blocking_inbound_anomaly_score"),
            outbound: score("blocking_outbound_anomaly_score"),
            inbound_threshold: score("inbound_anomaly_score_threshold"),
            outbound_threshold: score("outbound_anomaly_score_threshold"),
        };
        Program {
            config: self.rules.config.clone(),
            phases,
            slots: self.slots,
            scores,
            operators: self.operators,
            pipelines,
            fronts,
            wanted: self.wanted,
            paths: self.paths,
        }
    }

    /// The front over tests whose values all are of that kind; their rules get the items' numbers.
    fn front(&self, of: Kept, phases: &mut [Phase; 5], pipelines: &mut Pipelines) -> Front {
        let mut found: Vec<Item> = Vec::new();
        let mut candidates = Vec::new();
        for (phase, rules) in phases.iter().enumerate() {
            for (rule, compiled) in rules.rules.iter().enumerate() {
                let Some(first) = compiled.links.first() else { continue };
                let Some(test) = scannable(first, of) else { continue };
                let Some(operator) = self.operators.get(test.operator) else { continue };
                let necessary = operator.necessary();
                if necessary.is_any() {
                    continue;
                }
                let item = Item { phase, rule };
                found.push(item);
                let pipelines = prefixes(first, pipelines);
                candidates.push(Candidate { item, necessary, targets: &test.targets, pipelines });
            }
        }
        let front = build_front(&candidates, |variable| sources(variable).to_vec());
        for (number, item) in found.into_iter().enumerate() {
            let rule = phases.get_mut(item.phase).and_then(|phase| phase.rules.get_mut(item.rule));
            if let Some(Link { test: Test::Values(test), .. }) = rule.and_then(|rule| rule.links.first_mut())
            {
                test.item = Some(number as u32);
            }
        }
        front
    }
}

/// The test of a link, if scans can rule it out: it looks at kept values of one kind, as they are.
fn scannable(link: &Link, of: Kept) -> Option<&ValueTest> {
    let Test::Values(test) = &link.test else { return None };
    // Longer pipelines do not fit the plans; nobody writes them.
    let plain = test.negated == Negated::No && test.argument.is_none() && link.transformations.len() < 200;
    let all_kept =
        test.targets.iter().all(|target| target.counted == Counted::No && kept(target.variable) == of);
    (plain && all_kept).then_some(test)
}

/// The pipelines whose results a link tests.
fn prefixes(link: &Link, pipelines: &mut Pipelines) -> Vec<usize> {
    let steps = &link.transformations;
    match link.multi_match {
        MultiMatch::No => vec![pipelines.add(steps)],
        MultiMatch::Yes => {
            (0..=steps.len()).map(|end| pipelines.add(steps.get(..end).unwrap_or_default())).collect()
        }
    }
}

impl Phase {
    fn targets(&mut self) -> impl Iterator<Item = &mut Target> {
        let links = self.rules.iter_mut().flat_map(|rule| rule.links.iter_mut());
        links.flat_map(|link| match &mut link.test {
            Test::Values(test) => test.targets.as_mut_slice(),
            Test::Always | Test::Slot(_) => &mut [],
        })
    }
}

impl Rule {
    /// The item scans know its first test under.
    pub(super) fn item(&self) -> Option<u32> {
        match self.links.first().map(|link| &link.test) {
            Some(Test::Values(test)) => test.item,
            _ => None,
        }
    }
}
