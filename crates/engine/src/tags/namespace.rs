//! The namespaces of automatic tags.
//!
//! Invariant: a namespace's name leads back to it. What their tags say is not known here.

/// What the values of one kind of automatic tag are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Site,
    Route,
    Op,
    Api,
    Method,
    Host,
    Ip,
    Net,
    Country,
    Asn,
    Ja4,
    Client,
    Bot,
    Crawler,
    List,
    Challenge,
    Caller,
    Identity,
    Auth,
    Tls,
    Http,
    Contract,
    Response,
    Status,
    StatusClass,
}

impl Namespace {
    /// Every one, in the order events list them.
    pub(super) const ALL: [Self; 25] = [
        Self::Site,
        Self::Route,
        Self::Op,
        Self::Api,
        Self::Method,
        Self::Host,
        Self::Ip,
        Self::Net,
        Self::Country,
        Self::Asn,
        Self::Ja4,
        Self::Client,
        Self::Bot,
        Self::Crawler,
        Self::List,
        Self::Challenge,
        Self::Caller,
        Self::Identity,
        Self::Auth,
        Self::Tls,
        Self::Http,
        Self::Contract,
        Self::Response,
        Self::Status,
        Self::StatusClass,
    ];

    /// As it stands before the colon.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Route => "route",
            Self::Op => "op",
            Self::Api => "api",
            Self::Method => "method",
            Self::Host => "host",
            Self::Ip => "ip",
            Self::Net => "net",
            Self::Country => "country",
            Self::Asn => "asn",
            Self::Ja4 => "ja4",
            Self::Client => "client",
            Self::Bot => "bot",
            Self::Crawler => "crawler",
            Self::List => "list",
            Self::Challenge => "challenge",
            Self::Caller => "caller",
            Self::Identity => "identity",
            Self::Auth => "auth",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Contract => "contract",
            Self::Response => "response",
            Self::Status => "status",
            Self::StatusClass => "status-class",
        }
    }

    /// The one of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|namespace| namespace.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for namespace in Namespace::ALL {
            assert_eq!(Namespace::named(namespace.as_str()), Some(namespace));
        }
        assert_eq!(Namespace::named("data"), None);
    }
}
