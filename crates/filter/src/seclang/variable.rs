//! Variables of SecLang: what a rule can look at.
//!
//! The table below is the whole list of ModSecurity 3. It knows names and shapes only; where values come from is the
//! transaction's. Names are read without regard to case.

/// Whether a variable is one value or many under keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value, or none.
    Single,
    /// Values under keys; a selector picks some.
    Keyed,
}

macro_rules! variables {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal $shape:ident;)*) => {
        /// One variable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Variable {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Variable {
            /// Every variable, in the order of the declaration, which is its discriminant.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name as CRS writes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// One value or many.
            pub const fn shape(self) -> Shape {
                match self {
                    $(Self::$variant => Shape::$shape,)*
                }
            }
        }
    };
}

variables! {
    /// Arguments of query and body.
    Args = "ARGS" Keyed;
    /// Bytes of all names and values of arguments.
    ArgsCombinedSize = "ARGS_COMBINED_SIZE" Single;
    /// Arguments of the query.
    ArgsGet = "ARGS_GET" Keyed;
    /// Their names.
    ArgsGetNames = "ARGS_GET_NAMES" Keyed;
    /// Names of the arguments of query and body.
    ArgsNames = "ARGS_NAMES" Keyed;
    /// Arguments of the body.
    ArgsPost = "ARGS_POST" Keyed;
    /// Their names.
    ArgsPostNames = "ARGS_POST_NAMES" Keyed;
    /// The scheme of the `Authorization` field.
    AuthType = "AUTH_TYPE" Single;
    /// Microseconds since the exchange began, as of the phase.
    Duration = "DURATION" Single;
    /// What `setenv` set; never the process's environment.
    Env = "ENV" Keyed;
    /// Client file names of uploads, by field.
    Files = "FILES" Keyed;
    /// Bytes of all uploads.
    FilesCombinedSize = "FILES_COMBINED_SIZE" Single;
    /// Field names of uploads.
    FilesNames = "FILES_NAMES" Keyed;
    /// Bytes of each upload, by field.
    FilesSizes = "FILES_SIZES" Keyed;
    /// Names of temporary files: always empty, uploads are never written to disk.
    FilesTmpNames = "FILES_TMPNAMES" Keyed;
    /// Content of each upload, by field.
    FilesTmpContent = "FILES_TMP_CONTENT" Keyed;
    /// Request line, fields and body, from phase 2 on.
    FullRequest = "FULL_REQUEST" Single;
    /// Bytes of the same.
    FullRequestLength = "FULL_REQUEST_LENGTH" Single;
    /// What `@geoLookup` found.
    Geo = "GEO" Keyed;
    /// Persistent collection `global`.
    Global = "GLOBAL" Keyed;
    /// Lowest number of a severity matched so far; 255 at first.
    HighestSeverity = "HIGHEST_SEVERITY" Single;
    /// 1 if the request body was larger than its limit.
    InboundDataError = "INBOUND_DATA_ERROR" Single;
    /// Persistent collection `ip`.
    Ip = "IP" Keyed;
    /// The value that matched last.
    MatchedVar = "MATCHED_VAR" Single;
    /// Its full name.
    MatchedVarName = "MATCHED_VAR_NAME" Single;
    /// All values the current test matched.
    MatchedVars = "MATCHED_VARS" Keyed;
    /// Their full names.
    MatchedVarsNames = "MATCHED_VARS_NAMES" Keyed;
    /// Version of the engine as a number.
    ModsecBuild = "MODSEC_BUILD" Single;
    /// 1 if matching a pattern failed.
    MscPcreError = "MSC_PCRE_ERROR" Single;
    /// 1 if matching a pattern hit its step budget.
    MscPcreLimitsExceeded = "MSC_PCRE_LIMITS_EXCEEDED" Single;
    /// 1 if the boundary was quoted.
    MultipartBoundaryQuoted = "MULTIPART_BOUNDARY_QUOTED" Single;
    /// 1 if white space stood about the boundary.
    MultipartBoundaryWhitespace = "MULTIPART_BOUNDARY_WHITESPACE" Single;
    /// 1 if lines ended both ways.
    MultipartCrlfLfLines = "MULTIPART_CRLF_LF_LINES" Single;
    /// 1 if data followed the last boundary.
    MultipartDataAfter = "MULTIPART_DATA_AFTER" Single;
    /// 1 if data stood before the first boundary.
    MultipartDataBefore = "MULTIPART_DATA_BEFORE" Single;
    /// 1 if there were more files than allowed.
    MultipartFileLimitExceeded = "MULTIPART_FILE_LIMIT_EXCEEDED" Single;
    /// The `filename` parameters, by field.
    MultipartFilename = "MULTIPART_FILENAME" Keyed;
    /// 1 if a field of a part was folded.
    MultipartHeaderFolding = "MULTIPART_HEADER_FOLDING" Single;
    /// 1 if folding was malformed.
    MultipartInvalidHeaderFolding = "MULTIPART_INVALID_HEADER_FOLDING" Single;
    /// 1 if a part was malformed.
    MultipartInvalidPart = "MULTIPART_INVALID_PART" Single;
    /// 1 if a parameter was quoted wrongly.
    MultipartInvalidQuoting = "MULTIPART_INVALID_QUOTING" Single;
    /// 1 if a line ended with LF alone.
    MultipartLfLine = "MULTIPART_LF_LINE" Single;
    /// 1 if a semicolon was missing.
    MultipartMissingSemicolon = "MULTIPART_MISSING_SEMICOLON" Single;
    /// The `name` parameters.
    MultipartName = "MULTIPART_NAME" Keyed;
    /// Fields of each part, by field name of the part.
    MultipartPartHeaders = "MULTIPART_PART_HEADERS" Keyed;
    /// 1 if any of the strict facts holds.
    MultipartStrictError = "MULTIPART_STRICT_ERROR" Single;
    /// 1 if a line looked like a boundary and was none.
    MultipartUnmatchedBoundary = "MULTIPART_UNMATCHED_BOUNDARY" Single;
    /// 1 if the response body was larger than its limit.
    OutboundDataError = "OUTBOUND_DATA_ERROR" Single;
    /// The path after the script's name: always empty, a gateway has no scripts.
    PathInfo = "PATH_INFO" Single;
    /// The raw query.
    QueryString = "QUERY_STRING" Single;
    /// The client's address.
    RemoteAddr = "REMOTE_ADDR" Single;
    /// The client's address: names are not looked up.
    RemoteHost = "REMOTE_HOST" Single;
    /// The client's port.
    RemotePort = "REMOTE_PORT" Single;
    /// The user name of Basic credentials.
    RemoteUser = "REMOTE_USER" Single;
    /// 1 if the request body could not be parsed.
    ReqbodyError = "REQBODY_ERROR" Single;
    /// Why.
    ReqbodyErrorMsg = "REQBODY_ERROR_MSG" Single;
    /// The body processor in use.
    ReqbodyProcessor = "REQBODY_PROCESSOR" Single;
    /// 1 if it failed.
    ReqbodyProcessorError = "REQBODY_PROCESSOR_ERROR" Single;
    /// Why.
    ReqbodyProcessorErrorMsg = "REQBODY_PROCESSOR_ERROR_MSG" Single;
    /// The last segment of the path.
    RequestBasename = "REQUEST_BASENAME" Single;
    /// The raw body.
    RequestBody = "REQUEST_BODY" Single;
    /// Its length in bytes.
    RequestBodyLength = "REQUEST_BODY_LENGTH" Single;
    /// Cookies, by name.
    RequestCookies = "REQUEST_COOKIES" Keyed;
    /// Their names.
    RequestCookiesNames = "REQUEST_COOKIES_NAMES" Keyed;
    /// The path.
    RequestFilename = "REQUEST_FILENAME" Single;
    /// Fields, by name.
    RequestHeaders = "REQUEST_HEADERS" Keyed;
    /// Their names.
    RequestHeadersNames = "REQUEST_HEADERS_NAMES" Keyed;
    /// The request line as sent.
    RequestLine = "REQUEST_LINE" Single;
    /// The method.
    RequestMethod = "REQUEST_METHOD" Single;
    /// `HTTP/1.1` and the like.
    RequestProtocol = "REQUEST_PROTOCOL" Single;
    /// Path and query, without scheme and host.
    RequestUri = "REQUEST_URI" Single;
    /// The target as sent.
    RequestUriRaw = "REQUEST_URI_RAW" Single;
    /// Persistent collection `resource`.
    Resource = "RESOURCE" Keyed;
    /// The response body, where it is inspected.
    ResponseBody = "RESPONSE_BODY" Single;
    /// Its length in bytes.
    ResponseContentLength = "RESPONSE_CONTENT_LENGTH" Single;
    /// Its `Content-Type`.
    ResponseContentType = "RESPONSE_CONTENT_TYPE" Single;
    /// Fields of the response, by name.
    ResponseHeaders = "RESPONSE_HEADERS" Keyed;
    /// Their names.
    ResponseHeadersNames = "RESPONSE_HEADERS_NAMES" Keyed;
    /// Protocol of the response.
    ResponseProtocol = "RESPONSE_PROTOCOL" Single;
    /// Status of the response.
    ResponseStatus = "RESPONSE_STATUS" Single;
    /// The rule's own id, msg, severity and so on.
    Rule = "RULE" Keyed;
    /// Address of the listener.
    ServerAddr = "SERVER_ADDR" Single;
    /// Host name the client asked for.
    ServerName = "SERVER_NAME" Single;
    /// Port of the listener.
    ServerPort = "SERVER_PORT" Single;
    /// Persistent collection `session`.
    Session = "SESSION" Keyed;
    /// What `setsid` set.
    SessionId = "SESSIONID" Single;
    /// Status line of the response.
    StatusLine = "STATUS_LINE" Single;
    /// Time of day, `hh:mm:ss`, in UTC.
    Time = "TIME" Single;
    /// Day of the month.
    TimeDay = "TIME_DAY" Single;
    /// Seconds since 1970.
    TimeEpoch = "TIME_EPOCH" Single;
    /// Hour, 0 to 23.
    TimeHour = "TIME_HOUR" Single;
    /// Minute.
    TimeMin = "TIME_MIN" Single;
    /// Month, 0 to 11.
    TimeMon = "TIME_MON" Single;
    /// Second.
    TimeSec = "TIME_SEC" Single;
    /// Day of the week, 0 is Sunday.
    TimeWday = "TIME_WDAY" Single;
    /// Year.
    TimeYear = "TIME_YEAR" Single;
    /// The transaction's own variables, and captures 0 to 9.
    Tx = "TX" Keyed;
    /// The exchange's id.
    UniqueId = "UNIQUE_ID" Single;
    /// 1 if an urlencoded part of the request could not be decoded.
    UrlencodedError = "URLENCODED_ERROR" Single;
    /// Persistent collection `user`.
    User = "USER" Keyed;
    /// What `setuid` set.
    UserId = "USERID" Single;
    /// The client's address, in CRS 2's name for it.
    UseragentIp = "USERAGENT_IP" Single;
    /// What `SecWebAppId` set.
    WebappId = "WEBAPPID" Single;
    /// Lines of the web server's error log: always empty.
    WebserverErrorLog = "WEBSERVER_ERROR_LOG" Single;
    /// What paths pick from the XML body; without a path, `[XML document tree]` where there is one.
    Xml = "XML" Keyed;
}

/// Other spellings that ModSecurity accepts.
const ALIASES: [(&str, Variable); 4] = [
    ("MULTIPART_SEMICOLON_MISSING", Variable::MultipartMissingSemicolon),
    ("STATUS", Variable::ResponseStatus),
    ("RESPONSE_LENGTH", Variable::ResponseContentLength),
    ("REQBODY_LENGTH", Variable::RequestBodyLength),
];

impl Variable {
    /// The variable of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().map(|variable| (variable.name(), *variable));
        let mut all = known.chain(ALIASES);
        all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, variable)| variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_in_any_case() {
        for variable in Variable::ALL {
            assert_eq!(Variable::parse(&variable.name().to_ascii_lowercase()), Some(*variable));
        }
        assert_eq!(Variable::parse("ARGS "), None);
    }
}
