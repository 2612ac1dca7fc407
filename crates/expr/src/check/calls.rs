//! Function calls.

use portcullis_model::{Timestamp, nearest};

use super::{Checker, Outcome, a, is_textual, literals};
use crate::pattern::Pattern;
use crate::reads::TagTest;
use crate::syntax::{Kind as Written, Literal, Syntax};
use crate::typed::{Const, Conversion, Kind, Quantifier, TextTest, Typed};
use crate::vocabulary::{Function, Place, Type, functions};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        node: &Syntax,
        name: &str,
        target: Option<&Syntax>,
        args: &[Syntax],
    ) -> Outcome {
        let Some(function) = functions().iter().find(|known| known.name == name) else {
            return self.unknown_function(node, name);
        };
        let misused = |checker: &mut Self| {
            let message = format!("`{name}` is not used like this");
            checker.wrong(&node.span, message, format!("write `{}`", function.usage()))
        };
        match (name, target, args) {
            ("tag" | "tagged", None, _) if self.env.place == Place::Finding => {
                self.wrong(&node.mark, "a finding has no tags", "ask for its kind, severity, site or data")
            }
            ("tag" | "tagged", None, _) if self.env.place == Place::Operation => {
                self.wrong(&node.mark, "an operation has no tags", "ask for its standing, risk or data")
            }
            ("tag", None, [tag]) => self.tag(tag),
            ("tagged", None, [prefix]) => self.tagged(prefix),
            ("has", None, [value]) => self.has(value),
            ("cidr", None, [value, nets @ ..]) if !nets.is_empty() => self.cidr(value, nets),
            ("size", Some(value), []) | ("size", None, [value]) => self.size(value),
            ("int", None, [value]) => self.convert(value, Conversion::Int, Type::Int),
            ("double", None, [value]) => self.convert(value, Conversion::Double, Type::Double),
            ("string", None, [value]) => self.convert(value, Conversion::Text, Type::String),
            ("duration", None, [text]) => self.duration(text),
            ("timestamp", None, [text]) => self.timestamp(text),
            ("startsWith", Some(text), [part]) => self.text_test(TextTest::StartsWith, text, part),
            ("endsWith", Some(text), [part]) => self.text_test(TextTest::EndsWith, text, part),
            ("contains", Some(text), [part]) => self.contains(text, part),
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
                self.matches(text, pattern)
            }
            ("lowerAscii", Some(text), []) => self.change_case(text, Conversion::Lower),
            ("upperAscii", Some(text), []) => self.change_case(text, Conversion::Upper),
            ("exists", Some(list), [_, _]) => self.each(Quantifier::Exists, list, args),
            ("all", Some(list), [_, _]) => self.each(Quantifier::All, list, args),
            ("getHours", Some(time), []) => self.part_of_time(time, Conversion::Hours),
            ("getMinutes", Some(time), []) => self.part_of_time(time, Conversion::Minutes),
            ("getDayOfWeek", Some(time), []) => self.part_of_time(time, Conversion::Weekday),
            _ => misused(self),
        }
    }

    fn unknown_function(&mut self, node: &Syntax, name: &str) -> Outcome {
        /// Functions of CEL and of other languages, and what does their work here.
        const OTHERS: &[(&str, &str)] = &[
            ("map", "compare items with `.exists(x, …)`"),
            ("filter", "compare items with `.exists(x, …)`"),
            ("exists_one", "use `.exists(x, …)`"),
            ("existsOne", "use `.exists(x, …)`"),
            ("regex", "use `text.matches(\"…\")`"),
            ("lower", "use `text.lowerAscii()`"),
            ("upper", "use `text.upperAscii()`"),
            ("len", "use `size(x)`"),
            ("length", "use `size(x)`"),
            ("ip", "write `ip in \"10.0.0.0/8\"`"),
            ("bytes", "compare texts"),
            ("uint", "use `int(x)`"),
            ("bool", "compare with `== true` or `== \"true\"`"),
            ("type", "values of the wrong type never compare equal; ask `has(x)`"),
            ("dyn", "leave it out"),
        ];
        let near = nearest(name, functions().iter().map(|known| known.name));
        let remedy = if let Some((_, instead)) = OTHERS.iter().find(|(other, _)| *other == name) {
            (*instead).to_owned()
        } else if let Some(near) = near {
            let usage = functions().iter().find(|known| known.name == near).map_or(near, Function::usage);
            format!("did you mean `{usage}`?")
        } else {
            let names: Vec<&str> = functions().iter().map(|known| known.name).collect();
            format!("the functions are {}", names.join(", "))
        };
        self.wrong(&node.mark, format!("there is no function `{name}`"), remedy)
    }

    /// The text of an argument that must be written as a literal.
    fn literal(&mut self, node: &Syntax, what: &str) -> Option<String> {
        match &node.kind {
            Written::Literal(Literal::Text(text)) => return Some(text.clone()),
            // The item of a list written in the expression is as good as a literal.
            Written::Name(_) => {
                let typed = self.expr(node)?;
                if let Some(text) = typed.literal_text() {
                    return Some(text.to_owned());
                }
            }
            _ => {}
        }
        let message = format!("{what} must be written as a literal");
        self.wrong(&node.span, message, "write it in quotes").and(None)
    }

    fn tag(&mut self, node: &Syntax) -> Outcome {
        let tag = self.literal(node, "a tag")?;
        let well_formed =
            tag.split_once(':').is_some_and(|(space, value)| !space.is_empty() && !value.is_empty());
        if !well_formed {
            let remedy = if tag.ends_with(':') {
                format!("write `tagged(\"{tag}\")` to ask for any tag that begins so")
            } else {
                "write it with its namespace, such as \"api:shadow\"".to_owned()
            };
            return self.wrong(&node.span, "a tag is written `namespace:value`", remedy);
        }
        let test = TagTest::Exact(tag.into());
        self.reads.tag(test.clone());
        Some(Typed::bool(Kind::Tag(test)))
    }

    fn tagged(&mut self, node: &Syntax) -> Outcome {
        let prefix = self.literal(node, "the beginning of a tag")?;
        if prefix.is_empty() {
            let remedy = "write its beginning, such as \"data:\"";
            return self.wrong(&node.span, "every tag begins with nothing", remedy);
        }
        let test = TagTest::Prefix(prefix.into());
        self.reads.tag(test.clone());
        Some(Typed::bool(Kind::Tag(test)))
    }

    fn has(&mut self, node: &Syntax) -> Outcome {
        let typed = self.expr(node)?;
        match typed.kind {
            Kind::Var(_) | Kind::Member(..) | Kind::Item(_) if typed.ty != Type::Fields => {
                Some(Typed::bool(Kind::There(Box::new(typed))))
            }
            _ => self.wrong(
                &node.span,
                "`has` asks whether one value is there",
                "write `has(body.customer.id)`",
            ),
        }
    }

    fn cidr(&mut self, value: &Syntax, nets: &[Syntax]) -> Outcome {
        let checked = self.expr(value);
        if let Some(typed) = &checked
            && typed.ty != Type::Ip
            && !is_textual(typed.ty)
        {
            let message = format!("this is {}, not an address", a(typed.ty));
            return self.wrong(&value.span, message, "write `cidr(ip, \"10.0.0.0/8\")`");
        }
        let (nets, checked) = if let [Syntax { kind: Written::List(items), .. }] = nets {
            (items.as_slice(), checked?)
        } else {
            (nets, checked?)
        };
        self.within(checked, nets)
    }

    fn size(&mut self, node: &Syntax) -> Outcome {
        let typed = self.expr(node)?;
        if is_textual(typed.ty) || typed.ty == Type::Strings {
            return Some(Typed::new(Type::Int, Kind::Convert(Conversion::Size, Box::new(typed))));
        }
        self.wrong(&node.span, format!("{} has no size", a(typed.ty)), "use it on a text or a list")
    }

    fn convert(&mut self, node: &Syntax, conversion: Conversion, to: Type) -> Outcome {
        let typed = self.expr(node)?;
        let fits = match conversion {
            Conversion::Text => !matches!(typed.ty, Type::Strings | Type::Fields | Type::Group | Type::Null),
            _ => matches!(typed.ty, Type::Int | Type::Double | Type::String | Type::Json),
        };
        if fits {
            return Some(Typed::new(to, Kind::Convert(conversion, Box::new(typed))));
        }
        let message = format!("{} cannot become {}", a(typed.ty), a(to));
        self.wrong(&node.span, message, "use it on one text or number")
    }

    fn duration(&mut self, node: &Syntax) -> Outcome {
        let text = self.literal(node, "a duration")?;
        match literals::parse_duration(&text) {
            Some(span) => Some(Typed::constant(Const::Span(span))),
            None => self.wrong(
                &node.span,
                format!("\"{text}\" is not a duration"),
                "write it like \"1h30m\" or \"250ms\"",
            ),
        }
    }

    fn timestamp(&mut self, node: &Syntax) -> Outcome {
        let text = self.literal(node, "a point in time")?;
        match Timestamp::parse(&text) {
            Some(time) => Some(Typed::constant(Const::Time(time))),
            None => self.wrong(
                &node.span,
                format!("\"{text}\" is not a time"),
                "write it as RFC 3339, \"2026-01-31T08:00:00Z\"",
            ),
        }
    }

    /// Part of a text, or an item of a list of strings, as `in` asks for it.
    fn contains(&mut self, whole: &Syntax, part: &Syntax) -> Outcome {
        let typed = self.expr(whole)?;
        if typed.ty == Type::Strings {
            let item = self.text(part)?;
            return Some(Typed::bool(Kind::Includes(Box::new([typed, item]))));
        }
        let (checked_text, checked_part) = (self.textual(whole, typed), self.text(part));
        Some(Typed::bool(Kind::Text(TextTest::Contains, Box::new([checked_text?, checked_part?]))))
    }

    /// A node that must be text.
    fn text(&mut self, node: &Syntax) -> Outcome {
        let typed = self.expr(node)?;
        self.textual(node, typed)
    }

    fn textual(&mut self, node: &Syntax, typed: Typed) -> Outcome {
        let remedy = match typed.ty {
            ty if is_textual(ty) => return Some(typed),
            Type::Strings => "write `.exists(x, x.startsWith(\"…\"))`, or `\"word\" in …`",
            Type::Ip => "write `ip in \"10.0.0.0/8\"`, or `string(ip)` for its text",
            Type::Fields => "ask for one of them by name, such as `headers.accept`",
            _ => "convert it first: `string(x)`",
        };
        self.wrong(&node.span, format!("this is {}, not a string", a(typed.ty)), remedy)
    }

    fn text_test(&mut self, test: TextTest, text: &Syntax, part: &Syntax) -> Outcome {
        let (checked_text, checked_part) = (self.text(text), self.text(part));
        let (value, literal) = (checked_text?, checked_part?);
        if let (TextTest::StartsWith, Some(begin)) = (test, literal.literal_text())
            && let Some((message, remedy)) = literals::never_begins(&value, begin)
        {
            return self.wrong(&part.span, message, remedy);
        }
        Some(Typed::bool(Kind::Text(test, Box::new([value, literal]))))
    }

    fn matches(&mut self, text: &Syntax, pattern: &Syntax) -> Outcome {
        let (checked_text, source) = (self.text(text), self.literal(pattern, "a regular expression"));
        let (value, source) = (checked_text?, source?);
        match Pattern::new(&source) {
            Ok(compiled) => Some(Typed::bool(Kind::Matches(Box::new(value), compiled))),
            Err(said) => self.wrong(
                &pattern.span,
                format!("this regular expression is not valid: {said}"),
                "RE2's language is understood: no look-around, no back-references",
            ),
        }
    }

    fn change_case(&mut self, node: &Syntax, conversion: Conversion) -> Outcome {
        let text = self.text(node)?;
        Some(Typed::new(Type::String, Kind::Convert(conversion, Box::new(text))))
    }

    fn part_of_time(&mut self, node: &Syntax, conversion: Conversion) -> Outcome {
        let typed = self.expr(node)?;
        if typed.ty == Type::Time {
            return Some(Typed::new(Type::Int, Kind::Convert(conversion, Box::new(typed))));
        }
        self.wrong(&node.span, format!("this is {}, not a timestamp", a(typed.ty)), "use it on `time`")
    }
}
