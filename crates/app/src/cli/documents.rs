//! Every command the documents name is one of this program, with options it has.
//!
//! In fences and between backticks; what stands behind `#`, `|`, `>`, `;` and `&` is not looked at. What commands *do*
//! is tried where guides are followed, in this package's tests of the binary.

use clap::{Command, CommandFactory};

use super::Cli;

/// The commands that begin with `program` in a text.
fn commands(text: &str, program: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let parts: Vec<&str> = if fenced {
            vec![line.trim_start().trim_start_matches("$ ")]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        let own = parts.into_iter().filter(|part| part.starts_with(program));
        found.extend(own.map(|part| part.strip_prefix(program).unwrap_or_default().to_owned()));
    }
    found
}

/// What is wrong with the words of a command.
fn wrong(command: &Command, words: &str) -> Option<String> {
    let mut at = command;
    let mut value_next = false;
    for word in words.split_whitespace() {
        if std::mem::take(&mut value_next) {
            continue;
        }
        if matches!(word, "#" | "|" | "||" | "&&" | "&" | ";" | ">" | "<") || word.starts_with('>') {
            break;
        }
        let bare = word.trim_matches(|c| "[](),.;".contains(c));
        if let Some(name) = bare.strip_prefix("--") {
            let (name, value) =
                name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            let known = at.get_arguments().find(|arg| arg.get_long() == Some(name));
            value_next = value.is_none() && known.is_some_and(|arg| arg.get_action().takes_values());
            if !(name.is_empty() || known.is_some() || ["help", "version"].contains(&name)) {
                return Some(format!("`{}` has no option `--{name}`", at.get_name()));
            }
        } else if at.has_subcommands() && !bare.starts_with('-') {
            let made_up =
                |name: &str| name.is_empty() || name.contains('…') || name.chars().any(char::is_uppercase);
            let unknown = bare.split('|').find(|name| !made_up(name) && at.find_subcommand(name).is_none());
            if let Some(name) = unknown {
                return Some(format!("`{}` has no command `{name}`", at.get_name()));
            }
            let Some(next) = at.find_subcommand(bare) else { break };
            at = next;
        }
    }
    None
}

#[test]
fn every_command_in_the_documents_is_one() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("SECURITY.md"), root.join("CHANGELOG.md")];
    let docs = std::fs::read_dir(root.join("docs")).expect("there are documents");
    pages.extend(
        docs.map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension() == Some("md".as_ref())),
    );
    let mut command = Cli::command();
    command.build();
    let (mut mistakes, mut looked_at) = (Vec::new(), 0);
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("readable");
        for words in commands(&text, "portcullis ") {
            looked_at += 1;
            let mistake = wrong(&command, &words);
            mistakes.extend(mistake.map(|why| format!("{}: `portcullis {words}`: {why}", page.display())));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(looked_at > 100, "only {looked_at} commands found");
}

#[test]
fn commands_that_are_none_are_found() {
    let mut command = Cli::command();
    command.build();
    let text = "say `portcullis chek`:\n```sh\n$ portcullis top --onse # once\nportcullis check --json | jq .x\n```\n";
    let wrongs: Vec<_> =
        commands(text, "portcullis ").iter().map(|words| wrong(&command, words).is_some()).collect();
    assert_eq!(wrongs, [true, true, false]);
}
