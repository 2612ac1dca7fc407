//! The policy that recordings are learned under: one site for every host, which refuses nothing and reads everything.
//!
//! Invariant: it comes from this file and the documents that were named, never from the machine's policy.

use bytes::Bytes;
use portcullis_document::{Problem, SourceError, Sources};
use portcullis_engine::Snapshot;
use std::sync::Arc;

use crate::cli;
use crate::files::FileSources;

const NAME: &str = "discover.yaml";
/// Pseudonyms do not leave the program that makes them, so there is nothing to keep secret.
const SECRET: &str = "PORTCULLIS_DISCOVER";

/// Two rules make both bodies read; nothing they ask for is ever there.
const RULES: &str = "
    mode: monitor
    require: none
    body: { hold: 16MiB, over_limit: inspect_part }
    response_body: { hold: 16MiB, over_limit: inspect_part }
    rules:
      - { name: read-requests, when: 'body.portcullis == 1 && body.discover == 1', tag: [read:request] }
      - { name: read-answers, when: 'response.body.portcullis == 1', tag: [read:answer] }
";

/// Compiles it, with the contract that was named, if any.
pub(super) fn snapshot(options: &cli::Discover) -> Result<Snapshot, Vec<Problem>> {
    let sources = Synthetic { policy: text(options) };
    let read = portcullis_policy::load(NAME, &sources);
    let Some(policy) = read.policy else { return Err(read.problems) };
    let mut snapshot = portcullis_engine::compile(Arc::new(policy), &sources)?.snapshot;
    snapshot.look_at_all();
    Ok(snapshot)
}

fn text(options: &cli::Discover) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let files: Vec<String> = options.contract.iter().map(|file| quoted(&file.to_string_lossy())).collect();
    let contract = match files.as_slice() {
        [] => String::new(),
        files => format!("    contract: {{ files: [{}] }}\n    unknown_apis: monitor\n", files.join(", ")),
    };
    format!(
        "secret: env:{SECRET}\nlisten: 127.0.0.1:9\nsites:\n  {}:\n    hosts: [\"*\"]\n    upstream: {{ servers: [\"http://127.0.0.1:9\"] \
         }}\n{contract}{}",
        quoted(&options.site),
        RULES.trim_start_matches('\n'),
    )
}

/// The files of the machine, and this policy among them.
struct Synthetic {
    policy: String,
}

impl Sources for Synthetic {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if path == NAME { Ok(self.policy.clone().into()) } else { FileSources.read(path) }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        FileSources.list(folder)
    }

    fn env(&self, name: &str) -> Option<String> {
        if name == SECRET {
            Some("a recording holds no secret of ours".to_owned())
        } else {
            FileSources.env(name)
        }
    }
}
