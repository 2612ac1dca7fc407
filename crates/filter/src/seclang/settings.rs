//! Directives that set one thing of the configuration.

use portcullis_document::Problem;
use smol_str::SmolStr;

use super::action::Switch;
use super::configuration::{Configuration, LimitAction};
use super::control::{choice, engine_mode, number, switch, xml_arguments};
use super::directive::Written;
use super::line::Span;

/// What a directive does to the configuration.
pub(super) type Apply = fn(&mut Configuration, &Written<'_>) -> Result<(), Problem>;

type Done = Result<(), Problem>;

pub(super) fn engine(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.engine = engine_mode(one(written, "On")?)?;
    Ok(())
}

pub(super) fn request_body_access(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.request_body_access = switch(one(written, "On")?)? == Switch::On;
    Ok(())
}

pub(super) fn response_body_access(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.response_body_access = switch(one(written, "On")?)? == Switch::On;
    Ok(())
}

pub(super) fn request_body_limit(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.request_body_limit = number(one(written, "13107200")?)?;
    Ok(())
}

pub(super) fn request_body_no_files_limit(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.request_body_no_files_limit = number(one(written, "131072")?)?;
    Ok(())
}

pub(super) fn response_body_limit(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.response_body_limit = number(one(written, "524288")?)?;
    Ok(())
}

pub(super) fn request_body_limit_action(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.request_body_limit_action = limit_action(written)?;
    Ok(())
}

pub(super) fn response_body_limit_action(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.response_body_limit_action = limit_action(written)?;
    Ok(())
}

pub(super) fn json_depth_limit(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.json_depth_limit = count(written, "512")?;
    Ok(())
}

pub(super) fn arguments_limit(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.arguments_limit = count(written, "1000")?;
    Ok(())
}

pub(super) fn upload_file_limit(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.upload_file_limit = count(written, "100")?;
    Ok(())
}

pub(super) fn collection_timeout(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.collection_timeout = count(written, "3600")?;
    Ok(())
}

pub(super) fn argument_separator(config: &mut Configuration, written: &Written<'_>) -> Done {
    let value = one(written, "&")?;
    match value.raw().as_bytes() {
        [separator] => config.argument_separator = *separator,
        _ => return Err(value.error("seclang.value", "a separator is one ASCII character")),
    }
    Ok(())
}

pub(super) fn response_mime_types(config: &mut Configuration, written: &Written<'_>) -> Done {
    if written.words.is_empty() {
        written.exactly::<1>("text/html application/json")?;
    }
    for word in written.words {
        for name in word.span.raw().split_whitespace() {
            let name = name.to_ascii_lowercase();
            let kind = (name != "(null)").then(|| SmolStr::from(name));
            if !config.response_mime_types.contains(&kind) {
                config.response_mime_types.push(kind);
            }
        }
    }
    Ok(())
}

pub(super) fn response_mime_types_clear(config: &mut Configuration, written: &Written<'_>) -> Done {
    let [] = written.exactly("")?;
    config.response_mime_types.clear();
    Ok(())
}

pub(super) fn xml_into_args(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.xml_into_args = xml_arguments(one(written, "On")?)?;
    Ok(())
}

pub(super) fn web_app_id(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.web_app_id = one(written, "shop")?.raw().into();
    Ok(())
}

pub(super) fn component(config: &mut Configuration, written: &Written<'_>) -> Done {
    config.components.push(one(written, "\"mine/1.0\"")?.raw().into());
    Ok(())
}

/// 0 is what everybody means; version 1 cookies are refused.
pub(super) fn cookie_format(_: &mut Configuration, written: &Written<'_>) -> Done {
    choice(one(written, "0")?, &[("0", ())])
}

/// Off is what happens; on is refused.
pub(super) fn hash_engine(_: &mut Configuration, written: &Written<'_>) -> Done {
    choice(one(written, "Off")?, &[("Off", ())])
}

/// Off is what happens; on is refused, for it reads files.
pub(super) fn external_entity(_: &mut Configuration, written: &Written<'_>) -> Done {
    choice(one(written, "Off")?, &[("Off", ())])
}

fn one<'a>(written: &Written<'a>, usage: &str) -> Result<Span<'a>, Problem> {
    let [word] = written.exactly(usage)?;
    Ok(word.span)
}

fn count(written: &Written<'_>, usage: &str) -> Result<u32, Problem> {
    let value = number(one(written, usage)?)?;
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

fn limit_action(written: &Written<'_>) -> Result<LimitAction, Problem> {
    let known = [("Reject", LimitAction::Reject), ("ProcessPartial", LimitAction::ProcessPartial)];
    choice(one(written, "Reject")?, &known)
}
