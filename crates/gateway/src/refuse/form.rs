//! Which form of a refusal a client would rather have.
//!
//! Quality values are compared as RFC 9110 §12.4.2 and §12.5.1 say: the most specific range that matches a type
//! sets its quality. Bounded: only the first [`RANGES`] ranges are looked at.

/// The most media ranges that are looked at.
const RANGES: usize = 32;

/// The forms a refusal comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `application/problem+json`.
    Problem,
    /// `text/html`.
    Page,
}

/// The form these `Accept` values prefer; a problem document if they have no preference.
pub(super) fn preferred<'a>(accept: impl Iterator<Item = &'a [u8]>) -> Form {
    let mut page = Quality::default();
    let mut problem = Quality::default();
    let mut json = Quality::default();
    let ranges =
        accept.filter_map(|value| std::str::from_utf8(value).ok()).flat_map(|value| value.split(','));
    for range in ranges.take(RANGES) {
        let (range, quality) = split_quality(range);
        page.consider(range, quality, "text/html");
        problem.consider(range, quality, "application/problem+json");
        json.consider(range, quality, "application/json");
    }
    if page.value > problem.value.max(json.value) { Form::Page } else { Form::Problem }
}

/// The quality of one media type: set by the most specific range so far.
#[derive(Clone, Copy, Debug, Default)]
struct Quality {
    /// 1 for `*/*`, 2 for `text/*`, 3 for the type itself.
    specific: u8,
    /// Thousandths.
    value: u16,
}

impl Quality {
    fn consider(&mut self, range: &str, value: u16, media_type: &str) {
        let family = media_type.split('/').next().unwrap_or_default();
        let specific = match range.split_once('/') {
            _ if range.eq_ignore_ascii_case(media_type) => 3,
            Some((kind, "*")) if kind.eq_ignore_ascii_case(family) => 2,
            Some(("*", "*")) => 1,
            _ => return,
        };
        if specific > self.specific || (specific == self.specific && value > self.value) {
            *self = Self { specific, value };
        }
    }
}

/// A media range without its parameters, and its quality in thousandths.
fn split_quality(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, quality.map_or(1000, thousandths))
}

fn thousandths(text: &str) -> u16 {
    let quality: f32 = text.trim().parse().unwrap_or(0.0);
    if quality.is_finite() {
        // Between 0 and 1000 after clamping.
        #[expect(clippy::cast_sign_loss, reason = "clamped to zero and above")]
        let thousandths = (quality.clamp(0.0, 1.0) * 1000.0).round() as u16;
        thousandths
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, form: Form) {
        assert_eq!(preferred(std::iter::once(accept.as_bytes())), form, "{accept:?}");
    }

    #[test]
    fn browsers_get_a_page_and_programs_a_problem() {
        check("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Form::Page);
        check("text/html", Form::Page);
        check("text/*;q=0.5", Form::Page);
        check("application/json", Form::Problem);
        check("*/*", Form::Problem);
        check("", Form::Problem);
        check("text/html;q=0.5, application/problem+json", Form::Problem);
        check("text/html, application/json;q=0.9", Form::Page);
        check("text/html;q=0, */*", Form::Problem);
        check("text/html;q=nan", Form::Problem);
        check("\u{0}\u{1};;;,,,/", Form::Problem);
        assert_eq!(preferred(std::iter::empty()), Form::Problem);
    }
}
