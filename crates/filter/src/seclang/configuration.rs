//! What directives other than rules set: engine mode, limits, MIME types.
//!
//! Where a file sets nothing, the defaults are those of ModSecurity's recommended file, except that the engine is on:
//! who loads rules means them.

use smol_str::SmolStr;

/// Settings of one set of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// `SecRuleEngine`.
    pub engine: EngineMode,
    /// `SecRequestBodyAccess`.
    pub request_body_access: bool,
    /// `SecRequestBodyLimit`, in bytes.
    pub request_body_limit: u64,
    /// `SecRequestBodyNoFilesLimit`, in bytes: the body without the content of uploads.
    pub request_body_no_files_limit: u64,
    /// `SecRequestBodyLimitAction`.
    pub request_body_limit_action: LimitAction,
    /// `SecRequestBodyJsonDepthLimit`, in levels.
    pub json_depth_limit: u32,
    /// `SecArgumentsLimit`, in arguments of query and body.
    pub arguments_limit: u32,
    /// `SecArgumentSeparator`.
    pub argument_separator: u8,
    /// `SecUploadFileLimit`, in files.
    pub upload_file_limit: u32,
    /// `SecResponseBodyAccess`.
    pub response_body_access: bool,
    /// `SecResponseBodyLimit`, in bytes.
    pub response_body_limit: u64,
    /// `SecResponseBodyLimitAction`.
    pub response_body_limit_action: LimitAction,
    /// `SecResponseBodyMimeType`, in lower case; `None` in the list stands for a response without `Content-Type`.
    pub response_mime_types: Vec<Option<SmolStr>>,
    /// `SecCollectionTimeout`, in seconds.
    pub collection_timeout: u32,
    /// `SecParseXmlIntoArgs`.
    pub xml_into_args: XmlArguments,
    /// `SecWebAppId`.
    pub web_app_id: SmolStr,
    /// `SecComponentSignature`, in order.
    pub components: Vec<SmolStr>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            engine: EngineMode::On,
            request_body_access: true,
            request_body_limit: 13_107_200,
            // The reference's own: the recommended file's 128 KiB would refuse bodies that were let through before.
            request_body_no_files_limit: 1_048_576,
            request_body_limit_action: LimitAction::Reject,
            json_depth_limit: 512,
            arguments_limit: 1000,
            argument_separator: b'&',
            upload_file_limit: 100,
            response_body_access: false,
            response_body_limit: 524_288,
            response_body_limit_action: LimitAction::ProcessPartial,
            response_mime_types: ["text/plain", "text/html", "text/xml"]
                .map(|kind| Some(SmolStr::new_static(kind)))
                .to_vec(),
            collection_timeout: 3600,
            xml_into_args: XmlArguments::Off,
            web_app_id: SmolStr::new_static("default"),
            components: Vec::new(),
        }
    }
}

/// Whether rules run, and whether they can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineMode {
    /// They run and can refuse.
    On,
    /// They do not run.
    Off,
    /// They run, and nothing is refused.
    DetectionOnly,
}

/// What becomes of a body larger than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitAction {
    /// Refused.
    Reject,
    /// What fits is inspected.
    ProcessPartial,
}

/// Whether values of an XML body become arguments as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlArguments {
    /// No.
    Off,
    /// Yes, beside `XML`.
    On,
    /// Yes, and `XML` stays empty.
    OnlyArgs,
}
