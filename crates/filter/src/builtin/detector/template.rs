//! Template expressions: what stands between an engine's brackets is read, and must calculate, call or reach out.
//!
//! `{{ name }}` and `${name}` fill a text in and are no finding; `{{7*7}}`, `${T(java.lang.Runtime)}` and `{{config}}` are.

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, find, is_one_of, is_word, part, skip, skip_space};
use crate::builtin::signal::{Hits, Signal, note};

/// How engines open and close an expression.
const BRACKETS: &[(&[u8], &[u8])] = &[
    (b"{{", b"}}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"*{", b"}"),
    (b"~{", b"}"),
    (b"@{", b"}"),
    (b"%{", b"}"),
    (b"<%", b"%>"),
    (b"{%", b"%}"),
    (b"@(", b")"),
    (b"[[", b"]]"),
    (b"#set(", b")"),
    (b"{$", b"}"),
    (b"{php}", b"{"),
    (b"<#", b">"),
    (b"$\\{", b"}"),
];

const MOST: usize = 32;

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    doubled(text, hits);
    let mut tried = 0;
    for start in memchr::memchr3_iter(b'{', b'(', b'<', text) {
        let sign = at(text, start);
        // Most parentheses and brackets of a text belong to nothing here.
        if sign == b'('
            && !matches!(start.checked_sub(1).map(|before| at(text, before)), Some(b'@' | b't' | b'T'))
        {
            continue;
        }
        for (open, close) in BRACKETS {
            let position = open.iter().position(|byte| matches!(byte, b'{' | b'(' | b'<')).unwrap_or(0);
            if at(open, position) != sign {
                continue;
            }
            let first = start.checked_sub(position);
            let Some(first) =
                first.filter(|first| part(text, *first..first + open.len()).eq_ignore_ascii_case(open))
            else {
                continue;
            };
            tried += 1;
            let from = first + open.len();
            let rest = part(text, from..text.len().min(from + 400));
            let Some(end) = memchr::memmem::find(rest, close)
                .or_else(|| (open == b"${" || open == b"{{").then_some(rest.len()))
            else {
                continue;
            };
            expression(part(rest, 0..end), open, first..from + end, hits);
        }
        if tried >= MOST {
            return;
        }
    }
}

fn expression(inner: &[u8], open: &[u8], range: std::ops::Range<usize>, hits: &mut Hits) {
    if calculates(inner) {
        note(hits, Signal::TemplateMath, range.clone());
    }
    if reaches(inner, open) {
        note(hits, Signal::TemplateObject, range.clone());
    }
    let braces = matches!(open, b"{{" | b"#{" | b"<%" | b"{%" | b"*{" | b"#set(")
        || open == b"${" && part(inner, 0..1) != b" ";
    if braces && calls(inner) && !open.starts_with(b"@") {
        note(hits, Signal::TemplateCall, range);
    }
}

/// Whether an expression holds nothing but constants and operators: `7*7`, `= 1+1`, `'7'*7`.
fn calculates(inner: &[u8]) -> bool {
    const LONGEST: usize = 60;
    if inner.len() > LONGEST {
        return false;
    }
    let constants = inner.iter().all(|byte| {
        byte.is_ascii_digit()
            || byte.is_ascii_whitespace()
            || matches!(
                byte,
                b'+' | b'*'
                    | b'/'
                    | b'-'
                    | b'%'
                    | b'.'
                    | b'\''
                    | b'"'
                    | b'('
                    | b')'
                    | b'='
                    | b'^'
                    | b'!'
                    | b'<'
                    | b'>'
            )
    });
    let between = |index: usize| {
        let before = part(inner, 0..index).iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let behind = part(inner, index + 1..inner.len()).iter().find(|byte| !byte.is_ascii_whitespace());
        let value = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'\'' | b'"' | b')' | b'('))
        };
        value(before) && value(behind)
    };
    let operator = inner
        .iter()
        .enumerate()
        .any(|(index, byte)| matches!(byte, b'+' | b'*' | b'/' | b'%') && between(index));
    constants && operator
}

/// Names that lead from a template into its runtime.
const OBJECTS: &[&str] = &[
    "__class__",
    "__mro__",
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__import__",
    "__init__",
    "__base__",
    "__dict__",
    "getclass",
    "classloader",
    "getclassloader",
    "forname",
    "getruntime",
    "runtime",
    "processbuilder",
    "java",
    "javax",
    "exec",
    "system",
    "popen",
    "subprocess",
    "shell_exec",
    "passthru",
    "eval",
    "execute",
    "objectconstructor",
    "constructor",
    "prototype",
    "getenv",
    "registerundefinedfiltercallback",
    "getfilter",
    "_self",
    "smarty",
    "lipsum",
    "cycler",
    "joiner",
    "mainmodule",
    "child_process",
    "require",
    "process",
    "freemarker",
    "velocity",
    "instance_eval",
    "constantize",
    "open3",
    "getattribute",
    "attr",
    "reflection",
    "dump",
    "scriptenginemanager",
    "springmacrorequestcontext",
    "memberaccess",
    "xwork",
    "ognl",
    "servletcontext",
    "applicationscope",
    "sessionscope",
    "requestscope",
    "pagecontext",
];
/// Names that lead there on their own: `{{config}}`, `{{self}}`.
const ALONE: &[&str] = &[
    "config",
    "self",
    "request",
    "session",
    "app",
    "this",
    "settings",
    "g",
    "url_for",
    "get_flashed_messages",
    "dump",
    "debug",
    "namespace",
    "sandbox",
];

fn reaches(inner: &[u8], open: &[u8]) -> bool {
    let mut index = 0;
    let mut first = true;
    while index < inner.len() {
        if !is_word(at(inner, index)) {
            index += 1;
            continue;
        }
        let end = skip(inner, index, is_word);
        let word = part(inner, index..end);
        let member = index > 0
            && matches!(
                at(inner, index - 1),
                b'.' | b'@' | b'_' | b'"' | b'\'' | b'(' | b'[' | b'|' | b'{' | b'`' | b'%' | b'#'
            );
        let reached = matches!(
            at(inner, skip_space(inner, end)),
            b'.' | b'(' | b'[' | b'"' | b'\'' | b'`' | b';' | b'{'
        );
        if is_one_of(word, OBJECTS)
            && (first || member || reached)
            && (word.starts_with(b"_") || reached || member && word.len() > 4)
        {
            return true;
        }
        let alone = first
            && matches!(open, b"{{")
            && skip_space(inner, end) >= inner.len()
            && is_one_of(word, ALONE.get(..4).unwrap_or_default());
        let entered = first
            && open == b"{{"
            && is_one_of(word, ALONE)
            && matches!(at(inner, end), b'.' | b'[')
            && find(inner, "(").is_some();
        let java = word == b"T" && at(inner, end) == b'('
            || word == b"new" && find(part(inner, end..inner.len()), "java").is_some();
        if alone || entered || java {
            return true;
        }
        first = false;
        index = end;
    }
    inner.starts_with(b"`") || open == b"{php}"
}

/// Whether an expression calls something: `name.method(…)`, `'x'.upper()`, `f('x')`.
fn calls(inner: &[u8]) -> bool {
    memchr::memchr_iter(b'(', inner).any(|paren| {
        let name = part(inner, 0..paren).iter().rev().take_while(|byte| is_word(**byte)).count();
        let dot = (paren - name).checked_sub(1).map(|before| at(inner, before));
        name >= 2 && dot == Some(b'.')
    })
}

/// The same bracket nested as only log libraries resolve it: `${${lower:j}ndi:…}`, `${${::-j}…}`.
fn doubled(text: &[u8], hits: &mut Hits) {
    if let Some(start) = memchr::memmem::find(text, b"${${").or_else(|| find(text, "${jndi:")) {
        note(hits, Signal::TemplateObject, start..text.len().min(start + 40));
    }
}
