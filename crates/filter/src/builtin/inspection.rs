//! One inspection: each value in each of its readings, shown to the detectors and to the patterns that could match.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_wire::Defect;
use portcullis_wire::body::{self, Body};
use portcullis_wire::fields::MediaType;

use crate::builtin::Subject;
use crate::builtin::detector::{self, View};
use crate::builtin::finding::{Finding, Findings};
use crate::builtin::marks::Marks;
use crate::builtin::pack::{Entry, Pack, Workspace};
use crate::builtin::reading::{Reading, readings};
use crate::builtin::signal::{Hits, Signal};
use crate::builtin::walk::{self, Site};

/// The most bytes of a match a finding keeps.
const KEPT: usize = 120;
/// The most findings of one inspection: past them nothing is left to decide.
const MOST_FINDINGS: usize = 200;

pub(super) struct Inspection<'a> {
    pack: &'a Pack,
    workspace: &'a mut Workspace,
    steps: u64,
    findings: Findings,
    /// Where the findings of the site at hand begin.
    site_begins: usize,
    /// In how many documents written as text the site at hand stands.
    folds: u8,
}

/// The most documents within documents.
const DEEPEST_FOLD: u8 = 3;

impl<'a> Inspection<'a> {
    pub(super) fn new(pack: &'a Pack, workspace: &'a mut Workspace, steps: u64) -> Self {
        Self { pack, workspace, steps, findings: Findings::default(), site_begins: 0, folds: 0 }
    }

    pub(super) fn finish(self) -> Findings {
        self.findings
    }

    /// Looks at one name or value in all its readings, unless it is known that there is nothing to see.
    pub(super) fn look(&mut self, site: &Site<'_>) {
        if self.findings.found.len() >= MOST_FINDINGS {
            return;
        }
        // What a rule sees in a document it does not see once more in the document's values.
        if self.folds == 0 {
            self.site_begins = self.findings.found.len();
        }
        let Some(regard) = site.recurring() else { return self.look_closely(site) };
        let unknown = match self.workspace.clean.find(regard, site.bytes) {
            Ok((_, cost)) if *cost > self.steps => return self.look_closely(site),
            Ok((_, cost)) => {
                self.steps -= *cost;
                return;
            }
            Err(unknown) => unknown,
        };
        let before = self.steps;
        self.look_closely(site);
        // Deep in documents not all is unfolded.
        let whole = self.folds == 0 && !self.findings.spent;
        if whole && self.findings.found.len() == self.site_begins {
            let cost = before - self.steps;
            self.workspace.clean.remember(unknown, regard, site.bytes, || cost);
        }
    }

    fn look_closely(&mut self, site: &Site<'_>) {
        let marks = Marks::of(site.bytes);
        self.read(site, site.bytes, marks, None);
        if self.steps == 0 || self.findings.spent {
            self.findings.spent = true;
            return;
        }
        self.unfold(site, site.bytes);
        for reading in readings(site.bytes, marks, &mut self.steps) {
            self.read(site, &reading.bytes, reading.marks, Some(&reading));
            if !reading.is_joined() {
                self.unfold(site, &reading.bytes);
            }
        }
    }

    /// Looks at what a value holds that is a JSON document written as text, as many applications would.
    fn unfold(&mut self, site: &Site<'_>, bytes: &[u8]) {
        let Some(document) = self.document(site, bytes) else { return };
        self.folds += 1;
        walk::walk_inner(&document, site, &mut |inner| self.look(inner));
        self.folds -= 1;
    }

    fn document(&mut self, site: &Site<'_>, bytes: &[u8]) -> Option<Body> {
        let holds = matches!(
            (bytes.trim_ascii().first(), bytes.trim_ascii().last()),
            (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
        );
        let deeper = self.folds < DEEPEST_FOLD && site.subject == Subject::Value;
        // Reading costs about as much as a detector.
        let cost = 4 * bytes.len() as u64;
        if !holds || !deeper {
            return None;
        }
        if self.steps < cost {
            self.findings.spent = true;
            return None;
        }
        self.steps -= cost;
        let json = MediaType::parse(b"application/json")?;
        let body = body::parse(&Bytes::copy_from_slice(bytes), Some(&json), &body::Budget::default());
        let document = body.tree.len() > 1 && !body.defects.contains(&Defect::BodySyntax);
        document.then_some(body)
    }

    fn read(&mut self, site: &Site<'_>, bytes: &[u8], marks: Marks, reading: Option<&Reading>) {
        // A detector looks at a byte a few times at most; four is what they charge on average.
        let cost = 4 * bytes.len() as u64 + 16;
        if self.steps < cost {
            self.findings.spent = true;
            return;
        }
        self.steps -= cost;
        let view = View { bytes, marks, site, tools: &self.pack.tools, reading };
        let mut hits = Hits::new();
        detector::detect(&view, &mut hits);
        for hit in &hits {
            self.signal(&view, hit.signal, hit.range.clone());
        }
        if !reading.is_some_and(Reading::is_joined) {
            self.patterns(&view);
        }
    }

    fn signal(&mut self, view: &View<'_>, signal: Signal, range: Range<usize>) {
        let pack = self.pack;
        for entry in pack.signals.get(signal as usize).into_iter().flatten() {
            if entry.scope.covers(view.site.kind, view.site.subject) {
                self.note(view, *entry, range.clone());
            }
        }
    }

    fn patterns(&mut self, view: &View<'_>) {
        let pack = self.pack;
        let mut candidates = std::mem::take(&mut self.workspace.candidates);
        candidates.clear();
        pack.scanner.candidates(view.bytes, &mut candidates, &mut self.workspace.scan);
        let mut next = 0;
        while let Some(index) = candidates.next(next) {
            next = index + 1;
            let Some(pattern) = pack.patterns.get(index) else { continue };
            if pattern.entry.scope.covers(view.site.kind, view.site.subject)
                && let Some(range) = self.workspace.find(index, view.bytes)
            {
                self.note(view, pattern.entry, range);
            }
        }
        self.workspace.candidates = candidates;
    }

    fn note(&mut self, view: &View<'_>, entry: Entry, range: Range<usize>) {
        let Some(rule) = self.pack.rules().get(entry.rule) else { return };
        let here = self.findings.found.get(self.site_begins..).unwrap_or_default();
        if here.iter().any(|finding| Arc::ptr_eq(&finding.rule, rule)) {
            return;
        }
        let end = range.end.min(range.start + KEPT);
        self.findings.found.push(Finding {
            rule: Arc::clone(rule),
            place: view.site.place(),
            subject: view.site.subject,
            matched: Bytes::copy_from_slice(view.bytes.get(range.start..end).unwrap_or_default()),
            range,
            readings: view.reading.map(Reading::how).unwrap_or_default(),
            score: rule.score,
        });
    }
}
