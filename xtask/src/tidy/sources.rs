//! The shape of source files: a header that says what a file is for, and a size that is one concept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::arrows::PURE;
use crate::process::root;

/// Past this many lines a file is two concepts.
const LONGEST: usize = 600;

/// Words that say nothing about what a file holds.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "manager", "info", "data"];

/// Every file that is out of shape.
pub(super) fn breaches() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in rust_files()? {
        let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        found.extend(file_breaches(&shown, &path, &text));
    }
    for name in PURE {
        if !root().join("crates").join(name).join("clippy.toml").is_file() {
            found.push(format!("crates/{name} lacks the link clippy.toml to clippy-pure.toml"));
        }
    }
    Ok(found)
}

fn file_breaches(shown: &str, path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.trim_start().starts_with("//!") {
        found.push(format!("{shown} does not open with a `//!` header"));
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        found.push(format!("{shown} has {lines} lines: past {LONGEST} it is two concepts"));
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        found.push(format!("{shown}: `{stem}` says nothing about what it holds"));
    }
    let header_end = text.find("\nuse ").unwrap_or(text.len().min(4000));
    let allows_unsafe = text.get(..header_end).is_some_and(|header| header.contains("allow(unsafe_code"));
    if text.contains("unsafe {") && !allows_unsafe && !shown.starts_with("xtask") {
        found.push(format!("{shown} uses `unsafe` without saying why at its top"));
    }
    found
}

/// Every Rust file of the workspace, in a stable order.
pub(super) fn rust_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "demo", "bench", "fuzz"] {
        walk(&root().join(folder), &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
