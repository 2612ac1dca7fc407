//! Variables of a response.

use crate::seclang::{Switch, Variable};
use crate::transaction::fill::head::protocol;
use crate::transaction::fill::{Fill, Flag};
use crate::transaction::request::{BodyInput, Response};
use crate::transaction::state::Spent;

impl Fill<'_> {
    /// Everything that phase 3 reads.
    pub(in crate::transaction) fn response_head(&mut self, response: Response<'_>) {
        let head = response.head;
        let protocol = protocol(head.version);
        let reason =
            http::StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
        let line = format!("{protocol} {} {}", head.status, reason.unwrap_or_default());
        self.number(Variable::ResponseStatus, i64::from(head.status));
        self.single(Variable::ResponseProtocol, protocol.as_bytes());
        self.single(Variable::StatusLine, line.as_bytes());
        let content_type = head.headers.get("content-type").unwrap_or_default();
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        self.single(Variable::ResponseContentType, essence.trim_ascii());
        self.headers(&head.headers, Variable::ResponseHeaders, Variable::ResponseHeadersNames);
        self.state.response_body_wanted = self.inspects(essence.trim_ascii());
    }

    /// Everything that phase 4 reads beside the head.
    pub(in crate::transaction) fn response_body(&mut self, body: Option<&BodyInput<'_>>) {
        let wanted =
            self.state.response_body_wanted && self.state.controls.response_body_access == Switch::On;
        let body = body.filter(|_| wanted).map_or(&[][..], |body| body.bytes);
        let limit = usize::try_from(self.state.controls.response_body_limit).unwrap_or(usize::MAX);
        if body.len() > limit {
            self.state.spent.get_or_insert(Spent::Body);
        }
        self.flag(Variable::OutboundDataError, Flag::when(|| body.len() > limit));
        self.size(Variable::ResponseContentLength, body.len());
        if wanted {
            self.single(Variable::ResponseBody, body.get(..limit).unwrap_or(body));
        }
    }

    fn inspects(&self, essence: &[u8]) -> bool {
        let types = &self.program.config.response_mime_types;
        types.iter().any(|known| match known {
            Some(known) => known.as_bytes().eq_ignore_ascii_case(essence),
            None => essence.is_empty(),
        })
    }
}
