//! What an operation's document says its responses look like, compiled.
//!
//! Invariant: the closest declaration of a status counts alone: `404`, then `4XX`, then `default`.

use portcullis_model::Headers;
use portcullis_wire::body::{Body, Format};
use portcullis_wire::normalise::Query;

use super::strip::{Cuts, cuts};
use super::{BodyRules, Fault, MOST_FAULTS, Parameter, Parts, Sent, Undeclared};

/// What is declared of an operation's responses.
#[derive(Clone, Debug, Default)]
pub struct ResponseRules {
    pub(crate) answers: Vec<(Statuses, AnswerRules)>,
}

/// The statuses a declaration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statuses {
    One(u16),
    /// `4XX`
    Class(u16),
    Default,
}

/// What is declared of the responses of one status.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswerRules {
    pub(crate) headers: Vec<Parameter>,
    pub(crate) body: BodyRules,
}

impl Statuses {
    /// As a document writes it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::Default);
        }
        if let Some(class) = text.strip_suffix("XX").or_else(|| text.strip_suffix("xx")) {
            return class.parse().ok().filter(|class| (1..=5).contains(class)).map(Self::Class);
        }
        text.parse().ok().map(Self::One)
    }

    fn closeness(self, status: u16) -> Option<u8> {
        match self {
            Self::One(one) => (one == status).then_some(3),
            Self::Class(class) => (class == status / 100).then_some(2),
            Self::Default => Some(1),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::One(status) => status.to_string(),
            Self::Class(class) => format!("{class}XX"),
            Self::Default => "default".to_owned(),
        }
    }
}

impl ResponseRules {
    fn answer(&self, status: u16) -> Option<&AnswerRules> {
        let fitting =
            self.answers.iter().filter_map(|(statuses, rules)| Some((statuses.closeness(status)?, rules)));
        fitting.max_by_key(|(closeness, _)| *closeness).map(|(_, rules)| rules)
    }

    /// Whether a body of some status may be held against a schema.
    pub fn reads_bodies(&self) -> bool {
        self.answers.iter().any(|(_, rules)| rules.body.is_read(None))
    }

    /// Whether something is declared of responses with this status.
    pub fn knows(&self, status: u16) -> bool {
        self.answer(status).is_some()
    }

    /// Whether the body of this response is held against a schema.
    pub fn reads_body(&self, status: u16, content_type: Option<&[u8]>) -> bool {
        self.answer(status).is_some_and(|rules| rules.body.is_read(content_type))
    }

    /// What is wrong with a response's head: its status, its header fields, and the media type where it has a body.
    pub fn head_faults(&self, status: u16, headers: &Headers, media_type: Option<&str>) -> Vec<Fault> {
        if self.answers.is_empty() || status < 200 || status == 304 {
            return Vec::new();
        }
        let Some(rules) = self.answer(status) else {
            let declared: Vec<String> = self.answers.iter().take(8).map(|(one, _)| one.shown()).collect();
            let must = format!("must be one of {}", declared.join(", "));
            return vec![Fault::new("status", "responses", must)];
        };
        let mut faults = Vec::new();
        let parts = Parts { path: (&[], &[]), query: Query::default(), headers };
        rules.headers.iter().for_each(|header| header.check(&parts, &mut faults));
        if let Some(media_type) = media_type {
            rules.body.check(Sent::Unread(media_type), &mut faults);
        }
        faults.truncate(MOST_FAULTS);
        faults
    }

    /// What is wrong with a body of which all is there. That its media type is not declared, its head said.
    pub fn body_faults(
        &self,
        status: u16,
        body: &Body,
        media_type: &str,
        undeclared: Undeclared,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        let Some(rules) = self.answer(status).map(|rules| &rules.body) else { return faults };
        if let Some(content) = rules.content(media_type) {
            content.check(body, media_type, &mut faults);
        }
        if undeclared == Undeclared::Fault {
            rules.undeclared(Sent::Whole(body, media_type), &mut faults);
        }
        faults
    }

    /// The fields of a JSON body, as it is in `bytes`, that are not declared.
    pub fn cuts(&self, status: u16, body: &Body, media_type: &str, bytes: &[u8]) -> Cuts {
        let content = self.answer(status).and_then(|rules| rules.body.content(media_type));
        match (content.and_then(|content| content.schema.as_ref()), body.tree.root()) {
            (Some(schema), Some(root)) if body.format == Format::Json => {
                cuts(&schema.declared(), root, bytes)
            }
            _ => Cuts::default(),
        }
    }
}
