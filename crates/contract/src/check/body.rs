//! Bodies held against what is declared of them: that one is there, its media type, its schema.

use portcullis_wire::Defect;
use portcullis_wire::body::{Body, Format};
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use super::fields::push_name;
use super::instance::{self, Coercion};
use super::schema::Schema;
use super::{Fault, MOST_FAULTS, Sent};

/// What is declared of a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyRules {
    pub(crate) required: bool,
    pub(crate) content: Vec<Content>,
}

/// What is declared of one media type, or a range of them.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// Lower case, without parameters; `*/*` and `image/*` are ranges.
    pub(crate) range: SmolStr,
    pub(crate) schema: Option<Schema>,
    pub(crate) coercion: Coercion,
}

impl Content {
    /// How closely it is meant: 3 the type itself, 2 its family, 1 anything, none not at all.
    fn fits(&self, media_type: &str) -> Option<u8> {
        let family = self.range.strip_suffix('*');
        match family {
            None if self.range == media_type => Some(3),
            Some("*/") => Some(1),
            Some(family) if family.ends_with('/') && media_type.starts_with(family) => Some(2),
            _ => None,
        }
    }
}

impl BodyRules {
    pub(super) fn check(&self, sent: Sent<'_>, faults: &mut Vec<Fault>) {
        let media_type = match sent {
            Sent::Nothing if self.required => {
                return faults.push(Fault::new("body", "required", "must be there"));
            }
            Sent::Nothing | Sent::Skipped => return,
            Sent::Whole(_, media_type) | Sent::Unread(media_type) => media_type,
        };
        if self.content.is_empty() {
            return;
        }
        let Some(content) = self.content(media_type) else {
            let declared: Vec<&str> = self.content.iter().take(5).map(|one| one.range.as_str()).collect();
            let must = format!("must be sent as {}", declared.join(" or "));
            return faults.push(Fault::new("body", "content", must));
        };
        if let Sent::Whole(body, _) = sent {
            content.check(body, media_type, faults);
        }
    }

    /// What is declared of a media type.
    pub(super) fn content(&self, media_type: &str) -> Option<&Content> {
        let fitting = self.content.iter().filter_map(|content| Some((content.fits(media_type)?, content)));
        fitting.max_by_key(|(closeness, _)| *closeness).map(|(_, content)| content)
    }

    /// Whether a body with this `Content-Type` is held against a schema: one is declared, and the body can be read. One
    /// that does not say its type may be.
    pub(super) fn is_read(&self, content_type: Option<&[u8]>) -> bool {
        match content_type.and_then(MediaType::parse_beginning) {
            Some(media_type) => {
                has_values(&media_type)
                    && self.content(media_type.essence()).is_some_and(|content| content.schema.is_some())
            }
            None => self.content.iter().any(|content| content.schema.is_some()),
        }
    }

    /// The fields of a body that its schema does not declare.
    pub(super) fn undeclared(&self, sent: Sent<'_>, faults: &mut Vec<Fault>) {
        let Sent::Whole(body, media_type) = sent else { return };
        let Some(schema) = self.content(media_type).and_then(|content| content.schema.as_ref()) else {
            return;
        };
        let has_fields = matches!(body.format, Format::Json | Format::Form | Format::Multipart);
        let Some(root) = body.tree.root().filter(|_| has_fields) else { return };
        schema.declared().walk(root, &mut "body".to_owned(), &mut |place, _, undeclared| {
            for field in undeclared.iter().take(MOST_FAULTS.saturating_sub(faults.len())) {
                let mut place = place.to_owned();
                push_name(&mut place, field.name().unwrap_or_default());
                faults.push(Fault::undeclared(place));
            }
        });
    }
}

/// Whether bodies of this type become values; all others are bytes to a contract.
fn has_values(media_type: &MediaType) -> bool {
    media_type.is_json()
        || media_type.is_form()
        || media_type.is_multipart()
        || is_plain(media_type.essence())
}

/// Text without a syntax that is read.
fn is_plain(media_type: &str) -> bool {
    media_type.starts_with("text/") && media_type != "text/xml"
}

impl Content {
    pub(super) fn check(&self, body: &Body, media_type: &str, faults: &mut Vec<Fault>) {
        let Some(schema) = &self.schema else { return };
        let broken = body.defects.contains(&Defect::BodySyntax) || body.tree.root().is_none();
        let value = match (body.tree.root(), body.format) {
            (_, Format::Json | Format::Form | Format::Multipart) | (None, _) if broken => {
                return faults.push(Fault::new(
                    "body",
                    "content",
                    format!("must be {media_type} that can be read"),
                ));
            }
            (Some(root), Format::Json) => instance::json(root),
            (Some(root), Format::Form | Format::Multipart) => instance::form(root, &self.coercion),
            (Some(root), Format::Text) if is_plain(media_type) => {
                self.coercion.scalar(root.as_str().unwrap_or_default())
            }
            _ => return,
        };
        schema.check(&value, "body", faults);
    }
}
