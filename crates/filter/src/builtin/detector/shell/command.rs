//! Which words are commands, and whether what follows one makes a command line of it rather than a sentence.

use crate::builtin::detector::words::{at, is_one_of, part, skip, skip_space, starts_with};

/// Where a command stands, which says how much it takes to believe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// At the beginning of the value.
    Start,
    /// Behind a separator that follows no word: `;id`, `1 | id`.
    First,
    /// Behind `;`, `&&` or `||`.
    Behind,
    /// Behind `|`, which also separates items of lists.
    Pipe,
    /// Behind `&`, which also means "and".
    Ampersand,
    /// At the beginning of a line.
    Line,
    /// Within `$(…)` or backticks.
    Within,
    /// Within `{…,…}`.
    Brace,
}

/// Commands whose names are no words of English.
const TELLING: &[&str] = &[
    "wget",
    "curl",
    "nc",
    "ncat",
    "netcat",
    "bash",
    "sh",
    "zsh",
    "ksh",
    "csh",
    "tcsh",
    "whoami",
    "uname",
    "ifconfig",
    "ipconfig",
    "netstat",
    "nslookup",
    "traceroute",
    "tracert",
    "chmod",
    "chown",
    "mkdir",
    "rmdir",
    "rm",
    "cp",
    "mv",
    "ls",
    "grep",
    "egrep",
    "awk",
    "gawk",
    "sed",
    "perl",
    "python",
    "python2",
    "python3",
    "ruby",
    "php",
    "node",
    "lua",
    "gcc",
    "telnet",
    "ssh",
    "scp",
    "sftp",
    "ftp",
    "tftp",
    "rsync",
    "xxd",
    "printenv",
    "printf",
    "killall",
    "pwd",
    "passwd",
    "su",
    "crontab",
    "busybox",
    "socat",
    "xargs",
    "ps",
    "lsof",
    "iptables",
    "systemctl",
    "powershell",
    "powershell.exe",
    "pwsh",
    "cmd",
    "cmd.exe",
    "wmic",
    "certutil",
    "bitsadmin",
    "mshta",
    "rundll32",
    "regsvr32",
    "tasklist",
    "taskkill",
    "schtasks",
    "systeminfo",
    "cscript",
    "wscript",
    "findstr",
    "ping.exe",
    "net.exe",
    "net1",
    "dir",
    "phpinfo",
    "base64",
    "tac",
    "nl",
    "od",
    "hexdump",
    "id",
    "ping",
    "hostname",
    "gunzip",
    "nmap",
    "df",
    "du",
    "ss",
    "env",
    "useradd",
    "adduser",
    "dig",
    "fping",
    "mknod",
    "mkfifo",
    "nohup",
    "chsh",
    "whereis",
];

/// Commands that are words as well.
const WORDS: &[&str] = &[
    "cat",
    "echo",
    "sleep",
    "head",
    "tail",
    "more",
    "less",
    "sort",
    "find",
    "which",
    "who",
    "last",
    "mount",
    "ip",
    "route",
    "service",
    "reboot",
    "shutdown",
    "halt",
    "touch",
    "eval",
    "exec",
    "source",
    "export",
    "set",
    "read",
    "true",
    "false",
    "test",
    "date",
    "uptime",
    "type",
    "copy",
    "del",
    "erase",
    "net",
    "reg",
    "sc",
    "ver",
    "vol",
    "start",
    "kill",
    "strings",
    "split",
    "tar",
    "tee",
    "cut",
    "w",
    "system",
    "passthru",
    "shell_exec",
    "history",
    "locate",
    "file",
    "gzip",
    "finger",
    "logname",
    "users",
    "groups",
    "at",
    "expect",
    "make",
    "man",
    "arp",
];

/// Whether a command line begins at an index; its end if so.
pub(super) fn plausible(text: &[u8], start: usize, position: Position) -> Option<usize> {
    let path_ends = skip(text, start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-' | b'~')
    });
    let path = part(text, start..path_ends);
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    if !may_be_command(name) {
        return None;
    }
    let (telling, word) = (is_one_of(name, TELLING), is_one_of(name, WORDS));
    if !telling && !word {
        return None;
    }
    let absolute = ["/bin/", "/usr/", "/sbin/", "usr/bin/", "bin/", "/etc/", "./", "/tmp/", "/dev/"]
        .iter()
        .any(|folder| starts_with(path, folder))
        && path.len() > name.len();
    let follows = follows(text, path_ends);
    let believed = match position {
        Position::Start => absolute && starts_with(path, "/") || starts(name, follows),
        Position::First | Position::Behind => absolute || believed_behind(telling, follows, position),
        Position::Pipe => {
            absolute
                || follows == Follows::Argument
                || telling && follows == Follows::Hint
                || telling
                    && follows == Follows::Separator
                    && (at(text, path_ends) != b'|' || path_ends + 1 >= text.len())
        }
        Position::Ampersand | Position::Line => {
            (absolute || telling) && matches!(follows, Follows::Argument) && name.len() > 1
        }
        Position::Within => absolute || !matches!(follows, Follows::Prose),
        Position::Brace => at(text, path_ends) == b',',
    };
    believed.then(|| path_ends.min(text.len()))
}

/// What the names of all commands have in common; most values end here.
fn may_be_command(name: &[u8]) -> bool {
    const LONGEST: usize = 14;
    name.len() <= LONGEST && name.first().is_some_and(u8::is_ascii_alphabetic) && !name.contains(&b'-')
}

fn believed_behind(telling: bool, follows: Follows, position: Position) -> bool {
    match follows {
        Follows::Argument => true,
        Follows::Hint => telling,
        Follows::End | Follows::Separator => telling || position == Position::First,
        Follows::Prose => false,
    }
}

/// Whether a command at the very beginning of a value is one: only a few, and only with what they are run with.
fn starts(name: &[u8], follows: Follows) -> bool {
    let address = follows == Follows::Hint && is_one_of(name, &["nslookup", "ping.exe", "ncat"]);
    address
        || follows == Follows::Argument
            && is_one_of(
                name,
                &[
                    "cat",
                    "ping",
                    "ping.exe",
                    "dir",
                    "ls",
                    "nc",
                    "ncat",
                    "netcat",
                    "nslookup",
                    "cmd",
                    "cmd.exe",
                    "powershell",
                    "rm",
                    "chmod",
                    "whoami",
                    "netstat",
                    "wget",
                    "type",
                    "net",
                    "uname",
                ],
            )
        || matches!(follows, Follows::End | Follows::Separator)
            && is_one_of(name, &["cmd.exe", "whoami", "ipconfig", "ifconfig"])
}

/// What stands behind a command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// Nothing.
    End,
    /// Another separator, or the end of a substitution.
    Separator,
    /// A flag, a path, a number, an address, a variable, a redirection.
    Argument,
    /// A number, a name with a dot, or a word with a slash in it.
    Hint,
    /// Words.
    Prose,
}

fn follows(text: &[u8], end: usize) -> Follows {
    let mut next = skip(text, end, |byte| matches!(byte, b' ' | b'\t' | b'+' | b'"' | b'\'' | b'\0'));
    if next >= text.len() {
        return Follows::End;
    }
    let spaced = next > end;
    match at(text, next) {
        b';' | b'|' | b'&' | b'`' | b')' | b'\n' | b'\r' | b'#' | b'}' => return Follows::Separator,
        b'<' | b'>' | b'$' | b'%' | b'*' | b'?' | b'{' | b'\\' | b'~' => return Follows::Argument,
        b'/' if !spaced => return Follows::Argument,
        b'-' | b'/' if spaced => {
            let flag = at(text, next + 1);
            return if flag.is_ascii_alphanumeric() || matches!(flag, b'-' | b'?' | b'*' | b'/') {
                Follows::Argument
            } else {
                Follows::Prose
            };
        }
        _ if !spaced => return Follows::Prose,
        _ => {}
    }
    // The first argument: a path, an address, a number, or the name of another command; else words of a sentence.
    let word_ends = skip(text, next, |byte| byte > b' ' && !matches!(byte, b';' | b'|' | b'&'));
    let word = part(text, next..word_ends);
    next = skip_space(text, word_ends);
    let pathlike =
        word.iter().any(|byte| matches!(byte, b'/' | b'\\' | b'*' | b'$' | b'=')) || word.ends_with(b":");
    let numeric = word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let last =
        matches!(at(text, next), 0 | b';' | b'|' | b'&' | b'`' | b')' | b'<' | b'>') || next >= text.len();
    let dotted = word.contains(&b'.') && !word.ends_with(b".") && last;
    let path = matches!(word.first(), Some(b'/' | b'~' | b'*' | b'$'))
        || word.starts_with(b"./")
        || word.starts_with(b"../")
        || word.windows(2).any(|pair| matches!(pair, b":/" | b":\\"))
        || word.len() <= 3 && word.ends_with(b":");
    if path {
        return Follows::Argument;
    }
    if pathlike || numeric || dotted {
        return Follows::Hint;
    }
    Follows::Prose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_may_be_one() {
        assert!(TELLING.iter().chain(WORDS).all(|name| may_be_command(name.as_bytes())));
    }
}
