//! Flaws of operations: who may call them, over what, and what they answer.

use portcullis_document::Node;

use super::schemas::Sent;
use super::{Linter, rules};
use crate::load::library::{Library, Located};
use crate::load::outline::{Body, Call, Outline, is_true, parameter_schema, text};

/// Names of query parameters that carry what must not stand in logs.
const CREDENTIALS: [&str; 12] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "access_token",
    "accesstoken",
    "api_key",
    "apikey",
    "api-key",
    "client_secret",
    "private_key",
];

impl<'l> Linter<'l> {
    /// Everything of one document.
    pub(super) fn read(&mut self, library: &'l Library, outline: &Outline<'l>) {
        let plain = self.servers(outline.root);
        self.schemes(outline, plain);
        for call in &outline.calls {
            self.servers(call.operation);
            self.security(outline, call);
            self.parameters(library, call);
            self.bodies(library, call);
            self.answers(call);
        }
    }

    /// Servers that are spoken to in the clear; whether there is one.
    fn servers(&mut self, owner: Located<'l>) -> bool {
        let mut plain = false;
        for server in owner.node.get("servers").and_then(Node::items).unwrap_or_default() {
            let url = text(server, "url").unwrap_or_default();
            if url.starts_with("http://") && !is_local(url) {
                plain = true;
                self.raise(&rules::PLAIN_HTTP, Located { node: server, ..owner }, url);
            }
        }
        let schemes = owner.node.get("schemes").and_then(Node::items).unwrap_or_default();
        let host = text(owner.node, "host").unwrap_or_default();
        if let Some(node) = schemes.iter().find(|one| one.as_str() == Some("http"))
            && !is_local(&format!("http://{host}"))
        {
            plain = true;
            self.raise(&rules::PLAIN_HTTP, Located { node, ..owner }, format!("http://{host}"));
        }
        plain
    }

    fn schemes(&mut self, outline: &Outline<'l>, plain: bool) {
        for (name, at) in &outline.schemes {
            let of = |key| text(at.node, key).unwrap_or_default();
            let basic =
                of("type") == "basic" || (of("type") == "http" && of("scheme").eq_ignore_ascii_case("basic"));
            match (of("type"), basic) {
                ("apiKey", _) if of("in") == "query" => self.raise(&rules::KEY_IN_QUERY, *at, *name),
                (_, true) if plain => self.raise(&rules::BASIC_PLAIN, *at, *name),
                (_, true) => self.raise(&rules::BASIC, *at, *name),
                ("oauth2", _) => self.oauth(*at, name),
                _ => {}
            }
        }
    }

    fn oauth(&mut self, at: Located<'l>, name: &str) {
        let flows = at.node.get("flows").and_then(Node::entries).unwrap_or_default();
        let weak = |flow: &str| matches!(flow, "implicit" | "password");
        for flow in flows.iter().filter(|flow| weak(&flow.key.text)) {
            self.raise(&rules::WEAK_FLOW, Located { node: &flow.value, ..at }, name);
        }
        if text(at.node, "flow").is_some_and(weak) {
            self.raise(&rules::WEAK_FLOW, at, name);
        }
        let own = std::iter::once(at.node).chain(flows.iter().map(|flow| &flow.value));
        for node in own {
            for key in ["authorizationUrl", "tokenUrl", "refreshUrl"] {
                if let Some(url) = node.get(key)
                    && url.as_str().is_some_and(|url| url.starts_with("http://") && !is_local(url))
                {
                    self.raise(&rules::PLAIN_OAUTH, Located { node: url, ..at }, name);
                }
            }
        }
    }

    fn security(&mut self, outline: &Outline<'l>, call: &Call<'l>) {
        let alternatives = call.security.and_then(Node::items);
        let Some(alternatives) = alternatives else {
            return self.raise(&rules::NO_AUTH, call.operation, call.name());
        };
        let names = |one: &'l Node| one.entries().unwrap_or_default();
        let empty = alternatives.iter().filter(|one| names(one).is_empty()).count();
        let writes = !matches!(call.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE");
        if empty == alternatives.len() && writes {
            self.raise(&rules::PUBLIC_WRITE, call.operation, call.name());
        } else if empty > 0 && empty < alternatives.len() {
            self.raise(&rules::OPTIONAL_AUTH, call.operation, call.name());
        }
        for entry in alternatives.iter().flat_map(names) {
            if outline.schemes.iter().all(|(name, _)| *name != entry.key.text) {
                let at = Located { node: &entry.value, ..call.operation };
                self.raise(&rules::UNKNOWN_SCHEME, at, call.name());
            }
        }
    }

    fn parameters(&mut self, library: &'l Library, call: &Call<'l>) {
        for at in &call.parameters {
            let (name, place) =
                (text(at.node, "name").unwrap_or_default(), text(at.node, "in").unwrap_or_default());
            let subject = format!("{place}.{name} of {}", call.name());
            if place == "query" && CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) {
                self.raise(&rules::CREDENTIAL_IN_QUERY, *at, subject.clone());
            }
            if place == "body" {
                continue;
            }
            let schema = parameter_schema(*at);
            if place == "path"
                && library.follow(schema).is_ok_and(|at| text(at.node, "type") == Some("integer"))
            {
                self.raise(&rules::COUNTED_ID, *at, subject.clone());
            }
            self.schema(library, schema, Sent::ByClients, &subject);
        }
    }

    fn bodies(&mut self, library: &'l Library, call: &Call<'l>) {
        if let Some(body) = call.body.as_ref().filter(|body| !is_told_elsewhere(call, body)) {
            let subject = format!("body of {}", call.name());
            for (_, schema) in &body.content {
                match schema {
                    Some(schema) => self.schema(library, *schema, Sent::ByClients, &subject),
                    None => self.raise(&rules::INPUT_UNTYPED, body.at, subject.clone()),
                }
            }
        }
        for (status, answer) in &call.answers {
            let subject = format!("{status} of {}", call.name());
            for (_, schema) in &answer.content {
                match schema {
                    Some(schema) => self.schema(library, *schema, Sent::ByServers, &subject),
                    None => self.raise(&rules::ANSWER_OPEN, answer.at, subject.clone()),
                }
            }
        }
    }

    fn answers(&mut self, call: &Call<'l>) {
        let has = |wanted: &[&str]| {
            let mut statuses = call.answers.iter().map(|(status, _)| status.to_ascii_uppercase());
            statuses.any(|status| status == "4XX" || wanted.contains(&status.as_str()))
        };
        let protected = call.security.and_then(Node::items).is_some_and(|all| !all.is_empty());
        if protected && !has(&["401", "403"]) {
            self.raise(&rules::NO_401, call.operation, call.name());
        }
        if !has(&["429"]) {
            self.raise(&rules::NO_429, call.operation, call.name());
        }
        let takes = call.body.is_some() || !call.parameters.is_empty();
        if takes && !has(&["400", "404", "422"]) {
            self.raise(&rules::NO_400, call.operation, call.name());
        }
        if is_true(call.operation.node, "deprecated") && call.operation.node.get("x-sunset").is_none() {
            self.raise(&rules::NO_SUNSET, call.operation, call.name());
        }
    }
}

/// Whether what clients send is declared in another language than OpenAPI's: calls by name, messages of gRPC.
fn is_told_elsewhere(call: &Call<'_>, body: &Body<'_>) -> bool {
    let is_grpc = body.content.iter().all(|(range, _)| range == "application/grpc");
    is_grpc || call.operation.node.get("x-portcullis-calls").is_some()
}

fn is_local(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or(url);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    matches!(host, "localhost" | "127.0.0.1" | "[") || host.ends_with(".localhost")
}
