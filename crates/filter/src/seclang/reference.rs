//! `docs/seclang.md`: what becomes of every word of the language, written from the tables the reader uses.

use std::fmt::Write;

use super::inventory::{Part, Treatment, inventory};

const INTRODUCTION: &str = "\
# SecLang here

Rule files of ModSecurity 3 load unchanged: OWASP CRS, and a team's own. This page says what becomes of every word of
the language; it is generated from the tables that the reader works with. A word that is not here is a mistake, shown
with its file, line and what would be right, all mistakes of all files at once (`portcullis check`).

- **done**: what the reference says.
- **no effect**: read, and nothing is lost: what it is for happens anyway or cannot be.
- **ignored**: read without effect; `portcullis check` says so once, with the reason.
- **refused**: a mistake. A rule that cannot do what it says must not look as if it did.

## How files are read

- `Include` takes a file or a pattern in the last part of the path, relative to the file it stands in, and reads what
  fits in the order of names. Files named in rules (`@pmFromFile`) are relative to the rule's file too.
- A CRS folder (`crs: DIR`) is read in this order: `crs-setup.conf` (or Debian's under `/etc/modsecurity/crs`, or the
  example if there is none), `plugins/*-config.conf`, `plugins/*-before.conf`, `rules/*.conf`, `plugins/*-after.conf`.
- `<IfModule security…>` is looked through; other containers of Apache are mistakes: give the site or route its rules.
- Every rule needs an `id` that no other rule has. A rule without `phase` runs in phase 2.
- Without settings the engine is on and request bodies are read, for who loads rules means them. Other limits are those
  of ModSecurity's recommended file, but `SecRequestBodyNoFilesLimit` is 1 MiB.

## How rules are put together

- A rule takes from the `SecDefaultAction` of its phase: the last above it, else the first below. `block` does what
  that says. Without one it is `pass,log,auditlog`.
- `SecRuleUpdate…` and `SecRuleRemove…` reach rules wherever they stand. One that reaches none is a warning.
- `…ByTag` and `…ByMsg` mean the text as it stands; with `^`, `$`, `*`, `+`, `[`, `|` or a backslash it is a pattern.
- `942100:1` means the second rule of the chain 942100, in updates of targets and of actions.
- `skipAfter` goes on after the next marker of that name below the rule; without one, after the phase.
- In a chain, `msg`, `logdata` and `severity` of a later rule replace those of the first, tags are added.
- `setvar`, `ctl` and `initcol` of a rule in a chain happen when that rule matches, as in ModSecurity 3.
- Keys of `ARGS:note` are compared without regard to case, and so are patterns of keys.

## Limits, and what happens on reaching each

- `SecRequestBodyLimit`: the body as it was held, content codings undone. `SecRequestBodyNoFilesLimit`: the same without
  the content of uploads. Beyond either `INBOUND_DATA_ERROR` is 1. With `SecRequestBodyLimitAction Reject` the request is
  refused with 413 before rules of phase 2 run, and the reason is `filter.limit` with the directive's name; with
  `DetectionOnly` it would have been. With `ProcessPartial` rules see the body up to `SecRequestBodyLimit`, and all of it
  where only the other limit is passed. What was left out is also the reason `filter.budget`, for which the policy has
  a value (`on_budget`).
- `SecRequestBodyJsonDepthLimit`: values deeper down are no arguments; `REQBODY_ERROR` and `REQBODY_PROCESSOR_ERROR` are 1
  and their `_MSG` says why, so that the recommended rule 200002 refuses.
- `SecArgumentsLimit`: later arguments of query and body are left out, so that `&ARGS` is at most the limit, as the
  recommended rule 200007 expects; and the reason is `filter.budget`.
- `SecUploadFileLimit`: `MULTIPART_FILE_LIMIT_EXCEEDED` is 1.
- `SecResponseBodyLimit`: rules see the answer up to it, `OUTBOUND_DATA_ERROR` is 1, and the reason is `filter.budget`.

## How values are matched

- `DURATION` counts microseconds, up to the host's last look at the clock before the phase.
- `FULL_REQUEST` is line, fields and body, written as HTTP/1.1 writes them whatever the version was; it is there from
  phase 2 on.
- `XML` without a path is the text `[XML document tree]` where there is a document, as in ModSecurity 3.
- Collections are read in phases 1 to 4 before the rule after `initcol` runs; in phase 5 nothing waits any more, and one
  opened there is empty and can still be written.
- An operator whose argument holds macros is compiled when it runs; that costs steps, by the length of the argument and
  the size of what comes of it.
- Patterns of `@rx` mean what PCRE means, over bytes, and are matched in time linear in the value. The few that need
  look-around or back-references run on an engine of their own under the policy's steps; running out is a reason.
- `@detectSQLi` and `@detectXSS` are code of our own that gives the verdicts and fingerprints of libinjection 3.9.2, as
  Debian has it: of 1,028,907 values compared, none differs.
- Transformations and operators are held to ModSecurity's own conformance tests, and the whole to the regression tests
  of OWASP CRS, in process and over the wire.

";

/// The page, whole.
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    let all = inventory();
    for (part, title, mark) in PARTS {
        let _ = write!(out, "## {title}\n\n| | | |\n|---|---|---|\n");
        for word in all.iter().filter(|word| word.part == part) {
            let (what, why) = treated(word.treatment);
            let _ = writeln!(out, "| `{mark}{}` | {what} | {why} |", word.name);
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

const PARTS: [(Part, &str, &str); 6] = [
    (Part::Directive, "Directives", ""),
    (Part::Variable, "Variables", ""),
    (Part::Operator, "Operators", "@"),
    (Part::Transformation, "Transformations", "t:"),
    (Part::Action, "Actions", ""),
    (Part::Control, "What `ctl` changes", "ctl:"),
];

const fn treated(treatment: Treatment) -> (&'static str, &'static str) {
    match treatment {
        Treatment::Done => ("done", ""),
        Treatment::Idle(why) => ("no effect", why),
        Treatment::Ignored(why) => ("ignored", why),
        Treatment::Refused(why) => ("refused", why),
    }
}
