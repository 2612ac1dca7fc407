//! nginx' language: words, quotes, blocks, and what `include` brings in.
//!
//! Invariants: files, directives and depth are bounded; a mistake names its file and line; a place never shows
//! arguments. Does not know what any directive means.

use std::sync::Arc;

use portcullis_document::{Place, Problem, SourceFile, Sources, join};

/// Files that may be read in all.
const FILES: usize = 512;
/// Directives in all of them.
const DIRECTIVES: usize = 200_000;
/// Blocks within blocks and files within files.
const DEPTH: usize = 32;

/// One directive, and its block if it has one.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) place: Place,
    pub(super) block: Option<Vec<Directive>>,
}

impl Directive {
    /// An argument, empty where there are fewer.
    pub(super) fn arg(&self, at: usize) -> &str {
        self.args.get(at).map_or("", String::as_str)
    }

    /// The directives of its block.
    pub(super) fn inside(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The first of that name in its block.
    pub(super) fn first(&self, name: &str) -> Option<&Self> {
        self.inside().iter().find(|one| one.name == name)
    }

    /// All of that name in its block.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.inside().iter().filter(move |one| one.name == name)
    }
}

/// Reads the files with what they include, as one block.
pub(super) fn read(files: &[String], sources: &dyn Sources) -> Result<Vec<Directive>, Vec<Problem>> {
    let main = files.first().cloned().unwrap_or_default();
    let mut reader = Reader { sources, main, files: 0, directives: 0, problems: Vec::new() };
    let mut all = Vec::new();
    for file in files {
        all.extend(reader.file(file, None, 0));
    }
    if reader.problems.is_empty() { Ok(all) } else { Err(reader.problems) }
}

struct Reader<'a> {
    sources: &'a dyn Sources,
    /// Includes are relative to the folder of the first file, as nginx reads them.
    main: String,
    files: usize,
    directives: usize,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, from: Option<&Place>, depth: usize) -> Vec<Directive> {
        self.files += 1;
        let too_many = self.files > FILES || depth > DEPTH;
        let read = self.sources.read(path);
        let text = match &read {
            _ if too_many => Err("too many files include each other".to_owned()),
            Ok(bytes) => std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match text {
            Ok(text) => {
                let file = SourceFile::new(path, text);
                let mut words = Words { file: &file, at: 0 };
                let mut directives = Vec::new();
                self.block(&mut words, &mut directives, depth, None);
                directives
            }
            Err(why) => {
                let problem = Problem::error("migrate.unreadable", format!("cannot read {path}: {why}"));
                self.problems.push(match from {
                    Some(place) => problem.at(place),
                    None => problem,
                });
                Vec::new()
            }
        }
    }

    /// Reads directives until the block ends; `open` is the directive it belongs to.
    fn block(
        &mut self,
        words: &mut Words<'_>,
        into: &mut Vec<Directive>,
        depth: usize,
        open: Option<&Place>,
    ) {
        loop {
            let start = words.skip_blanks();
            let mut args = Vec::new();
            let end = loop {
                match words.next() {
                    Word::Text(text) => args.push(text),
                    other => break other,
                }
            };
            let place = Place::new(words.file, start..start + args.first().map_or(1, String::len));
            self.directives += 1;
            let wrong = match &end {
                _ if self.directives > DIRECTIVES => Some("there are too many directives"),
                _ if depth > DEPTH => Some("blocks are nested too deep"),
                Word::Unclosed => Some("this quote is not closed"),
                Word::End if !args.is_empty() => Some("this directive does not end with `;`"),
                Word::Close if !args.is_empty() => Some("this directive does not end with `;` before `}`"),
                Word::Close if open.is_none() => Some("there is no block that this `}` closes"),
                Word::Semicolon | Word::Open if args.is_empty() => Some("there is no directive here"),
                _ => None,
            };
            if let Some(wrong) = wrong {
                self.problems.push(Problem::error("migrate.nginx_syntax", wrong).at(&place).concealed());
                words.at = usize::MAX;
                return;
            }
            match end {
                Word::End => {
                    if let Some(open) = open.filter(|_| words.at != usize::MAX) {
                        let problem = Problem::error("migrate.nginx_syntax", "this block is not closed");
                        self.problems.push(problem.at(open));
                    }
                    return;
                }
                Word::Close => return,
                Word::Semicolon | Word::Open | Word::Text(_) | Word::Unclosed => {}
            }
            let name = args.remove(0);
            let mut directive = Directive { name, args, place, block: None };
            if matches!(end, Word::Open) {
                let mut inside = Vec::new();
                self.block(words, &mut inside, depth + 1, Some(&directive.place));
                directive.block = Some(inside);
            } else if directive.name == "include" {
                self.include(&directive, into, depth);
                continue;
            }
            into.push(directive);
        }
    }

    fn include(&mut self, directive: &Directive, into: &mut Vec<Directive>, depth: usize) {
        let path = join(&self.main, directive.arg(0));
        if path.rsplit('/').next() == Some("mime.types") {
            return;
        }
        if !path.contains(['*', '?']) {
            into.extend(self.file(&path, Some(&directive.place), depth + 1));
            return;
        }
        let (folder, pattern) = path.rsplit_once('/').unwrap_or((".", &path));
        if folder.contains(['*', '?']) {
            let problem =
                Problem::error("migrate.include", "only the last part of an included path may be a pattern");
            self.problems.push(problem.at(&directive.place).remedy("name the folders one by one"));
            return;
        }
        // No file at all is no mistake for a pattern, as in nginx.
        for name in self.sources.list(folder).unwrap_or_default() {
            if fits(pattern.as_bytes(), name.as_bytes()) {
                into.extend(self.file(&join(&path, &name), Some(&directive.place), depth + 1));
            }
        }
    }
}

/// Whether a file's name fits a pattern of `*` and `?`.
pub(crate) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what follows the last `*` did not fit: one byte further.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(one) if *one == b'?' || Some(one) == name.get(n) => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|one| *one == b'*')
}

enum Word {
    Text(String),
    Semicolon,
    Open,
    Close,
    End,
    Unclosed,
}

struct Words<'a> {
    file: &'a Arc<SourceFile>,
    at: usize,
}

impl Words<'_> {
    fn rest(&self) -> &str {
        self.file.text().get(self.at..).unwrap_or_default()
    }

    /// Past blanks and comments; where it then stands.
    fn skip_blanks(&mut self) -> usize {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let rest = rest.get(blank..).unwrap_or_default();
            let comment = if rest.starts_with('#') { rest.find('\n').unwrap_or(rest.len()) } else { 0 };
            if blank + comment == 0 {
                return self.at.min(self.file.text().len());
            }
            self.at += blank + comment;
        }
    }

    fn next(&mut self) -> Word {
        self.skip_blanks();
        let Some(first) = self.rest().chars().next() else { return Word::End };
        let mark = match first {
            ';' => Some(Word::Semicolon),
            '{' => Some(Word::Open),
            '}' => Some(Word::Close),
            _ => None,
        };
        if let Some(mark) = mark {
            self.at += 1;
            return mark;
        }
        let quote = Some(first).filter(|one| matches!(one, '"' | '\''));
        self.at += quote.map_or(0, char::len_utf8);
        self.text(quote)
    }

    /// A word until what ends it: its quote; else a blank, `;`, or a `{` that opens no variable.
    fn text(&mut self, quote: Option<char>) -> Word {
        let mut text = String::new();
        let rest = self.rest().to_owned();
        let mut chars = rest.char_indices();
        while let Some((at, one)) = chars.next() {
            let ends = match quote {
                Some(quote) => one == quote,
                None => one.is_whitespace() || one == ';' || (one == '{' && !text.ends_with('$')),
            };
            if ends {
                self.at += at + quote.map_or(0, char::len_utf8);
                return Word::Text(text);
            }
            // As nginx does: a backslash lets quotes and backslashes stand, and stays before anything else.
            if one == '\\'
                && let Some((_, escaped)) = chars.next()
            {
                if !matches!(escaped, '"' | '\'' | '\\') {
                    text.push('\\');
                }
                text.push(escaped);
            } else {
                text.push(one);
            }
        }
        self.at += rest.len();
        if quote.is_some() { Word::Unclosed } else { Word::Text(text) }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_document::MemorySources;

    use super::*;

    fn check(text: &str, expected: &str) {
        let sources = MemorySources::new()
            .file("n/a.conf", text.to_owned())
            .file("n/c/x.conf", "x 1;")
            .file("n/c/y.txt", "y;");
        let said = match read(&["n/a.conf".to_owned()], &sources) {
            Ok(all) => all.iter().map(told).collect::<Vec<_>>().join(" "),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        assert_eq!(said, expected);
    }

    fn told(one: &Directive) -> String {
        let inside: Vec<_> = one.inside().iter().map(told).collect();
        format!("{}({}){{{}}}", one.name, one.args.join("|"), inside.join(" "))
    }

    #[test]
    fn words_quotes_and_blocks() {
        check(
            "a b 'c d' \"e\\\"f\"; # x;\nb { c ${d}e \\.php$; }",
            "a(b|c d|e\"f){} b(){c(${d}e|\\.php$){}}",
        );
        check("include c/*.conf; include c/*.none; include mime.types;", "x(1){}");
    }

    #[test]
    fn mistakes_have_their_line() {
        check("a;\nb {\n c;\n", "n/a.conf:2:1: error: this block is not closed");
        check("a;\n}\n", "n/a.conf:2:1: error: there is no block that this `}` closes");
        check("a\n", "n/a.conf:1:1: error: this directive does not end with `;`");
        check("\na 'x;\n", "n/a.conf:2:1: error: this quote is not closed");
        check("include no.conf;", "n/a.conf:1:1: error: cannot read n/no.conf: there is no such file");
        check("include */x;", "n/a.conf:1:1: error: only the last part of an included path may be a pattern");
    }

    #[test]
    fn a_circle_of_includes_and_deep_blocks_end() {
        let sources =
            MemorySources::new().file("a.conf", "include a.conf;").file("b.conf", "a {".repeat(5_000));
        for file in ["a.conf", "b.conf"] {
            assert!(!read(&[file.to_owned()], &sources).expect_err("bounded").is_empty());
        }
    }
}
