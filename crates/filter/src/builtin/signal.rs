//! What detectors can see: the words that rules of the pack name in `detect`.

use std::ops::Range;

use smallvec::SmallVec;

/// One thing a detector can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Signal {
    /// `UNION SELECT` that selects something.
    SqlUnion,
    /// A condition glued on to a query that compares constants.
    SqlCondition,
    /// A second statement behind a semicolon.
    SqlStacked,
    /// A string closed and the rest of the query commented away.
    SqlComment,
    /// A function that waits, reads files or leaks through errors.
    SqlFunction,
    /// A query inside a value.
    SqlSubquery,
    /// Tables and variables that describe the database.
    SqlSchema,
    /// `ORDER BY 3`, `HAVING`, `INTO OUTFILE`, `PROCEDURE ANALYSE` behind a value.
    SqlClause,
    /// A string closed, something computed, the string opened again.
    SqlConcat,
    /// A whole query.
    SqlQuery,
    /// A script element.
    HtmlScript,
    /// An event handler on an element.
    HtmlHandler,
    /// An address that is a script.
    HtmlUrl,
    /// An element that loads or runs something.
    HtmlActive,
    /// An attribute or element closed and another opened.
    HtmlBreak,
    /// An attribute closed and an event handler begun.
    HtmlAttribute,
    /// A style that runs script.
    HtmlStyle,
    /// A server-side include.
    HtmlInclude,
    /// A call that shows, sends or evaluates.
    ScriptCall,
    /// The document's cookies and location, read or written by script.
    ScriptAccess,
    /// A function reached by a computed name.
    ScriptOblique,
    /// A script string closed and code begun.
    ScriptBreak,
    /// A separator and a command.
    ShellCommand,
    /// A command within a command.
    ShellSubstitution,
    /// A command line.
    ShellBare,
    /// A command spelled so that it is not seen.
    ShellDisguised,
    /// A command of Windows or PowerShell.
    ShellWindows,
    /// A function definition in a variable.
    ShellShock,
    /// Steps up and out of a folder.
    PathUp,
    /// A file that is nobody's business.
    PathSensitive,
    /// Dots and slashes that only a bypass needs.
    PathOdd,
    /// An address with a scheme that reads files or speaks raw protocols.
    UrlScheme,
    /// An address within.
    UrlInternal,
    /// An address in a parameter that names one, written to mislead.
    UrlRemote,
    /// A program fetched from elsewhere.
    UrlScript,
    /// A template expression that only calculates.
    TemplateMath,
    /// A template expression that reaches into the runtime.
    TemplateObject,
    /// A template expression that calls something.
    TemplateCall,
    /// An LDAP filter closed and another begun.
    LdapFilter,
    /// Steps, axes and functions of `XPath`.
    XpathQuery,
    /// An operator of a document database as a key.
    NosqlOperator,
    /// Script for a document database.
    NosqlScript,
    /// A document type with entities.
    XmlEntity,
    /// The schema asked for.
    GraphqlIntrospection,
    /// Selections nested too deep.
    GraphqlDepth,
    /// The same field asked for many times.
    GraphqlAliases,
}

/// Every signal and its word.
const WORDS: &[(&str, Signal)] = &[
    ("sql union", Signal::SqlUnion),
    ("sql condition", Signal::SqlCondition),
    ("sql statement", Signal::SqlStacked),
    ("sql comment", Signal::SqlComment),
    ("sql function", Signal::SqlFunction),
    ("sql subquery", Signal::SqlSubquery),
    ("sql schema", Signal::SqlSchema),
    ("sql clause", Signal::SqlClause),
    ("sql concatenation", Signal::SqlConcat),
    ("sql query", Signal::SqlQuery),
    ("html script", Signal::HtmlScript),
    ("html handler", Signal::HtmlHandler),
    ("html url", Signal::HtmlUrl),
    ("html element", Signal::HtmlActive),
    ("html break", Signal::HtmlBreak),
    ("html attribute", Signal::HtmlAttribute),
    ("html style", Signal::HtmlStyle),
    ("html include", Signal::HtmlInclude),
    ("script call", Signal::ScriptCall),
    ("script access", Signal::ScriptAccess),
    ("script oblique", Signal::ScriptOblique),
    ("script break", Signal::ScriptBreak),
    ("shell command", Signal::ShellCommand),
    ("shell substitution", Signal::ShellSubstitution),
    ("shell bare", Signal::ShellBare),
    ("shell disguised", Signal::ShellDisguised),
    ("shell windows", Signal::ShellWindows),
    ("shell function", Signal::ShellShock),
    ("path up", Signal::PathUp),
    ("path sensitive", Signal::PathSensitive),
    ("path odd", Signal::PathOdd),
    ("url scheme", Signal::UrlScheme),
    ("url internal", Signal::UrlInternal),
    ("url remote", Signal::UrlRemote),
    ("url script", Signal::UrlScript),
    ("template arithmetic", Signal::TemplateMath),
    ("template object", Signal::TemplateObject),
    ("template call", Signal::TemplateCall),
    ("ldap filter", Signal::LdapFilter),
    ("xpath query", Signal::XpathQuery),
    ("nosql operator", Signal::NosqlOperator),
    ("nosql script", Signal::NosqlScript),
    ("xml entity", Signal::XmlEntity),
    ("graphql introspection", Signal::GraphqlIntrospection),
    ("graphql depth", Signal::GraphqlDepth),
    ("graphql aliases", Signal::GraphqlAliases),
];

impl Signal {
    /// How many there are.
    pub(super) const COUNT: usize = WORDS.len();

    /// The signal of that word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, signal)| *signal)
    }
}

/// A signal, and the bytes it was seen in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) signal: Signal,
    pub(super) range: Range<usize>,
}

/// What detectors saw in one reading.
pub(super) type Hits = SmallVec<[Hit; 8]>;

/// Notes a signal, once per reading.
pub(super) fn note(hits: &mut Hits, signal: Signal, range: Range<usize>) {
    if !hits.iter().any(|hit| hit.signal == signal) {
        hits.push(Hit { signal, range });
    }
}
