//! Variables of multipart bodies: fields, files, the heads of parts, and how the body is written.

use portcullis_wire::Body;
use portcullis_wire::body::{Flaw, Kind, Multipart, Value, part_fields};

use crate::seclang::Variable;
use crate::transaction::arena::Span;
use crate::transaction::fill::arguments::Pairs;
use crate::transaction::fill::{Fill, Flag};

/// Each flaw's variable.
const FLAWS: [(Variable, Flaw); 9] = [
    (Variable::MultipartBoundaryQuoted, Flaw::BoundaryQuoted),
    (Variable::MultipartBoundaryWhitespace, Flaw::BoundaryWhitespace),
    (Variable::MultipartDataAfter, Flaw::DataAfter),
    (Variable::MultipartDataBefore, Flaw::DataBefore),
    (Variable::MultipartHeaderFolding, Flaw::HeaderFolding),
    (Variable::MultipartInvalidHeaderFolding, Flaw::InvalidHeaderFolding),
    (Variable::MultipartInvalidPart, Flaw::InvalidPart),
    (Variable::MultipartInvalidQuoting, Flaw::InvalidQuoting),
    (Variable::MultipartMissingSemicolon, Flaw::MissingSemicolon),
];

/// One part.
struct Part<'a> {
    name: Span,
    file_name: Option<Span>,
    value: Value<'a>,
}

impl Fill<'_> {
    /// Everything of a multipart body.
    pub(super) fn parts(&mut self, body: &Body) {
        let facts = body.multipart.as_deref().copied().unwrap_or_default();
        let Some(root) = body.tree.root().filter(|root| matches!(root.kind(), Kind::Object | Kind::Array))
        else {
            return self.facts(&facts);
        };
        let parts: Vec<Part<'_>> = root.children().map(|value| self.part(value)).collect();
        let mut fields = Pairs::new();
        for part in parts.iter().filter(|part| part.file_name.is_none()) {
            if !self.takes_argument() {
                break;
            }
            fields.push((part.name, self.state.arena.push(part.value.bytes())));
        }
        self.pairs(Variable::ArgsPost, Variable::ArgsPostNames, &fields);
        self.files(&parts);
        self.heads(&parts);
        self.facts(&facts);
    }

    fn part<'v>(&mut self, value: Value<'v>) -> Part<'v> {
        let arena = &mut self.state.arena;
        let file_name = value.part().and_then(|facts| facts.file_name);
        Part {
            name: arena.push(value.name_bytes()),
            file_name: file_name.map(|name| arena.push(name.as_bytes())),
            value,
        }
    }

    fn files(&mut self, parts: &[Part<'_>]) {
        let files: Vec<(&Part<'_>, Span)> =
            parts.iter().filter_map(|part| part.file_name.map(|name| (part, name))).collect();
        let pairs: Pairs = files.iter().map(|(part, file)| (part.name, *file)).collect();
        self.pairs(Variable::Files, Variable::FilesNames, &pairs);
        if self.wants(Variable::MultipartFilename) {
            for (name, file) in &pairs {
                self.state.values.push(Variable::MultipartFilename, *name, *file);
            }
        }
        if self.wants(Variable::FilesSizes) {
            for (part, _) in &files {
                let size = self.state.arena.push_size(part.value.bytes().len());
                self.state.values.push(Variable::FilesSizes, part.name, size);
            }
        }
        if self.wants(Variable::FilesTmpContent) {
            for (part, _) in &files {
                let content = self.state.arena.push(part.value.bytes());
                self.state.values.push(Variable::FilesTmpContent, part.name, content);
            }
        }
        let size: usize = files.iter().map(|(part, _)| part.value.bytes().len()).sum();
        self.state.uploaded = size;
        self.size(Variable::FilesCombinedSize, size);
        let limit = self.program.config.upload_file_limit as usize;
        self.flag(Variable::MultipartFileLimitExceeded, Flag::when(|| files.len() > limit));
    }

    fn heads(&mut self, parts: &[Part<'_>]) {
        if self.wants(Variable::MultipartName) {
            for part in parts {
                self.state.values.push(Variable::MultipartName, part.name, part.name);
            }
        }
        if !self.wants(Variable::MultipartPartHeaders) {
            return;
        }
        for part in parts {
            let head = part.value.part().map_or(&[][..], |facts| facts.head);
            for field in part_fields(head) {
                let field = self.state.arena.push(&field);
                self.state.values.push(Variable::MultipartPartHeaders, part.name, field);
            }
        }
    }

    fn facts(&mut self, facts: &Multipart) {
        for (variable, flaw) in FLAWS {
            self.flag(variable, Flag::when(|| facts.has(flaw)));
        }
        self.flag(Variable::MultipartLfLine, Flag::when(|| facts.has(Flaw::LfLine)));
        self.flag(Variable::MultipartCrlfLfLines, Flag::when(|| facts.mixes_line_ends()));
        self.number(Variable::MultipartUnmatchedBoundary, facts.unmatched as i64);
        self.flag(Variable::MultipartStrictError, Flag::when(|| facts.is_strict_error()));
    }
}
