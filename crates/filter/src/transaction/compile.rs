//! Rules to a program: operators shared, pipelines numbered, names of `TX` made slots, removals made sets of rules.
//!
//! All problems are reported at once. Operators come compiled. Does not read files.

mod deferred;
mod link;
mod listed;
mod prologue;
mod scans;
mod settled;

use std::sync::Arc;

use portcullis_document::{Place, Problem};
use portcullis_wire::body::XPath;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::operator::Operator;
use crate::scan::Bits;
use crate::seclang::{self, RuleSelector, Rules, Variable};
use crate::transaction::compile::listed::note_listed;
use crate::transaction::compile::prologue::run_prologue;
use crate::transaction::compile::scans::add_scans;
use crate::transaction::front::build_front;
use crate::transaction::pipeline::Pipelines;
use crate::transaction::program::{
    Disruptive, Flow, Link, Outcome, Phase, Program, Rule, ScoreSlots, Target, Test,
};
use crate::transaction::prologue::Prologue;
use crate::transaction::slots::SlotNames;
use crate::transaction::text::Text;
use crate::transaction::variable::sources;

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
        let outcome = self.outcome(&rule.actions);
        let gate = gate(&links, &outcome);
        Rule { id: rule.id.0, number, links, outcome, gate, listed: None }
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
        // CRS 4 keeps what counts towards blocking apart; CRS 3 blocks on the sums themselves.
        let (inbound, outbound) = match self.slots.find("blocking_inbound_anomaly_score") {
            None if self.slots.find("anomaly_score").is_some() => ("anomaly_score", "outbound_anomaly_score"),
            _ => ("blocking_inbound_anomaly_score", "blocking_outbound_anomaly_score"),
        };
        let mut score = |name| self.slots.name(name);
        let scores = ScoreSlots {
            inbound: score(inbound),
            outbound: score(outbound),
            inbound_threshold: score("inbound_anomaly_score_threshold"),
            outbound_threshold: score("outbound_anomaly_score_threshold"),
        };
        let mut program = Program {
            config: self.rules.config.clone(),
            phases,
            prologue: Prologue::default(),
            slots: self.slots,
            scores,
            operators: self.operators,
            pipelines: Pipelines::default(),
            fronts: std::array::from_fn(|_| build_front(&[], |_| Vec::new())),
            wanted: self.wanted,
            paths: self.paths,
        };
        add_scans(&mut program);
        note_listed(&mut program);
        program.prologue = run_prologue(&program);
        program
    }
}

/// Where a rule jumps to that does nothing else, if its test is of a slot.
fn gate(links: &[Link], outcome: &Outcome) -> Option<usize> {
    let [Link { test: Test::Slot(_), effects, .. }] = links else { return None };
    let quiet = !outcome.logged && outcome.severity.is_none();
    match (&outcome.disruptive, outcome.flow) {
        (Disruptive::Pass, Flow::Goto(to)) if quiet && effects.is_empty() => Some(to),
        _ => None,
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
