//! Properties: what writers write is what is read, cut anywhere it never panics, and no text hides from its tree.

use proptest::prelude::*;

use super::*;
use crate::urlencoded::{decode, pairs};

fn read(bytes: &[u8], media_type: &str) -> Body {
    parse(
        &Bytes::copy_from_slice(bytes),
        MediaType::parse(media_type.as_bytes()).as_ref(),
        &Budget::default(),
    )
}

/// An element with its attributes and children.
#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Element(String, Vec<(String, String)>, Vec<Node>),
}

impl Node {
    fn write(&self, out: &mut String) {
        let escape = |text: &str| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&#x3E;").replace('"', "&quot;")
        };
        match self {
            Self::Text(text) => out.push_str(&escape(text)),
            Self::Element(name, attributes, children) => {
                out.extend(["<", name.as_str()]);
                for (name, value) in attributes {
                    out.extend([" ", name.as_str(), "=\"", escape(value).as_str(), "\""]);
                }
                out.push('>');
                for child in children {
                    child.write(out);
                }
                out.extend(["</", name.as_str(), ">"]);
            }
        }
    }

    /// Texts and attribute values, in order.
    fn values(&self, out: &mut Vec<String>) {
        match self {
            Self::Text(text) => out.push(text.clone()),
            Self::Element(_, attributes, children) => {
                out.extend(attributes.iter().map(|(_, value)| value.clone()));
                for child in children {
                    child.values(out);
                }
            }
        }
    }
}

fn elements() -> impl Strategy<Value = Node> {
    let text = "[ -~\u{e9}\u{1f600}]{0,6}x".prop_map(Node::Text);
    let wrap = |inner: BoxedStrategy<Node>| {
        let attributes = prop::collection::vec(("[a-z:_]{1,4}", "[ -~]{0,6}"), 0..3);
        // Two texts beside each other would be one.
        (
            "[a-zA-Z_][a-z0-9:.-]{0,4}",
            attributes,
            prop::option::of(inner.clone()),
            prop::collection::vec(inner, 0..3),
        )
            .prop_map(|(name, attributes, first, rest)| {
                let rest = rest.into_iter().filter(|node| matches!(node, Node::Element(..)));
                Node::Element(name, attributes, first.into_iter().chain(rest).collect())
            })
    };
    let inner = text.prop_recursive(4, 24, 4, move |inner| wrap(inner.boxed()));
    wrap(inner.boxed())
}

proptest! {
    #[test]
    fn written_xml_is_read_again(root in elements(), cut in any::<prop::sample::Index>()) {
        let (mut text, mut expected) = (String::new(), Vec::new());
        root.write(&mut text);
        root.values(&mut expected);
        let body = read(text.as_bytes(), "text/xml");
        let mut found = Vec::new();
        body.tree.for_each_leaf(|_, value| found.push(value.as_str().unwrap().to_owned()));
        prop_assert_eq!(found, expected, "{}", &text);
        prop_assert!(body.defects.is_empty(), "{:?} {}", body.defects, &text);
        let part = read(&text.as_bytes()[..cut.index(text.len())], "text/xml");
        prop_assert!(part.tree.len() <= body.tree.len() + 1);
    }

    #[test]
    fn forms_are_split_and_decoded_once(text in "[a-c%+&=0-9\u{e9}]{0,40}") {
        let body = read(text.as_bytes(), "application/x-www-form-urlencoded");
        let expected: Vec<_> =
            pairs(text.as_bytes(), b'&').map(|pair| (decode(pair.name), decode(pair.value))).collect();
        let root = body.tree.root();
        let found: Vec<_> = root
            .iter()
            .flat_map(Value::children)
            .map(|value| (value.name_bytes().into(), value.bytes().into()))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn written_parts_are_read_again(
        parts in prop::collection::vec(("[a-z \\\\\"]{1,5}", prop::collection::vec(any::<u8>(), 0..20)), 1..5),
        ending in prop::sample::select(vec!["\r\n", "\n"]),
    ) {
        let mut text = Vec::new();
        for (name, content) in &parts {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            let head = format!("--=B{ending}Content-Disposition: form-data; name=\"{name}\"{ending}{ending}");
            text.extend_from_slice(head.as_bytes());
            text.extend_from_slice(content);
            text.extend_from_slice(ending.as_bytes());
        }
        text.extend_from_slice(b"--=B--");
        let body = read(&text, "multipart/form-data; boundary==B");
        let root = body.tree.root().unwrap();
        let found: Vec<_> = root.children().map(|part| (part.name_bytes(), part.bytes())).collect();
        let trimmed = |content: &[u8]| {
            // A carriage return before a bare line feed is taken for its line end.
            let cut = ending == "\n" && content.ends_with(b"\r");
            content[..content.len() - usize::from(cut)].to_vec()
        };
        let expected: Vec<_> =
            parts.iter().map(|(name, content)| (name.as_bytes().to_vec(), trimmed(content))).collect();
        let found: Vec<_> = found.into_iter().map(|(name, content)| (name.to_vec(), content.to_vec())).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(body.multipart.unwrap().has(Flaw::LfLine), ending == "\n");
    }
}
