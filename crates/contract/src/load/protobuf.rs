//! Descriptor sets of protocol buffers (`protoc --descriptor_set_out`, `buf build`), told as OpenAPI would tell them: every
//! method of a service is an operation, `POST /package.Service/Method`.
//!
//! Invariants: what cannot be read makes no operation, and is a problem; a name is only taken as it may stand in a path.
//! Messages and their fields are not looked at.

use portcullis_document::{Node, Place, Problem, SourceFile};
use portcullis_wire::body::protobuf::{Held, fields};

use super::told::{map, text, truth};

/// Numbers of fields in `descriptor.proto`: of a set, a file, a service, a method, and of their options.
const FILES: u64 = 1;
const PACKAGE: u64 = 2;
const SERVICES: u64 = 6;
const FILE_OPTIONS: u64 = 8;
const NAME: u64 = 1;
const METHODS: u64 = 2;
const SERVICE_OPTIONS: u64 = 3;
const METHOD_OPTIONS: u64 = 4;
const FILE_DEPRECATED: u64 = 23;
const DEPRECATED: u64 = 33;

/// A document that declares what the services of a set do.
pub(super) fn document(path: &str, bytes: &[u8], problems: &mut Vec<Problem>) -> Option<Node> {
    // There is no text to show.
    let at = Place::new(&SourceFile::new(path, ""), 0..0);
    let Some(methods) = methods(bytes) else {
        let message = format!("`{path}` is no set of descriptors of protocol buffers");
        let remedy =
            "write it with `protoc --include_imports --descriptor_set_out=FILE` or `buf build -o FILE`";
        problems.push(Problem::error("contract.protobuf", message).remedy(remedy));
        return None;
    };
    if methods.is_empty() {
        let problem = Problem::warning("contract.empty", format!("`{path}` declares no method of a service"));
        problems.push(problem.remedy("leave it out, or write the files with the services into it"));
        return None;
    }
    let content = map(&at, [("application/grpc", map(&at, []))]);
    let entries: Vec<(String, Node)> = methods
        .into_iter()
        .map(|method| {
            let body = map(&at, [("content", content.clone())]);
            let post = map(&at, [("deprecated", truth(&at, method.deprecated)), ("requestBody", body)]);
            (method.path, map(&at, [("post", post)]))
        })
        .collect();
    let paths = map(&at, entries.iter().map(|(path, item)| (path.as_str(), item.clone())));
    Some(map(&at, [("openapi", text(&at, "3.1.0")), ("paths", paths)]))
}

/// A method of a service.
struct Method {
    path: String,
    deprecated: bool,
}

/// Every method of a set; none where the bytes are something else.
fn methods(set: &[u8]) -> Option<Vec<Method>> {
    let mut methods = Vec::new();
    for file in inner(set, FILES)? {
        let package = name(file, PACKAGE)?;
        let is_old = is_set(file, FILE_OPTIONS, FILE_DEPRECATED)?;
        for service in inner(file, SERVICES)? {
            let of = name(service, NAME).filter(|name| !name.is_empty())?;
            let is_old = is_old || is_set(service, SERVICE_OPTIONS, DEPRECATED)?;
            let service_name = if package.is_empty() { of } else { format!("{package}.{of}") };
            for method in inner(service, METHODS)? {
                let of = name(method, NAME).filter(|name| !name.is_empty())?;
                let deprecated = is_old || is_set(method, METHOD_OPTIONS, DEPRECATED)?;
                methods.push(Method { path: format!("/{service_name}/{of}"), deprecated });
            }
        }
    }
    Some(methods)
}

/// The messages under a number, or none if the bytes are no message.
fn inner(message: &[u8], number: u64) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    for field in fields(message) {
        match field? {
            (met, Held::Bytes(bytes)) if met == number => found.push(bytes),
            (met, Held::Number(_)) if met == number => return None,
            _ => {}
        }
    }
    Some(found)
}

/// The last text under a number; empty where there is none.
fn name(message: &[u8], number: u64) -> Option<String> {
    let bytes = inner(message, number)?.pop().unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    bytes.iter().all(is_name).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Whether an option is set.
fn is_set(message: &[u8], options: u64, option: u64) -> Option<bool> {
    let mut set = false;
    for options in inner(message, options)? {
        for field in fields(options) {
            if let (met, Held::Number(value)) = field?
                && met == option
            {
                set = value != 0;
            }
        }
    }
    Some(set)
}
