//! What there is to say of a caller or an account, in words.
//!
//! Invariant: names a caller, a provider and accounts the provider has; never what was tried.

use portcullis_model::CallerKey;
use portcullis_model::finding::{Conclusion, Evidence, Finding, FindingKind, Severity};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::Account;
use super::trail::{MOST_APART, Trail};

/// Callers, and accounts, told of one by one; the others are told of together.
pub(super) const MOST_NAMED: usize = 100;

/// A trail, and how many attempts of it are new.
#[derive(Clone, Copy)]
pub(super) struct News<'a> {
    pub(super) trail: &'a Trail,
    pub(super) count: u64,
}

/// One caller tries many accounts, keys or tokens.
pub(super) fn caller_finding(site: &SmolStr, caller: &CallerKey, news: News<'_>) -> Finding {
    let trail = news.trail;
    let who = if trail.named { caller.to_smolstr() } else { SmolStr::new_static("many callers") };
    let (kind, title) = if trail.is_spraying() {
        (FindingKind::PasswordSpraying, format!("{who}: a few passwords are tried on many accounts"))
    } else {
        (FindingKind::CredentialStuffing, format!("{who}: many accounts, keys or tokens are tried"))
    };
    let why = "Nobody mistypes that often: this is a list being tried. Stop the caller (`portcullis ban add`, or a limit \
               with `action: { ban: 15m }` on `tag(\"auth:failed\")`), and look among its events for one that got in.";
    let tried = format!("{} different accounts, keys or tokens", steps(trail.others.len()));
    let conclusion = Conclusion {
        kind,
        severity: Severity::High,
        site: site.clone(),
        operation: None,
        subject: who,
        data: Vec::new(),
        title,
        why: why.to_owned(),
        evidence: evidence(trail, tried),
    };
    Finding { first: trail.since, ..Finding::new(conclusion, trail.last, news.count) }
}

/// One account is tried by many callers, or with many passwords.
pub(super) fn account_finding(account: &Account, news: News<'_>) -> Finding {
    let (trail, provider) = (news.trail, &account.provider);
    let (subject, severity) = match &account.known {
        Some(name) if trail.named => (format_smolstr!("account {name} of {provider}"), Severity::High),
        Some(_) => (format_smolstr!("many accounts of {provider}"), Severity::High),
        // What stands where a name should may be a password.
        None => (format_smolstr!("a name {provider} does not know"), Severity::Low),
    };
    let title = format!("{subject}: passwords are tried on it");
    let why = "A password that is wrong this often is being guessed. See that the account's is long and used nowhere else, \
               and limit failures (`when: 'tag(\"auth:failed\")'`); if it is a service with an old password, give it the \
               new one.";
    let tried = format!("{} callers, {} passwords", steps(trail.others.len()), steps(trail.secrets.len()));
    let conclusion = Conclusion {
        kind: FindingKind::AccountGuessing,
        severity,
        site: account.site.clone(),
        operation: None,
        subject,
        data: Vec::new(),
        title,
        why: why.to_owned(),
        evidence: evidence(trail, tried),
    };
    Finding { first: trail.since, ..Finding::new(conclusion, trail.last, news.count) }
}

fn evidence(trail: &Trail, tried: String) -> Vec<Evidence> {
    let piece = |name, text, event| Evidence { name: SmolStr::new_static(name), text, event };
    vec![
        piece("provider", trail.provider.to_string(), None),
        piece("first", "the first that failed".to_owned(), Some(trail.first_event)),
        piece("tried", tried, None),
    ]
}

/// A number in steps, so that evidence is new only where it says more.
fn steps(many: usize) -> SmolStr {
    match [MOST_APART, 40, 20, 10, 3].into_iter().find(|step| many >= *step) {
        Some(step) => format_smolstr!("{step} or more"),
        None => many.to_smolstr(),
    }
}
