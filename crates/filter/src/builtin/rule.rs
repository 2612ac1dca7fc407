//! A rule of the pack as people see it: id, class, level, description, fix.

use std::fmt;

use smol_str::SmolStr;

/// What an attack aims at; the tag of a finding is `filter:` and this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// SQL injection.
    Sqli,
    /// Operators and scripts for document databases.
    Nosql,
    /// LDAP filter injection.
    Ldap,
    /// `XPath` injection.
    Xpath,
    /// Script in pages.
    Xss,
    /// Commands of an operating system's shell.
    Command,
    /// Source code of PHP, Node, Python, Ruby, Java or .NET, and web shells' ways of calling it.
    Code,
    /// Serialised objects that run code when they are read.
    Deserialisation,
    /// Expressions of template engines, server-side includes, OGNL and `SpEL`.
    Template,
    /// Path traversal and files that are nobody's business.
    Traversal,
    /// Addresses a server should not be sent to, remote inclusion, open redirects.
    Ssrf,
    /// XML with external entities or bombs.
    Xxe,
    /// JNDI lookups, as in `Log4Shell`.
    Jndi,
    /// Line breaks that start a header, a mail command or a log line.
    Header,
    /// GraphQL introspection, depth, aliases and batches.
    Graphql,
    /// Prototype pollution and mass assignment.
    Pollution,
    /// Uploads that would run, and known web shells.
    Upload,
    /// Scanners and bots that lie about themselves.
    Scanner,
    /// Requests that no honest client writes.
    Protocol,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::Sqli,
        Self::Nosql,
        Self::Ldap,
        Self::Xpath,
        Self::Xss,
        Self::Command,
        Self::Code,
        Self::Deserialisation,
        Self::Template,
        Self::Traversal,
        Self::Ssrf,
        Self::Xxe,
        Self::Jndi,
        Self::Header,
        Self::Graphql,
        Self::Pollution,
        Self::Upload,
        Self::Scanner,
        Self::Protocol,
    ];

    /// Its word in policies, tags and reasons.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqli => "sqli",
            Self::Nosql => "nosql",
            Self::Ldap => "ldap",
            Self::Xpath => "xpath",
            Self::Xss => "xss",
            Self::Command => "command",
            Self::Code => "code",
            Self::Deserialisation => "deserialisation",
            Self::Template => "template",
            Self::Traversal => "traversal",
            Self::Ssrf => "ssrf",
            Self::Xxe => "xxe",
            Self::Jndi => "jndi",
            Self::Header => "header",
            Self::Graphql => "graphql",
            Self::Pollution => "pollution",
            Self::Upload => "upload",
            Self::Scanner => "scanner",
            Self::Protocol => "protocol",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How strict: 1 practically never hits honest traffic, 2 is the default, 3 and 4 want exclusions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// Practically no false positives.
    pub const ONE: Self = Self(1);
    /// The default.
    pub const TWO: Self = Self(2);
    /// Strict.
    pub const THREE: Self = Self(3);
    /// Everything there is.
    pub const FOUR: Self = Self(4);

    /// The level of that number, 1 to 4.
    pub fn new(level: i64) -> Option<Self> {
        u8::try_from(level).ok().filter(|level| (1..=4).contains(level)).map(Self)
    }

    /// Its number, 1 to 4.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::TWO
    }
}

/// A rule of the pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinRule {
    /// Its name in reasons and exclusions, `sqli-union`.
    pub id: SmolStr,
    /// What it is about.
    pub class: Class,
    /// The lowest level at which it is asked.
    pub level: Level,
    /// What it sees, in plain words.
    pub description: SmolStr,
    /// What to change in the application, or in the exclusions, when it sees something.
    pub fix: SmolStr,
    /// What a finding adds to an exchange's score: 5 for an attack beyond doubt, 3 for a strong sign, 2 for a hint.
    pub score: u32,
}
