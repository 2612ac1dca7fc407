//! Variables of a request's body, by the processor that rules chose for it.

use bytes::Bytes;
use portcullis_wire::body::{Budget, Format, parse};
use portcullis_wire::fields::MediaType;
use portcullis_wire::{Body, Defect};
use smol_str::SmolStr;

use crate::seclang::{BodyProcessor, Switch, Variable};
use crate::transaction::arena::Span;
use crate::transaction::fill::arguments::{Leaves, Pairs, escapes_are_valid};
use crate::transaction::fill::{Fill, Flag};
use crate::transaction::request::BodyInput;
use crate::transaction::state::Spent;

/// Why a body could not be read.
#[derive(Clone, Copy)]
struct Failure(&'static str);

impl Fill<'_> {
    /// Everything that phase 2 reads beside the head. `content_type` is the one the request declares.
    ///
    /// The directive of the limit on its size that it goes beyond, if it does.
    pub(in crate::transaction) fn request_body(
        &mut self,
        body: Option<&BodyInput<'_>>,
        content_type: &[u8],
    ) -> Option<&'static str> {
        let accessed = self.state.controls.request_body_access == Switch::On;
        let body = body.filter(|body| accessed && !body.bytes.is_empty());
        let limit = usize::try_from(self.state.controls.request_body_limit).unwrap_or(usize::MAX);
        let length = body.map_or(0, |body| body.bytes.len());
        if length > limit {
            self.state.spent.get_or_insert(Spent::Body);
        }
        self.size(Variable::RequestBodyLength, length);
        let failure = body.and_then(|body| self.process(body, limit, content_type));
        self.failures(failure);
        self.sizes();
        self.whole(body);
        let fields = length.saturating_sub(self.state.uploaded) as u64;
        let reached = if length > limit {
            Some("SecRequestBodyLimit")
        } else {
            (fields > self.program.config.request_body_no_files_limit).then_some("SecRequestBodyNoFilesLimit")
        };
        self.flag(Variable::InboundDataError, Flag::when(|| reached.is_some()));
        reached
    }

    fn process(&mut self, body: &BodyInput<'_>, limit: usize, content_type: &[u8]) -> Option<Failure> {
        let bytes = body.bytes.slice(..body.bytes.len().min(limit));
        let processor = self.state.controls.processor;
        let raw = match processor {
            Some(BodyProcessor::UrlEncoded) => true,
            Some(_) => false,
            None => self.state.controls.force_request_body == Switch::On,
        };
        if raw {
            self.single(Variable::RequestBody, &bytes);
        }
        match processor? {
            BodyProcessor::UrlEncoded => self.form(&bytes),
            BodyProcessor::Json => self.json(body.parsed, &bytes),
            BodyProcessor::Multipart => self.multipart(body.parsed, &bytes, content_type),
            BodyProcessor::Xml => self.xml(body.parsed, &bytes),
        }
    }

    fn form(&mut self, bytes: &Bytes) -> Option<Failure> {
        let pairs = self.form_pairs(bytes);
        self.posted(&pairs);
        if self.state.values.of(Variable::UrlencodedError).is_empty() {
            self.flag(Variable::UrlencodedError, Flag::when(|| !escapes_are_valid(bytes)));
        }
        None
    }

    fn posted(&mut self, pairs: &Pairs) {
        self.pairs(Variable::ArgsPost, Variable::ArgsPostNames, pairs);
    }

    fn json(&mut self, parsed: Option<&Body>, bytes: &Bytes) -> Option<Failure> {
        let read;
        let body = if let Some(body) = parsed.filter(|body| body.format == Format::Json) {
            body
        } else {
            read = self.read(bytes, b"application/json");
            &read
        };
        if let Some(root) = body.tree.root() {
            let Leaves { pairs, lists, whole } = self.json_leaves(root);
            self.posted(&pairs);
            let wanted = self.wants(Variable::ArgsPostNames);
            for name in lists.into_iter().filter(|_| wanted) {
                self.state.values.push(Variable::ArgsPostNames, name, name);
            }
            if !whole {
                return Some(Failure("JSON parsing error: deeper than SecRequestBodyJsonDepthLimit"));
            }
        }
        failure(body, "JSON parsing error")
    }

    fn xml(&mut self, parsed: Option<&Body>, bytes: &Bytes) -> Option<Failure> {
        let read;
        let body = if let Some(body) = parsed.filter(|body| body.format == Format::Xml) {
            body
        } else {
            read = self.read(bytes, b"application/xml");
            &read
        };
        if body.tree.root().is_some() {
            self.single(Variable::Xml, b"[XML document tree]");
        }
        let program = self.program;
        let mut content = Vec::new();
        for (path, compiled) in &program.paths {
            let key = self.state.arena.push(path.as_bytes());
            let state = &mut *self.state;
            compiled.select(&body.tree, &mut |value| {
                content.clear();
                value.text_content(&mut content);
                let value = state.arena.push(&content);
                state.values.push(Variable::Xml, key, value);
            });
        }
        failure(body, "XML parsing error")
    }

    fn multipart(&mut self, parsed: Option<&Body>, bytes: &Bytes, content_type: &[u8]) -> Option<Failure> {
        let read;
        let body = if let Some(body) = parsed.filter(|body| body.format == Format::Multipart) {
            body
        } else {
            read = self.read(bytes, content_type);
            &read
        };
        self.parts(body);
        let broken = body.multipart.as_ref().is_some_and(|facts| facts.is_broken());
        if broken {
            Some(Failure("Multipart parsing error"))
        } else {
            failure(body, "Multipart parsing error")
        }
    }

    /// Reads a body that the host has not read, or read as something else.
    fn read(&self, bytes: &Bytes, media_type: &[u8]) -> Body {
        let config = &self.program.config;
        let budget = Budget {
            bytes: bytes.len(),
            // The rules' own limit is applied to what was read, whoever read it.
            depth: portcullis_wire::body::DEEPEST,
            values: config.arguments_limit.saturating_mul(8).max(20_000),
            value_bytes: bytes.len(),
        };
        parse(bytes, MediaType::parse(media_type).as_ref(), &budget)
    }

    fn failures(&mut self, failure: Option<Failure>) {
        let flag = Flag::when(|| failure.is_some());
        self.flag(Variable::ReqbodyError, flag);
        self.flag(Variable::ReqbodyProcessorError, flag);
        let text = SmolStr::new_static(failure.map_or("", |failure| failure.0));
        self.single(Variable::ReqbodyErrorMsg, text.as_bytes());
        self.single(Variable::ReqbodyProcessorErrorMsg, text.as_bytes());
    }

    fn sizes(&mut self) {
        if self.wants(Variable::ArgsCombinedSize) {
            let sources = [Variable::ArgsGet, Variable::ArgsPost];
            let entries = sources.iter().flat_map(|source| self.state.values.of(*source));
            let size: usize = entries.map(|entry| entry.key.len() + entry.value.len()).sum();
            self.size(Variable::ArgsCombinedSize, size);
        }
    }

    /// The request as a whole. The body is what was held of it, and all of it counts towards the memory for values.
    fn whole(&mut self, body: Option<&BodyInput<'_>>) {
        let body = body.map_or(&[][..], |body| body.bytes);
        if self.wants(Variable::FullRequest) {
            let arena = &mut self.state.arena;
            let start = arena.begin();
            arena.append_span(self.state.head);
            arena.append(body);
            let whole = arena.end(start);
            self.state.values.push(Variable::FullRequest, Span::EMPTY, whole);
        }
        self.size(Variable::FullRequestLength, self.state.head.len() + body.len());
    }
}

/// What kept a body from being read to its end.
fn failure(body: &Body, text: &'static str) -> Option<Failure> {
    let fatal = |defect: &Defect| {
        matches!(
            defect,
            Defect::BodySyntax
                | Defect::BodyTrailing
                | Defect::BodyTooDeep
                | Defect::BodyTooManyValues
                | Defect::BodyTooLarge
                | Defect::MultipartBoundary
        )
    };
    body.defects.iter().any(fatal).then_some(Failure(text))
}
