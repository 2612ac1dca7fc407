//! Conditions and templates: expressions that passed the checker, with their places in the policy.

use portcullis_document::{Node, Place, Problem};
use portcullis_expr::Place as About;
use portcullis_expr::{Checked, Env, ExprProblem, Known, Reads, check, check_template};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

/// When in an exchange a rule or limit runs: once all it reads is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// On the request's head.
    #[default]
    Head,
    /// Once the request's body is held, before anything is sent upstream.
    Body,
    /// On the response's head.
    ResponseHead,
    /// Once the response's body is held, before anything of it is sent.
    ResponseBody,
}

impl Phase {
    /// In words, as `check` shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Body => "body",
            Self::ResponseHead => "response head",
            Self::ResponseBody => "response body",
        }
    }
}

impl From<Known> for Phase {
    fn from(known: Known) -> Self {
        match known {
            Known::Peer | Known::Located | Known::Authenticated | Known::Operation => Self::Head,
            Known::RequestBody => Self::Body,
            Known::ResponseHead => Self::ResponseHead,
            Known::ResponseBody | Known::End => Self::ResponseBody,
        }
    }
}

/// A condition over an exchange.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The expression.
    pub checked: Checked,
    /// Where it is written.
    pub place: Place,
}

impl Condition {
    /// What it reads.
    pub fn reads(&self) -> &Reads {
        self.checked.reads()
    }
}

impl Decode for Condition {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "condition",
        about: "an expression in CEL that is true or false: `path.startsWith(\"/admin\") && !tag(\"list:office\")`",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let checked = expression(node, About::Exchange, reading, check)?;
        Some(Self { checked, place: node.place.clone() })
    }
}

/// A condition over a finding.
#[derive(Clone, Debug)]
pub struct FindingCondition(pub Checked);

impl Decode for FindingCondition {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "condition over findings",
        about: "an expression in CEL over `finding`: `finding.severity >= \"high\" && finding.site == \"shop\"`",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        expression(node, About::Finding, reading, check).map(Self)
    }
}

/// Text with `${…}` in it.
#[derive(Clone, Debug)]
pub struct Template {
    /// The checked template.
    pub checked: portcullis_expr::Template,
    /// Where it is written.
    pub place: Place,
}

impl Decode for Template {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "template",
        about: "text in which `${…}` stands for an expression's value: `${identity.subject}`",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let checked = expression(node, About::Exchange, reading, check_template)?;
        Some(Self { checked, place: node.place.clone() })
    }
}

/// Text with `${…}` in it, of what is recorded of an exchange.
#[derive(Clone, Debug)]
pub struct EventTemplate(pub portcullis_expr::Template);

impl Decode for EventTemplate {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "template over events",
        about: "text in which `${…}` stands for a value of the exchange's event: `${ip} ${status}`",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        expression(node, About::Event, reading, check_template).map(Self)
    }
}

/// Checks an expression; each of its mistakes points at its part of the expression in the file.
fn expression<T>(
    node: &Node,
    about: About,
    reading: &mut Reading,
    check: impl Fn(&str, &Env<'_>) -> Result<T, Vec<ExprProblem>>,
) -> Option<T> {
    let lists: Vec<&str> = reading.lists.iter().map(SmolStr::as_str).collect();
    let env = Env { place: about, lists: &lists };
    let Some(source) = node.as_str() else {
        return reading.wrong_kind(node, "an expression", "put it in quotes");
    };
    match check(source, &env) {
        Ok(checked) => Some(checked),
        Err(mistakes) => {
            reading.problems.extend(mistakes.into_iter().map(|mistake| point_into(node, mistake)));
            None
        }
    }
}

fn point_into(node: &Node, mistake: ExprProblem) -> Problem {
    let problem = Problem::error("policy.expression", mistake.message).at(&node.within(mistake.span));
    match mistake.remedy {
        Some(remedy) => problem.remedy(remedy),
        None => problem,
    }
}
