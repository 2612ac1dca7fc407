//! `in`, and conditions over the items of a list.

use ipnet::IpNet;
use portcullis_model::nearest;

use super::{Checker, Local, Outcome, a, is_textual};
use crate::path::Path;
use crate::problem::ExprProblem;
use crate::sets::{IpSet, parse_net};
use crate::syntax::{Kind as Written, Literal, Syntax};
use crate::typed::{Const, Kind, Quantifier, Typed};
use crate::value::ListId;
use crate::vocabulary::{Place, Type, Var};

/// How deep loops over lists may nest: each one multiplies the work of an exchange.
const DEEPEST_LOOP: usize = 2;

impl Checker<'_> {
    pub(super) fn is_in(&mut self, node: &Syntax, item: &Syntax, list: &Syntax) -> Outcome {
        let value = self.expr(item)?;
        if matches!(value.ty, Type::Fields | Type::Group | Type::Strings | Type::Null) {
            let message = format!("{} cannot be an item of a list", a(value.ty));
            return self.wrong(&item.span, message, "name one value, such as `ip` or `identity.subject`");
        }
        if let Some((name, place)) = self.list_name(list) {
            return self.in_named_list(value, name, place);
        }
        if let Written::List(items) = &list.kind {
            return self.in_written_list(value, items, list);
        }
        if let (Type::Ip, Written::Literal(Literal::Text(_))) = (value.ty, &list.kind) {
            return self.within(value, std::slice::from_ref(list));
        }
        let found = self.expr(list)?;
        match found.ty {
            Type::Strings | Type::Json => Some(Typed::bool(Kind::Includes(Box::new([found, value])))),
            Type::Fields => self.has_field(&found, &value, item),
            ty if is_textual(ty) => self.wrong(
                &node.span,
                "`in` asks for an item of a list, not for a part of a text",
                "write `text.contains(\"…\")`",
            ),
            ty => self.wrong(
                &list.span,
                format!("this is {}, not a list", a(ty)),
                "write `[…]` or `lists.NAME`",
            ),
        }
    }

    fn in_named_list(&mut self, value: Typed, name: &str, place: &Syntax) -> Outcome {
        if let Some(at) = self.env.lists.iter().position(|known| *known == name) {
            self.reads.list(ListId(at));
            return Some(Typed::bool(Kind::Listed(Box::new(value), ListId(at))));
        }
        if self.env.place != Place::Exchange {
            let remedy = "write its items out: `… in [\"a\", \"b\"]`";
            return self.wrong(&place.mark, "lists of the policy can be asked only by its rules", remedy);
        }
        let remedy = match nearest(name, self.env.lists.iter().copied()) {
            Some(near) => format!("did you mean `lists.{near}`?"),
            None if self.env.lists.is_empty() => "declare it under `lists` in the policy".to_owned(),
            None => format!("the lists are {}", self.env.lists.join(", ")),
        };
        self.wrong(&place.mark, format!("there is no list `{name}`"), remedy)
    }

    fn in_written_list(&mut self, value: Typed, items: &[Syntax], list: &Syntax) -> Outcome {
        if items.is_empty() {
            return self.wrong(
                &list.span,
                "nothing is in an empty list",
                "write what it can be, or leave the condition out",
            );
        }
        if value.ty == Type::Ip {
            return self.within(value, items);
        }
        let mut known = Vec::new();
        let mut computed = Vec::new();
        for item in items {
            let Some(checked) = self.item(&value, item) else { continue };
            match checked.kind {
                Kind::Const(literal) => known.push(literal),
                _ => computed.push(checked),
            }
        }
        let mut parts: Vec<Typed> = computed.into_iter().map(|item| equal(value.clone(), item)).collect();
        if !known.is_empty() {
            parts.push(Typed::bool(Kind::Among(Box::new(value), known)));
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Typed::bool(Kind::Or(parts)) })
    }

    /// One item of a written list, of a type that can equal the value.
    fn item(&mut self, value: &Typed, item: &Syntax) -> Outcome {
        let checked = self.expr(item)?;
        let fits = match (value.ty, checked.ty) {
            (Type::Json, ty) | (ty, Type::Json) => !matches!(ty, Type::Fields | Type::Group | Type::Strings),
            (Type::Int | Type::Double, Type::Int | Type::Double) => true,
            (left, right) => is_textual(left) && is_textual(right) || left == right,
        };
        if !fits || checked.ty == Type::Null {
            let message = format!("this is {}, the value is {}", a(checked.ty), a(value.ty));
            return self.wrong(&item.span, message, "give every item the value's type");
        }
        self.can_equal(value, &checked, item)?;
        Some(checked)
    }

    /// An address in networks written as literals.
    pub(super) fn within(&mut self, value: Typed, nets: &[Syntax]) -> Outcome {
        let read: Vec<Option<IpNet>> = nets.iter().map(|net| self.network(net)).collect();
        let nets: Option<Vec<IpNet>> = read.into_iter().collect();
        Some(Typed::bool(Kind::Within(Box::new(value), IpSet::new(nets?))))
    }

    fn network(&mut self, node: &Syntax) -> Option<IpNet> {
        let said = match self.expr(node)?.literal_text() {
            Some(text) => match parse_net(text) {
                Some(net) if net.trunc() == net => return Some(net),
                Some(net) => {
                    let problem = ExprProblem::new(
                        node.span.clone(),
                        format!("\"{text}\" has bits set beyond its prefix"),
                    );
                    self.refuse(problem.remedy(format!("write \"{}\"", net.trunc())));
                    return None;
                }
                None => format!("\"{text}\" is not a network"),
            },
            None => "a network must be written as a literal".to_owned(),
        };
        self.refuse(
            ExprProblem::new(node.span.clone(), said)
                .remedy("write an address or a prefix, such as \"10.0.0.0/8\""),
        );
        None
    }

    fn has_field(&mut self, fields: &Typed, name: &Typed, node: &Syntax) -> Outcome {
        let (Some(name), Some(var)) = (name.literal_text(), fields.var()) else {
            return self.wrong(&node.span, "the name must be a literal", "write `\"x-api-key\" in headers`");
        };
        let is_header = matches!(var, Var::Headers | Var::ResponseHeaders);
        let path = Path::key(if is_header { name.to_ascii_lowercase() } else { name.to_owned() });
        self.reads.member(var, &path);
        let member = Typed::new(Type::String, Kind::Member(var, path));
        Some(Typed::bool(Kind::There(Box::new(member))))
    }

    /// `list.exists(item, body)` and `list.all(item, body)`.
    pub(super) fn each(&mut self, quantifier: Quantifier, list: &Syntax, args: &[Syntax]) -> Outcome {
        let [name_node, body] = args else { return None };
        let Written::Name(name) = &name_node.kind else {
            let message = "the first argument names the item";
            return self.wrong(&name_node.span, message, "write `list.exists(x, x.startsWith(\"…\"))`");
        };
        if let Written::List(items) = &list.kind {
            return self.each_written(quantifier, name, items, body);
        }
        let list_typed = self.expr(list)?;
        let item = match list_typed.ty {
            Type::Strings => Type::String,
            Type::Json => Type::Json,
            ty => {
                let message = format!("this is {}, not a list", a(ty));
                return self.wrong(&list.span, message, "use it on a list, such as `identity.groups`");
            }
        };
        let depth = self.locals.iter().filter(|(_, local)| matches!(local, Local::Item(..))).count();
        if depth >= DEEPEST_LOOP {
            let message = format!("loops nest at most {DEEPEST_LOOP} deep");
            return self.wrong(&list.span, message, "split the condition into rules that set tags");
        }
        let body = self.bound(name, Local::Item(depth, item), body)?;
        Some(Typed::bool(Kind::Each(quantifier, Box::new([list_typed, body]))))
    }

    /// Over a list written in the expression: the body once for each item.
    fn each_written(
        &mut self,
        quantifier: Quantifier,
        name: &str,
        items: &[Syntax],
        body: &Syntax,
    ) -> Outcome {
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            let value = self.expr(item)?;
            parts.push(self.bound(name, Local::Written(value), body)?);
        }
        Some(match (quantifier, parts.is_empty()) {
            (_, true) => Typed::constant(Const::Bool(quantifier == Quantifier::All)),
            (Quantifier::Exists, _) => Typed::bool(Kind::Or(parts)),
            (Quantifier::All, _) => Typed::bool(Kind::And(parts)),
        })
    }

    fn bound(&mut self, name: &str, local: Local, body: &Syntax) -> Outcome {
        self.locals.push((name.to_owned(), local));
        let body = self.condition(body);
        self.locals.pop();
        body
    }
}

fn equal(left: Typed, right: Typed) -> Typed {
    Typed::bool(Kind::Compare(crate::syntax::Comparison::Equal, Box::new([left, right])))
}
