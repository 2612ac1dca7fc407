//! Where each variable's values live: filled in once from the message, or made up when a rule asks.
//!
//! A table over the language's variables; holds nothing. Does not know how values are read off a message.

use crate::seclang::Variable;

/// Where values of a variable come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Filled in from the request, at the latest when phase 2 begins, and unchanged from then on.
    Request,
    /// Filled in from the response, at the latest when phase 4 begins.
    Response,
    /// Can change while rules run, or depends on the rule.
    Live,
}

/// The variables whose values one variable shows.
pub(super) fn sources(variable: Variable) -> &'static [Variable] {
    use Variable as V;
    match variable {
        V::Args => &[V::ArgsGet, V::ArgsPost],
        V::ArgsNames => &[V::ArgsGetNames, V::ArgsPostNames],
        other => one(other),
    }
}

fn one(variable: Variable) -> &'static [Variable] {
    let at = variable as usize;
    Variable::ALL.get(at..=at).unwrap_or_default()
}

/// Where a variable's values come from.
pub(super) fn kept(variable: Variable) -> Kept {
    use Variable as V;
    match variable {
        V::ResponseBody
        | V::ResponseContentLength
        | V::ResponseContentType
        | V::ResponseHeaders
        | V::ResponseHeadersNames
        | V::ResponseProtocol
        | V::ResponseStatus
        | V::StatusLine
        | V::OutboundDataError => Kept::Response,
        V::Tx
        | V::Global
        | V::Ip
        | V::Resource
        | V::Session
        | V::User
        | V::SessionId
        | V::UserId
        | V::Env
        | V::Geo
        | V::Rule
        | V::MatchedVar
        | V::MatchedVarName
        | V::MatchedVars
        | V::MatchedVarsNames
        | V::HighestSeverity
        | V::MscPcreError
        | V::MscPcreLimitsExceeded
        | V::ReqbodyProcessor
        | V::Duration => Kept::Live,
        _ => Kept::Request,
    }
}
