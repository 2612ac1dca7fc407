//! The reference of expressions, made from the vocabulary: markdown for people.

use crate::vocabulary::{Scope, Type, Variable, functions, namespaces, vocabulary};

/// What stands before the tables.
const INTRODUCTION: &str = "\
# Expressions

Conditions in the policy (`when`, `allow`), values in templates (`${…}`), queries over events (`portcullis events
--where`) and the choice of findings to tell (`alerts`) are written in CEL, the Common Expression Language. An expression is checked when
the policy is loaded: a name that does not exist, a type that does not fit or a literal that could never match is
a mistake with its place, and so is whatever of CEL is not listed here.

```cel
method in [\"PUT\", \"DELETE\"] && path.startsWith(\"/admin/\") && !(ip in lists.office)
tag(\"api:shadow\") && !(\"staff\" in identity.groups)
```

## How values behave

- What is absent is `null`. Nothing fails: an operation on `null`, or on a JSON value of another type, gives `null`.
- `null` equals nothing, not even another absent value, is neither less nor greater, and passes no test of text;
  `!=` is always the opposite of `==`. Ask `x == null`, `x != null` or `has(x)`.
- A condition holds if it is `true`; `null` and everything else does not hold, and `!` turns that round.
- A header, cookie or parameter given several times is all of its values: a test holds if it holds for any of them,
  so saying a thing twice hides nothing.
- A variable that is one of a few words rises in the order its row lists them: `verdict >= \"block\"` is `block` or `ban`.
  Such a word may be written in capitals and without quotes: `verdict == BLOCK`.
- Arithmetic that overflows or divides by zero gives `null`.
- Names with other characters than letters, digits and `_` are written in brackets: `headers[\"x-api-key\"]`.
- Inside a loop over a JSON list (`body.items.exists(x, …)`) only the item, and what is not JSON, can be read.

A rule runs as soon as everything it reads is known; *known* says when that is.

";

/// What stands before the variables of operations.
const OPERATIONS: &str = "
## Variables of operations

Queries over the inventory (`portcullis api ls --where`, `api export --where`) ask whole operations, not exchanges,
and have names of their own:

```cel
standing == SHADOW && data.contains(\"email\")
authenticated != ALWAYS && risk >= HIGH && count > 100
```

| name | type | what it is |
|---|---|---|
";

/// The reference: variables, automatic tags, operators and functions.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    variables(&mut page);
    tags(&mut page);
    operators(&mut page);
    functions_table(&mut page);
    page
}

fn variables(page: &mut String) {
    page.push_str("## Variables\n\n| name | type | known | what it is |\n|---|---|---|---|\n");
    let is_of_operations = |variable: &&Variable| variable.scope == Scope::OperationOnly;
    vocabulary().iter().filter(|known| !is_of_operations(known)).for_each(|known| page.push_str(&row(known)));
    page.push_str(OPERATIONS);
    for known in vocabulary().iter().filter(is_of_operations) {
        page.extend(["| `", known.name, "` | ", &ty(known.ty), " | ", &cell(known.doc), " |\n"]);
    }
    page.push('\n');
}

fn row(variable: &Variable) -> String {
    let known = match variable.scope {
        Scope::EventOnly => "only in events".to_owned(),
        Scope::FindingOnly => "only of findings".to_owned(),
        Scope::OperationOnly => "only of operations".to_owned(),
        Scope::ExchangeOnly => format!("{}; not in events", variable.known.as_str()),
        Scope::Everywhere => variable.known.as_str().to_owned(),
    };
    format!("| `{}` | {} | {known} | {} |\n", variable.name, ty(variable.ty), cell(variable.doc))
}

fn ty(ty: Type) -> String {
    match ty {
        Type::Word(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        Type::Json => "JSON".to_owned(),
        other => other.as_str().to_owned(),
    }
}

fn tags(page: &mut String) {
    page.push_str("## Automatic tags\n\nRules add others. `tag(\"api:shadow\")` asks for one, `tagged(\"api:\")` for any of a kind.\n\n");
    page.push_str("| tag | known | what it says |\n|---|---|---|\n");
    for space in namespaces() {
        let tags = match space.values {
            Some(values) => {
                values.iter().map(|value| format!("`{}:{value}`", space.name)).collect::<Vec<_>>().join(", ")
            }
            None => format!("`{}:…`", space.name),
        };
        page.extend(["| ", &tags, " | ", space.known.as_str(), " | ", &cell(space.doc), " |\n"]);
    }
    page.push('\n');
}

fn operators(page: &mut String) {
    page.push_str(
        "## Operators\n\n\
         `!` `&&` `||`, `==` `!=` `<` `<=` `>` `>=`, `+` `-` `*` `/` `%`, `c ? x : y`, and `in`:\n\n\
         | written | asks |\n|---|---|\n\
         | `method in [\"GET\", \"HEAD\"]` | whether a value is one of these |\n\
         | `ip in \"10.0.0.0/8\"`, `ip in [\"10.0.0.0/8\", \"2001:db8::/32\"]` | whether an address lies in a network |\n\
         | `ip in lists.tor_exits` | whether a list of the policy has it |\n\
         | `\"admin\" in identity.groups` | whether a list includes it |\n\
         | `\"x-api-key\" in headers` | whether there is a field of that name |\n\n",
    );
}

fn functions_table(page: &mut String) {
    page.push_str("## Functions\n\n| written | what it does |\n|---|---|\n");
    for function in functions() {
        page.extend(["| `", function.signature, "` | ", &cell(function.doc), " |\n"]);
    }
}

/// Text that ends no cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::RULES;

    #[test]
    fn the_reference_is_as_it_was() {
        insta::assert_snapshot!(reference());
    }

    #[test]
    fn its_examples_are_let_through() {
        let env = crate::Env { lists: &["office"], ..RULES };
        let example = reference();
        let (_, example) = example.split_once("```cel\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        for line in example.lines() {
            assert_eq!(crate::check(line, &env).err(), None, "{line}");
        }
    }
}
