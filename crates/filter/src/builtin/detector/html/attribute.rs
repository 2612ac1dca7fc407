//! Attributes as browsers read them (HTML, §13.2.5): names, quoted and unquoted values, odd separators.

use std::ops::Range;

use crate::builtin::detector::words::{at, is_one_of, part, skip, skip_space, starts_with};

/// One attribute's name and value; the value is empty where none is given.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

const MOST: usize = 40;
const LONGEST: usize = 2000;

/// The attributes from an offset to the end of the element or of the text.
pub(super) fn attributes(text: &[u8], from: usize) -> Vec<Attribute> {
    // A quote that nothing closes must not take every element to the end of the text.
    let text = part(text, 0..text.len().min(from.saturating_add(LONGEST)));
    let mut found = Vec::new();
    let mut index = from;
    while found.len() < MOST && index < text.len() {
        index = skip(text, index, |byte| {
            byte <= b' ' || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'\\' | b'+')
        });
        if index >= text.len() || at(text, index) == b'>' {
            break;
        }
        let name_ends =
            skip(text, index, |byte| byte > b' ' && !matches!(byte, b'/' | b'=' | b'>' | b'"' | b'\''))
                .max(index + 1);
        let equals = skip_space(text, name_ends);
        let value = if at(text, equals) == b'=' {
            value(text, skip_space(text, equals + 1))
        } else {
            name_ends..name_ends
        };
        // An odd quote inside a name only separates.
        let next = value.end.max(name_ends);
        found.push(Attribute { name: index..name_ends, value });
        index = next;
    }
    found
}

fn value(text: &[u8], start: usize) -> Range<usize> {
    let quote = at(text, start);
    if matches!(quote, b'"' | b'\'' | b'`') {
        let end = skip(text, start + 1, |byte| byte != quote);
        return start + 1..end;
    }
    start..skip(text, start, |byte| byte > b' ' && byte != b'>')
}

/// Whether a name is an event handler's within an element: `on` and letters, whatever the event.
pub(super) fn is_handler(name: &[u8]) -> bool {
    name.len() >= 5 && starts_with(name, "on") && name.iter().all(u8::is_ascii_alphanumeric)
}

/// Attributes whose value holds addresses among other text.
pub(super) fn holds_address_list(name: &[u8]) -> bool {
    is_one_of(
        name,
        &["content", "srcset", "values", "from", "to", "srcdoc", "style", "href", "src", "folder"],
    )
}

/// How the names of events begin: enough of each that no other word begins so.
const EVENTS: &[&str] = &[
    "abort",
    "activate",
    "after",
    "animation",
    "auxclick",
    "before",
    "begin",
    "blur",
    "bounce",
    "cancel",
    "canplay",
    "cell",
    "change",
    "click",
    "close",
    "command",
    "contentvisibility",
    "contextmenu",
    "controlselect",
    "copy",
    "cuechange",
    "cut",
    "data",
    "dblclick",
    "deactivate",
    "device",
    "drag",
    "drop",
    "duration",
    "emptied",
    "end",
    "error",
    "fake",
    "filterchange",
    "finish",
    "focus",
    "formdata",
    "fullscreen",
    "gesture",
    "gotpointer",
    "hashchange",
    "help",
    "input",
    "invalid",
    "key",
    "languagechange",
    "layoutcomplete",
    "load",
    "losecapture",
    "lostpointer",
    "message",
    "mouse",
    "move",
    "mutation",
    "offline",
    "online",
    "orientation",
    "page",
    "paste",
    "pause",
    "play",
    "pointer",
    "popstate",
    "popup",
    "progress",
    "propertychange",
    "ratechange",
    "readystate",
    "rejection",
    "repeat",
    "reset",
    "resize",
    "resume",
    "reverse",
    "row",
    "scroll",
    "search",
    "securitypolicy",
    "seek",
    "select",
    "show",
    "slotchange",
    "stalled",
    "start",
    "stop",
    "storage",
    "submit",
    "suspend",
    "syncrestored",
    "time",
    "toggle",
    "touch",
    "transition",
    "unhandled",
    "unload",
    "urlflip",
    "volumechange",
    "waiting",
    "webkit",
    "wheel",
    "xss",
    "zoom",
];

/// Whether a word on its own is the name of an event handler.
pub(super) fn is_known_event(name: &[u8]) -> bool {
    let Some(event) = name.get(2..).filter(|_| starts_with(name, "on")) else { return false };
    event.iter().all(u8::is_ascii_alphabetic) && EVENTS.iter().any(|known| starts_with(event, known))
}
