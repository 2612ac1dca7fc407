//! Classes of attack: the words of policy, whatever words a rule set uses.

/// The class a rule of CRS names, by the word its `attack-…` tag has; others stay as they are.
pub(crate) fn class_of(word: &str) -> &str {
    match word {
        "rce" | "injection-rce" => "command",
        "lfi" => "traversal",
        "rfi" => "ssrf",
        "ssti" => "template",
        "reputation-scanner" | "scanner" | "reputation-crawler" => "scanner",
        "injection-php" | "injection-java" | "injection-nodejs" | "injection-generic" | "generic" => "code",
        "fixation" | "dos" | "multipart-header" | "deprecated-header" | "protocol" => "protocol",
        "header-injection" | "injection-header" | "injection-mail" => "header",
        "injection-ldap" => "ldap",
        "injection-nosql" => "nosql",
        "injection-xpath" => "xpath",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_filter::builtin::Class;
    use portcullis_policy::FILTER_CLASSES;

    use super::*;

    #[test]
    fn policy_knows_every_class_of_the_pack_and_of_crs() {
        for class in Class::ALL {
            assert!(FILTER_CLASSES.contains(&class.name()), "{class}");
        }
        for word in ["sqli", "xss", "rce", "lfi", "rfi", "injection-php", "protocol", "disclosure", "ssrf"] {
            assert!(FILTER_CLASSES.contains(&class_of(word)), "{word}");
        }
    }
}
