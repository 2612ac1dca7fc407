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

#[cfg(test)]
mod tests {
    use portcullis_document::MemorySources;

    use super::super::load;
    use super::*;

    #[test]
    fn a_release_is_read_in_its_order() {
        let rule = |id: u32| format!("SecAction id:{id},phase:1\n");
        let sources = MemorySources::new()
            .file("crs/crs-setup.conf.example", rule(1))
            .file("crs/plugins/shop-config.conf", rule(2))
            .file("crs/plugins/shop-before.conf", rule(3))
            .file("crs/plugins/shop-after.conf", rule(6))
            .file("crs/rules/REQUEST-901-INITIALIZATION.conf", rule(4))
            .file("crs/rules/REQUEST-942-SQLI.conf", rule(5))
            .file("crs/rules/REQUEST-900-EXCLUSIONS.conf.example", "broken");
        let ids = |sources: &MemorySources| {
            let rules = load(&crs_entries("crs/", sources).unwrap(), sources).unwrap();
            rules.iter().map(|rule| rule.id.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(&sources), [1, 2, 3, 4, 5, 6]);
        assert_eq!(ids(&sources.file("crs/crs-setup.conf", rule(7))), [7, 2, 3, 4, 5, 6]);
        assert_eq!(crs_entries("other", &MemorySources::new()), None);
    }
}
