//! Tags that conditions ask for and nobody sets, and rules that ask before the tag is set.
//!
//! Both are warnings: such a condition is no mistake of language, it just never holds.

use portcullis_document::{Place, Problem, nearest};
use portcullis_expr::{TagTest, namespaces};

use crate::condition::Condition;
use crate::phases::{each_settings, sets};
use crate::policy::Policy;
use crate::rule::Rule;

/// Warns of every tag test that can never hold.
pub(crate) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    let known = Known::of(policy);
    let global: Vec<&Rule> = policy.rules.iter().collect();
    let everyones: Vec<&Rule> = every_rule(policy).collect();
    for (at, rule) in global.iter().enumerate() {
        let later: Vec<&Rule> = everyones.iter().skip(at).copied().collect();
        check_condition(&rule.when, &everyones, &known, problems);
        check_order(rule, &everyones, &later, problems);
    }
    for settings in each_settings(policy) {
        let visible: Vec<&Rule> = global.iter().copied().chain(settings.rules.iter()).collect();
        for (at, rule) in settings.rules.iter().enumerate() {
            let later: Vec<&Rule> = visible.iter().skip(global.len() + at).copied().collect();
            check_condition(&rule.when, &visible, &known, problems);
            check_order(rule, &visible, &later, problems);
        }
        let conditions = settings
            .limits
            .iter()
            .filter_map(|limit| limit.when.as_ref())
            .chain(&settings.allow)
            .chain(settings.require.when());
        conditions.for_each(|condition| check_condition(condition, &visible, &known, problems));
    }
}

fn every_rule(policy: &Policy) -> impl Iterator<Item = &Rule> {
    policy.rules.iter().chain(each_settings(policy).flat_map(|settings| settings.rules.iter()))
}

/// The names automatic tags can have as their values.
struct Known {
    names: Vec<(&'static str, String)>,
}

impl Known {
    fn of(policy: &Policy) -> Self {
        let mut names = Vec::new();
        names.extend(policy.lists.iter().map(|list| ("list", list.name.to_string())));
        names.extend(policy.providers.iter().map(|provider| ("identity", provider.name.to_string())));
        for site in &policy.sites {
            names.push(("site", site.name.to_string()));
            names.extend(site.routes.iter().map(|route| ("route", route.label().to_owned())));
        }
        let limits = each_settings(policy).flat_map(|settings| settings.limits.iter());
        names.extend(limits.map(|limit| ("limit", limit.name.to_string())));
        Self { names }
    }

    /// The tags of a namespace that sets itself; `None` if its values are open.
    fn values(&self, namespace: &str) -> Option<Vec<String>> {
        let table = namespaces().iter().find(|known| known.name == namespace)?;
        let named = ["list", "identity", "site", "route", "limit"].contains(&namespace);
        let values: Vec<&str> = match table.values {
            Some(values) => values.to_vec(),
            None if named => {
                self.names.iter().filter(|(of, _)| *of == namespace).map(|(_, name)| &**name).collect()
            }
            None => return None,
        };
        Some(values.into_iter().map(|value| format!("{namespace}:{value}")).collect())
    }

    /// Whether the gateway itself can set a tag that a test admits.
    fn admits(&self, test: &TagTest) -> bool {
        let (namespace, rest) = test.text().split_once(':').unwrap_or((test.text(), ""));
        let automatic = namespaces().iter().any(|known| match test {
            TagTest::Exact(_) => known.name == namespace,
            TagTest::Prefix(prefix) => known.name == namespace || known.name.starts_with(&**prefix),
        });
        automatic
            && (rest.is_empty()
                || self.values(namespace).is_none_or(|tags| tags.iter().any(|tag| test.admits(tag))))
    }

    /// Every tag that can be named.
    fn all(&self, rules: &[&Rule]) -> Vec<String> {
        let own = rules.iter().flat_map(|rule| {
            rule.tags.iter().map(|tag| tag.as_str().to_owned()).chain([format!("rule:{}", rule.name)])
        });
        own.chain(namespaces().iter().filter_map(|known| self.values(known.name)).flatten()).collect()
    }
}

fn check_condition(condition: &Condition, rules: &[&Rule], known: &Known, problems: &mut Vec<Problem>) {
    for test in &condition.reads().tags {
        if known.admits(test) || rules.iter().any(|rule| sets(rule, test)) {
            continue;
        }
        let place = place_of(condition, test);
        if problems.iter().any(|problem| problem.place.as_ref() == Some(&place)) {
            continue;
        }
        let message = format!("nothing sets the tag `{}`, so this never holds", test.text());
        let all = known.all(rules);
        let remedy = match nearest(test.text(), all.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "set it by a rule's `tag`, or ask for one that is set".to_owned(),
        };
        problems.push(Problem::warning("policy.tag_nobody_sets", message).at(&place).remedy(remedy));
    }
}

/// In one phase rules run as written: a tag set further down is not there yet.
fn check_order(rule: &Rule, visible: &[&Rule], later: &[&Rule], problems: &mut Vec<Problem>) {
    for test in &rule.when.reads().tags {
        let setters: Vec<&&Rule> = visible.iter().filter(|other| sets(other, test)).collect();
        let after = |setter: &Rule| {
            setter.phase == rule.phase && later.iter().any(|other| other.place == setter.place)
        };
        let automatic = portcullis_expr::tag_known(test.text()).is_some();
        let Some(first) =
            setters.first().filter(|_| !automatic && setters.iter().all(|setter| after(setter)))
        else {
            continue;
        };
        let place = place_of(&rule.when, test);
        if problems.iter().any(|problem| problem.place.as_ref() == Some(&place)) {
            continue;
        }
        let itself = first.place == rule.place;
        let message = if itself {
            format!("the rule `{}` asks for a tag that only it sets, so it never holds", rule.name)
        } else {
            format!("`{}` is set only further down, by `{}`, so this never holds", test.text(), first.name)
        };
        let problem = Problem::warning("policy.tag_set_later", message).at(&place);
        problems.push(if itself {
            problem
        } else {
            let set_at = first.marks.tag.as_ref().unwrap_or(&first.place);
            problem.also(set_at, "set here").remedy(format!("move `{}` above `{}`", first.name, rule.name))
        });
    }
}

/// Where a condition names a tag: expressions do not keep the places of their parts, so the text is looked for.
fn place_of(condition: &Condition, test: &TagTest) -> Place {
    let source = condition.checked.source();
    let quoted = [format!("\"{}\"", test.text()), format!("'{}'", test.text())];
    let found = quoted.iter().find_map(|text| source.find(text.as_str()).map(|at| at..at + text.len()));
    found.map_or_else(|| condition.place.clone(), |span| condition.place.within(source, span))
}
