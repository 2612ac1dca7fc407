//! Where a release of OWASP CRS keeps its files, and the order in which they are loaded.
//!
//! Knows the layout of a checkout (setup, `plugins/`, `rules/`) and of Debian's package (setup apart from rules).

use portcullis_document::Sources;

use super::reader::Entry;

/// Debian's settings, read where a folder has none of its own.
const DEBIAN_SETUP: &str = "/etc/modsecurity/crs";

/// The files of CRS in that folder: setup, plugins' settings, plugins that come before, exclusions and rules, plugins
/// that come after. `None` if the folder holds no rules of CRS.
pub fn crs_entries(folder: &str, sources: &dyn Sources) -> Option<Vec<Entry>> {
    let folder = folder.trim_end_matches('/');
    let rules = sources.list(&format!("{folder}/rules")).ok()?;
    if !rules.iter().any(|name| name.starts_with("REQUEST-901")) {
        return None;
    }
    let has = |path: &str| sources.read(path).is_ok();
    let candidates = [
        format!("{folder}/crs-setup.conf"),
        format!("{DEBIAN_SETUP}/crs-setup.conf"),
        format!("{folder}/crs-setup.conf.example"),
    ];
    let setup = candidates.into_iter().find(|path| has(path));
    let plugins = |part: &str| Entry::Path(format!("{folder}/plugins/*-{part}.conf"));
    let mut entries: Vec<Entry> = setup.into_iter().map(Entry::Path).collect();
    entries.extend([plugins("config"), plugins("before")]);
    let debian = |name: &str| Entry::Optional(format!("{DEBIAN_SETUP}/{name}"));
    let is_debian = folder == "/usr/share/modsecurity-crs";
    if is_debian {
        entries.push(debian("REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf"));
    }
    entries.push(Entry::Path(format!("{folder}/rules/*.conf")));
    if is_debian {
        entries.push(debian("RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf"));
    }
    entries.push(plugins("after"));
    Some(entries)
}
