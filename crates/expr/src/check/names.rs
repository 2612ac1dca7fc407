//! Names: variables, their groups and members, and the items of loops.

use portcullis_model::nearest;

use super::{Checker, Local, Outcome, a};
use crate::path::{Path, Step};
use crate::problem::ExprProblem;
use crate::syntax::{Kind as Written, Literal, Syntax};
use crate::typed::{Const, Kind, Typed};
use crate::vocabulary::{Place, Scope, Type, Var, Variable, functions, vocabulary};

/// A dotted name taken apart: the first name, then every step with its node.
struct Chain<'s> {
    root: &'s Syntax,
    name: &'s str,
    steps: Vec<(Step, &'s Syntax)>,
}

impl Checker<'_> {
    /// A name with whatever follows it.
    pub(super) fn name(&mut self, node: &Syntax) -> Outcome {
        let chain = self.chain(node)?;
        if let Some(local) = self.locals.iter().rev().find(|(name, _)| name == chain.name) {
            let local = local.1.clone();
            return self.local(&chain, local);
        }
        if chain.name == "lists" {
            let message = "a list can only stand after `in`";
            return self.wrong(&node.span, message, "write `ip in lists.NAME`");
        }
        let Some((variable, used)) = found(&chain, self.env.place) else {
            return match constant(&chain, self.env.place) {
                Some(word) => Some(Typed::constant(Const::Text(word.into()))),
                None => self.unknown(&chain),
            };
        };
        if !variable.scope.covers(self.env.place) {
            return self.elsewhere(&chain, variable);
        }
        if variable.ty == Type::Json && self.is_in_json_loop() {
            let message = format!("`{}` cannot be read again for every item of a JSON list", variable.name);
            return self.wrong(&node.span, message, "ask about the item alone, or split the condition");
        }
        let rest = chain.steps.get(used..).unwrap_or_default();
        if rest.is_empty() {
            self.reads.var(variable.var);
            return Some(Typed::new(variable.ty, Kind::Var(variable.var)));
        }
        match variable.ty {
            Type::Fields => self.field(variable, rest),
            Type::Json => {
                let path = Path::new(rest.iter().map(|(step, _)| step.clone()).collect())?;
                Some(self.member(variable.var, path, Type::Json))
            }
            Type::Group => self.unknown_member(variable.name, rest),
            ty => self.no_members(rest, ty),
        }
    }

    /// Whether an enclosing loop is over a list that the client may make long: reading JSON again for each of
    /// its items would cost the product of both.
    fn is_in_json_loop(&self) -> bool {
        self.locals.iter().any(|(_, local)| matches!(local, Local::Item(_, Type::Json)))
    }

    fn member(&mut self, var: Var, path: Path, ty: Type) -> Typed {
        self.reads.member(var, &path);
        Typed::new(ty, Kind::Member(var, path))
    }

    /// The list an expression after `in` names, if it names one.
    pub(super) fn list_name<'s>(&self, node: &'s Syntax) -> Option<(&'s str, &'s Syntax)> {
        let Written::Field(operand, name) = &node.kind else { return None };
        let is_lists = matches!(&operand.kind, Written::Name(root) if root == "lists");
        let is_free = !self.locals.iter().any(|(local, _)| local == "lists");
        (is_lists && is_free).then_some((name, node))
    }

    fn chain<'s>(&mut self, node: &'s Syntax) -> Option<Chain<'s>> {
        let mut steps = Vec::new();
        let mut at = node;
        loop {
            match &at.kind {
                Written::Name(name) => {
                    steps.reverse();
                    return Some(Chain { root: at, name, steps });
                }
                Written::Field(operand, field) => {
                    steps.push((Step::Key(field.into()), at));
                    at = operand;
                }
                Written::Index(operand, key) => {
                    let step = self.key(key)?;
                    steps.push((step, at));
                    at = operand;
                }
                _ => {
                    let remedy = "only variables have members, such as `body.customer.id`";
                    self.wrong(&at.span, "nothing can be taken out of this", remedy)?;
                }
            }
        }
    }

    fn key(&mut self, key: &Syntax) -> Option<Step> {
        match &key.kind {
            Written::Literal(Literal::Text(text)) => return Some(Step::Key(text.into())),
            Written::Literal(Literal::Int(index)) => {
                if let Ok(index) = usize::try_from(*index) {
                    return Some(Step::Index(index));
                }
            }
            _ => {}
        }
        let remedy = "write the key as a literal, such as `headers[\"x-api-key\"]` or `body.items[0]`";
        self.refuse(
            ExprProblem::new(key.span.clone(), "a key must be known when the policy is loaded")
                .remedy(remedy),
        );
        None
    }

    /// A header, cookie or parameter.
    fn field(&mut self, variable: &Variable, rest: &[(Step, &Syntax)]) -> Outcome {
        let [(Step::Key(key), node)] = rest else {
            let node = rest.last().map(|(_, node)| *node)?;
            let message = format!("`{}` holds texts by name, one level deep", variable.name);
            return self.wrong(&node.mark, message, format!("write `{}[\"name\"]`", variable.name));
        };
        let is_header = matches!(variable.var, Var::Headers | Var::ResponseHeaders);
        if !is_header {
            return Some(self.member(variable.var, Path::key(key.clone()), Type::String));
        }
        let name = key.to_ascii_lowercase();
        let written = |name: &str| format!("{}[\"{name}\"]", variable.name);
        if name.is_empty() || !name.bytes().all(is_token) {
            let message = format!("`{key}` cannot be the name of a header");
            return self.wrong(
                &node.mark,
                message,
                format!("write a name, such as `{}`", written("x-api-key")),
            );
        }
        if name.contains('_') && matches!(node.kind, Written::Field(..)) {
            let remedy = format!(
                "write `{}`, or `{}` if the underscore is meant",
                written(&name.replace('_', "-")),
                written(&name)
            );
            return self.wrong(&node.mark, "header names are written with `-`", remedy);
        }
        Some(self.member(variable.var, Path::key(name), Type::String))
    }

    fn local(&mut self, chain: &Chain<'_>, local: Local) -> Outcome {
        let typed = match local {
            Local::Item(depth, ty) => Typed::new(ty, Kind::Item(depth)),
            Local::Written(typed) => typed,
        };
        if chain.steps.is_empty() { Some(typed) } else { self.no_members(&chain.steps, typed.ty) }
    }

    fn no_members(&mut self, rest: &[(Step, &Syntax)], ty: Type) -> Outcome {
        let node = rest.first().map(|(_, node)| *node)?;
        let remedy = match ty {
            Type::Strings => "ask `\"word\" in …`, or `.exists(x, x.startsWith(\"…\"))`",
            Type::Json => "items of a list can be compared, not taken apart",
            _ => "compare it as a whole",
        };
        self.wrong(&node.mark, format!("this is {}, it has no members", a(ty)), remedy)
    }

    fn elsewhere(&mut self, chain: &Chain<'_>, variable: &Variable) -> Outcome {
        let (message, remedy) = match (self.env.place, variable.scope) {
            (Place::Finding, _) => return self.of_exchange(chain, variable),
            (Place::Operation, _) => {
                ("is not of an operation", "docs/conditions.md names what an operation can be asked for")
            }
            (_, Scope::OperationOnly) => {
                ("is of an operation as a whole", "use it in `portcullis api ls --where`")
            }
            (_, Scope::FindingOnly) => {
                ("is of a finding", "use it where findings are chosen: `alerts: { send }`")
            }
            (Place::Event, _) => {
                ("is not kept in events", "set a tag with a rule, and ask for `tag(\"…\")` here")
            }
            (Place::Exchange, _) => {
                ("is only known in events, after all rules have run", "use it in queries")
            }
        };
        let end = chain.steps.last().map_or(chain.root.span.end, |(_, node)| node.span.end);
        self.wrong(&(chain.root.span.start..end), format!("`{}` {message}", variable.name), remedy)
    }

    /// A variable of an exchange where a finding is asked about.
    fn of_exchange(&mut self, chain: &Chain<'_>, variable: &Variable) -> Outcome {
        let own = format!("finding.{}", variable.name);
        let remedy = match vocabulary().iter().find(|known| known.name == own) {
            Some(_) => format!("write `{own}`"),
            None => format!("the members of `finding` are {}", members("finding")),
        };
        let message = format!("`{}` is of an exchange, and this is about a finding", variable.name);
        self.wrong(&chain.root.span, message, remedy)
    }

    fn unknown(&mut self, chain: &Chain<'_>) -> Outcome {
        if vocabulary().iter().any(|known| root_of(known.name) == chain.name) {
            let rest = chain.steps.as_slice();
            if rest.is_empty() {
                let message = format!("`{}` is a group, not a value", chain.name);
                return self.wrong(
                    &chain.root.mark,
                    message,
                    format!("its members are {}", members(chain.name)),
                );
            }
            return self.unknown_member(chain.name, rest);
        }
        let known = vocabulary()
            .iter()
            .filter(|known| known.scope.covers(self.env.place))
            .map(|known| root_of(known.name));
        let locals = self.locals.iter().map(|(name, _)| name.as_str());
        let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
        let remedy = if let Some(name) = nearest(chain.name, known.chain(locals)) {
            format!("did you mean `{name}`?")
        } else if let Some(full) = vocabulary()
            .iter()
            .find(|known| known.scope.covers(self.env.place) && last(known.name) == chain.name)
        {
            format!("did you mean `{}`?", full.name)
        } else if functions().iter().any(|function| function.name == chain.name) {
            format!("`{0}` is a function: write `{0}(…)`", chain.name)
        } else {
            format!("write \"{}\" in quotes if it is meant as text", chain.name)
        };
        self.wrong(&chain.root.mark, format!("there is no variable `{}`", chain.name), remedy)
    }

    fn unknown_member(&mut self, group: &str, rest: &[(Step, &Syntax)]) -> Outcome {
        let (step, node) = rest.first()?;
        let Step::Key(key) = step else {
            return self.wrong(
                &node.mark,
                format!("`{group}` is a group, not a list"),
                format!("its members are {}", members(group)),
            );
        };
        let prefix = format!("{group}.");
        let below = vocabulary().iter().filter_map(|known| known.name.strip_prefix(&*prefix));
        let remedy = match nearest(key, below) {
            Some(name) => format!("did you mean `{group}.{name}`?"),
            None => format!("its members are {}", members(group)),
        };
        self.wrong(&node.mark, format!("`{group}` has no member `{key}`"), remedy)
    }
}

/// The word a name in capitals stands for, `SHADOW` for `"shadow"`, if a variable can be it.
fn constant(chain: &Chain<'_>, place: Place) -> Option<&'static str> {
    let is_constant = |letter: u8| letter.is_ascii_uppercase() || letter == b'_';
    if !chain.steps.is_empty() || !chain.name.bytes().all(is_constant) {
        return None;
    }
    let words =
        vocabulary().iter().filter(|known| known.scope.covers(place)).filter_map(|known| match known.ty {
            Type::Word(words) => Some(words),
            _ => None,
        });
    words.flatten().copied().find(|word| word.eq_ignore_ascii_case(chain.name))
}

/// The variable a chain names, the place's own before others, and how many of its steps its name takes up.
fn found(chain: &Chain<'_>, place: Place) -> Option<(&'static Variable, usize)> {
    let variable = |name: &str| {
        let named = || vocabulary().iter().filter(|known| known.name == name);
        named().find(|known| known.scope.covers(place)).or_else(|| named().next())
    };
    let mut name = chain.name.to_owned();
    let mut best = variable(&name).map(|known| (known, 0));
    for (taken, (step, _)) in chain.steps.iter().enumerate() {
        let Step::Key(key) = step else { break };
        if best.is_some_and(|(known, _)| matches!(known.ty, Type::Fields | Type::Json)) {
            break;
        }
        name.extend([".", key.as_str()]);
        best = variable(&name).map(|known| (known, taken + 1)).or(best);
    }
    best
}

fn root_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn members(group: &str) -> String {
    let prefix = format!("{group}.");
    let names: Vec<String> = vocabulary()
        .iter()
        .filter_map(|known| known.name.strip_prefix(&*prefix))
        .map(|name| format!("`{name}`"))
        .collect();
    names.join(", ")
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
