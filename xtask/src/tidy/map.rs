//! ARCHITECTURE.md's crate map against the crates there are, and the documents README promises.

use anyhow::{Context, Result};

use crate::process::root;

/// Crates the map does not name, and documents that are missing.
pub(super) fn breaches() -> Result<Vec<String>> {
    let path = root().join("ARCHITECTURE.md");
    let map = std::fs::read_to_string(&path).context("cannot read ARCHITECTURE.md")?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // Paragraphs are wrapped: a phrase may stand on two lines.
        let Some(section) = section(&map, &name).map(|section| section.replace('\n', " ")) else {
            found.push(format!("ARCHITECTURE.md has no section `### {name}`"));
            continue;
        };
        for word in ["**Invariant", "**Deliberately absent"] {
            if !section.contains(word) {
                found.push(format!("ARCHITECTURE.md, `### {name}`: no {word}**"));
            }
        }
    }
    for document in ["README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "RATIONALE.md"] {
        if !root().join(document).is_file() {
            found.push(format!("{document} is missing"));
        }
    }
    found.extend(broken_links()?);
    Ok(found)
}

/// The text under `### name`, up to the next heading.
fn section<'a>(map: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = map.split_once(&format!("\n### {name}\n"))?;
    Some(rest.split("\n#").next().unwrap_or(rest))
}

/// Relative links in the Markdown documents that lead nowhere.
fn broken_links() -> Result<Vec<String>> {
    let mut documents =
        vec![root().join("README.md"), root().join("ARCHITECTURE.md"), root().join("SECURITY.md")];
    for entry in std::fs::read_dir(root().join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "md") {
            documents.push(path);
        }
    }
    let mut found = Vec::new();
    for document in documents {
        let Ok(text) = std::fs::read_to_string(&document) else { continue };
        let folder = document.parent().context("a document has a folder")?;
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or(target);
            let elsewhere = file.is_empty() || file.contains("://") || file.contains(' ');
            if !elsewhere && !folder.join(file).exists() {
                let shown = document.strip_prefix(root()).unwrap_or(&document).display().to_string();
                found.push(format!("{shown} links to {file}, which is not there"));
            }
        }
    }
    Ok(found)
}
