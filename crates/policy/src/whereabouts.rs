//! Conditions and limits that ask for a country or a network where no database says it: they see nothing, ever.

use portcullis_document::{Place, Problem};
use portcullis_expr::{Reads, TagTest, Var};

use crate::phases::each_settings;
use crate::policy::Policy;
use crate::rule::Rule;

/// Warns once of each thing that reads what is never known.
pub(crate) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    let geo = &policy.geo;
    let absent: Vec<_> = [("country", Var::Country, &geo.country), ("asn", Var::Asn, &geo.asn)]
        .into_iter()
        .filter(|(_, _, database)| database.is_none())
        .map(|(name, var, _)| (name, var))
        .collect();
    if absent.is_empty() {
        return;
    }
    each_reading(policy, &mut |reads, place| {
        for (name, var) in &absent {
            if asks(reads, name, *var) && problems.iter().all(|known| known.place.as_ref() != Some(place)) {
                let message = format!("this asks for `{name}`, and no database says it");
                let problem = Problem::warning("policy.no_database", message).at(place);
                problems.push(problem.remedy(format!("name one: `geo: {{ {name}: FILE.mmdb }}`")));
            }
        }
    });
}

fn each_reading(policy: &Policy, each: &mut dyn FnMut(&Reads, &Place)) {
    let rule = |rule: &Rule, each: &mut dyn FnMut(&Reads, &Place)| each(&rule.reads(), &rule.when.place);
    policy.rules.iter().for_each(|one| rule(one, each));
    for settings in each_settings(policy) {
        settings.rules.iter().for_each(|one| rule(one, each));
        for limit in settings.limits.iter() {
            each(&limit.reads(), limit.when.as_ref().map_or(&limit.place, |when| &when.place));
        }
        for condition in settings.allow.iter().chain(settings.require.when()) {
            each(condition.reads(), &condition.place);
        }
    }
}

fn asks(reads: &Reads, name: &str, var: Var) -> bool {
    let is_of = |test: &TagTest| test.text().split_once(':').is_some_and(|(namespace, _)| namespace == name);
    reads.has(var) || reads.tags.iter().any(is_of)
}
