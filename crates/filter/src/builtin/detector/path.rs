//! Paths that leave their folder or name a file that is nobody's business.
//!
//! Separators of both kinds, in the value as a whole and wherever a path begins within it.

use std::ops::Range;

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, find, is_word, part, skip};
use crate::builtin::marks::Marks;
use crate::builtin::scope::Kind;
use crate::builtin::signal::{Hits, Signal, note};

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    if view.marks.has(Marks::DOT) {
        climbing(text, hits);
        odd(text, hits);
    }
    if view.marks.has(Marks::SLASH) && !view.marks.any(Marks::SPACE) {
        // A comment or an address begins with a few slashes, nothing begins with many.
        let slashes = skip(text, 0, |byte| byte == b'/');
        if slashes >= 5 && slashes < text.len() {
            note(hits, Signal::PathOdd, 0..slashes);
        }
    }
    if view.marks.has(Marks::SLASH.or(Marks::DIGIT)) {
        spelled(text, hits);
    }
    if view.marks.any(Marks::SLASH.or(Marks::BACKSLASH))
        || view.site.kind == Kind::Path
        || view.marks.has(Marks::DOT)
    {
        sensitive(view, hits);
    }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | 0xff)
}

/// Steps up: how many stand in a row, and whether they leave the folder.
fn climbing(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    let space = memchr::memchr(b' ', text).unwrap_or(text.len());
    while let Some(found) = memchr::memmem::find(part(text, index..text.len()), b"..") {
        let start = index + found;
        let dots = skip(text, start, |byte| byte == b'.') - start;
        // Of a long row only the end can be a step; counting it again from every dot would be quadratic.
        if dots > MOST_DOTS {
            index = start + (dots - MOST_DOTS).next_multiple_of(2);
            continue;
        }
        let (steps, end) = steps(text, start);
        index = end.max(start + 2);
        if steps == 0 {
            continue;
        }
        let before = start.checked_sub(1).map_or(0, |before| at(text, before));
        let down = folders_before(text, start);
        let quoted = matches!(before, b'"' | b'\'' | b'`' | b'(');
        let leaves = steps > down;
        let embedded = space < start;
        // One step up is how relative links are written, and a few are how programs name their own files.
        let enough = if quoted && embedded {
            5
        } else if embedded {
            3
        } else {
            2
        };
        let lone = steps == 1 && !embedded && leaves && target(text, end);
        if leaves && steps >= enough || lone {
            note(hits, Signal::PathUp, start..end);
        }
    }
}

/// The most dots that some server takes for a step up.
const MOST_DOTS: usize = 4;

/// How many steps up stand at an index, however often their slashes are doubled, and where they end.
fn steps(text: &[u8], start: usize) -> (usize, usize) {
    let (mut count, mut index) = (0, start);
    loop {
        let dots = skip(text, index, |byte| byte == b'.') - index;
        let mut behind = index + dots;
        // `..;/` is a step for some servers.
        if at(text, behind) == b';' && is_separator(at(text, behind + 1)) {
            behind += 1;
        }
        if !(1..=MOST_DOTS).contains(&dots) || !is_separator(at(text, behind)) {
            return (count, index);
        }
        count += usize::from(dots >= 2);
        index = skip(text, behind, is_separator);
    }
}

/// How many folders the path went down before it went up, as far back as paths reach.
fn folders_before(text: &[u8], start: usize) -> usize {
    const LONGEST: usize = 256;
    let text = part(text, start.saturating_sub(LONGEST)..start);
    let (before, start) = (text, text.len());
    let begins = before
        .iter()
        .rev()
        .take_while(|byte| {
            **byte > b' ' && !matches!(byte, b'=' | b'"' | b'\'' | b'(' | b',' | b';' | b'?' | b'&' | b':')
        })
        .count();
    let path = part(before, start - begins..start);
    path.split(|byte| is_separator(*byte))
        .filter(|folder| !folder.is_empty() && *folder != b"." && *folder != b"..")
        .count()
}

/// Whether what one step up leads to is a file of the system or of the application's configuration.
fn target(text: &[u8], from: usize) -> bool {
    let rest = part(text, from..text.len());
    ["etc", "proc", "windows", "winnt", "boot.ini", "web-inf", "config", "{file}", ".", "passwd"]
        .iter()
        .any(|name| super::words::starts_with(rest, name))
}

/// Dots and slashes that no path needs: `/..../`, `.//././`, `0x2e0x2e`, a row of dots before a name.
fn odd(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    let mut singles = 0;
    let alone = !text.contains(&b' ');
    while let Some(found) = memchr::memchr(b'.', part(text, index..text.len())) {
        let start = index + found;
        let end = skip(text, start, |byte| byte == b'.');
        let dots = end - start;
        let before = start.checked_sub(1).map_or(b'/', |before| at(text, before));
        let (separated, followed) = (is_separator(before), is_separator(at(text, end)));
        singles += usize::from(dots == 1 && separated && followed);
        let row = dots >= 6
            && alone
            && start <= 1
            && (end == text.len() || is_word(at(text, end)) || followed || at(text, end) == b'{');
        let many = (3..=5).contains(&dots) && separated && followed && start > 0;
        if row || many && alone || singles >= 4 {
            return note(hits, Signal::PathOdd, start..end);
        }
        index = end;
    }
}

/// Dots written as numbers, as one server once read them.
fn spelled(text: &[u8], hits: &mut Hits) {
    for sign in ["0x2e0x2e", "..0x2f", "..0x5c"] {
        if let Some(start) = find(text, sign) {
            return note(hits, Signal::PathOdd, start..start + sign.len());
        }
    }
}

/// The most names of files tried in one value.
const MOST_NAMED: usize = 64;

/// Files of systems, servers and applications that no client asks for: each the end of a path, or followed by its end.
pub(super) const FILES: &[&str] = &[
    "etc/passwd",
    "etc/shadow",
    "etc/hosts",
    "etc/group",
    "etc/issue",
    "etc/sudoers",
    "etc/crontab",
    "etc/ssh/",
    "etc/mysql/",
    "etc/apache2/",
    "etc/httpd/",
    "etc/nginx/",
    "etc/php",
    "etc/motd",
    "etc/fstab",
    "etc/resolv.conf",
    "etc/environment",
    "etc/profile",
    "etc/my.cnf",
    "etc/master.passwd",
    "etc/security/",
    "proc/self/",
    "proc/version",
    "proc/cpuinfo",
    "proc/net/",
    "var/log/",
    "var/www/",
    "root/.",
    "var/run/secrets",
    "var/mail/",
    "usr/local/apache",
    "boot.ini",
    "win.ini",
    "system.ini",
    "php.ini",
    "desktop.ini",
    "windows/system32",
    "windows/repair",
    "winnt/system32",
    "winnt/repair",
    "system32/drivers",
    "system32/config",
    "inetpub/wwwroot",
    "inetpub/logs",
    "windows/win",
    "windows/php",
    "winnt/win",
    "winnt/php",
    "autoexec.bat",
    "ntuser.dat",
    "web-inf",
    "meta-inf",
    "web.config",
    "global.asa",
    "machine.config",
    "wp-config",
    "configuration.php",
    "localsettings.php",
    "config.inc.php",
    "settings.php",
    "database.yml",
    "secrets.yml",
    "application.properties",
    ".htaccess",
    ".htpasswd",
    ".git/",
    ".gitconfig",
    ".svn/",
    ".hg/",
    ".bzr/",
    ".cvs/",
    ".env",
    ".aws/credentials",
    ".ssh/",
    "id_rsa",
    "id_dsa",
    "id_ed25519",
    "authorized_keys",
    "known_hosts",
    ".bash_history",
    ".mysql_history",
    ".psql_history",
    ".bashrc",
    ".bash_profile",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".my.cnf",
    ".docker/config",
    ".kube/config",
    ".ds_store",
    "access_log",
    "error_log",
    "access.log",
    "error.log",
    "httpd.conf",
    "nginx.conf",
    "apache2.conf",
    "my.cnf",
    "tomcat-users.xml",
    "server.xml",
    "etcpasswd",
    "web-infweb.xml",
];

fn sensitive(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    // Both kinds of separators, runs of them as one, and no single dots between.
    let mut path = Vec::with_capacity(text.len());
    let mut starts = false;
    for byte in text {
        let byte = if is_separator(*byte) { b'/' } else { byte.to_ascii_lowercase() };
        if !(byte == b'/' && path.last() == Some(&b'/')) {
            path.push(byte);
        }
        starts |= byte == b'/';
        if path.ends_with(b"/./") {
            path.truncate(path.len() - 2);
        }
    }
    for found in view.tools.files.find_overlapping_iter(&path).take(MOST_NAMED) {
        let range = found.range();
        let file = FILES.get(found.pattern().as_usize()).copied().unwrap_or_default();
        if is_asked_for(&path, file, &range, starts) {
            return note(hits, Signal::PathSensitive, range.start..range.end.min(text.len()));
        }
    }
}

/// Whether a file is named as a path's end or folder rather than within another word.
fn is_asked_for(path: &[u8], file: &str, range: &Range<usize>, has_separator: bool) -> bool {
    let needs_start = !file.starts_with('.') || file == ".env";
    let begun = match range.start.checked_sub(1).map(|before| at(path, before)) {
        None | Some(b'/') => true,
        Some(b'.') => file.contains("passwd") || file.contains("web-inf"),
        Some(byte) => {
            !needs_start && !is_word(byte)
                || matches!(byte, b'=' | b':' | b'}' | b')' | 0x80..) && has_separator
        }
    };
    let ended = file.ends_with('/') || !is_word(at(path, range.end)) && at(path, range.end) != b'-';
    // A bare name is a name: only with a folder, or as the whole value, it is asked for.
    let whole = range.start == 0 && range.end == path.len();
    begun && ended && (has_separator || file.contains('/') || whole || at(path, 0) == b'.')
}
