//! What policy says of recording, as the recorder takes it.

use std::path::PathBuf;

use portcullis_events::{AccessLogConfig, ArchiveConfig, LineFormat, LogTarget, RecorderConfig, Share};
use portcullis_policy::{AccessLog, LogFormat, Policy};

/// How events are recorded under a policy.
pub(super) fn recorder(policy: &Policy) -> RecorderConfig {
    let access_log = policy.access_log.as_ref().map(access_log);
    let Some(kept) = &policy.archive else {
        return RecorderConfig { access_log, ..RecorderConfig::default() };
    };
    RecorderConfig {
        archive: archive(policy),
        passes: Share::fraction(kept.passes.get()),
        queue: kept.queue.get() as usize,
        access_log,
    }
}

/// Where events are kept, if anywhere.
pub(super) fn archive(policy: &Policy) -> Option<ArchiveConfig> {
    let sqlite = &policy.archive.as_ref()?.sqlite;
    let path = PathBuf::from(sqlite.path.path.as_str());
    Some(ArchiveConfig { path, retain: sqlite.retain, size: Some(sqlite.size.get()) })
}

fn access_log(log: &AccessLog) -> AccessLogConfig {
    AccessLogConfig {
        to: match &log.to {
            portcullis_policy::LogTarget::Stdout => LogTarget::Stdout,
            portcullis_policy::LogTarget::Stderr => LogTarget::Stderr,
            portcullis_policy::LogTarget::File(file) => LogTarget::File(file.path.as_str().into()),
        },
        format: match &log.format {
            LogFormat::Common => LineFormat::Common,
            LogFormat::Combined => LineFormat::Combined,
            LogFormat::Json => LineFormat::Json,
            LogFormat::Template(template) => LineFormat::Template(template.0.clone()),
        },
        buffer: usize::try_from(log.buffer.get()).unwrap_or(usize::MAX),
    }
}
