//! Seeds made of the corpora, in the form each property reads: requests of CRS's tests, their targets and bodies, rule
//! files, and cases of the language.
//!
//! What cannot be read of them is a broken set-up and panics.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_document::SourceFile;
use portcullis_filter::ftw;
use portcullis_filter::operator::Operator;
use portcullis_filter::transform::Transformation;
use serde_json::Value;

/// Makes a seed of a Content-Type and a body; nothing of those that are not for it.
type Seed = dyn Fn(&str, &[u8]) -> Option<Vec<u8>>;

/// The properties that have seeds in the corpora.
pub const SEEDED: [&str; 10] = [
    "body",
    "filter",
    "form",
    "framing",
    "multipart",
    "normalise",
    "operator",
    "pack",
    "seclang",
    "transform",
];

/// The seeds the corpora below a folder have for a property; none if it is not among [`SEEDED`].
pub fn seeds(property: &str, corpora: &Path) -> Vec<Vec<u8>> {
    match property {
        "body" => bodies(corpora, &|media_type, body| {
            let choice =
                u8::from(media_type.contains("form")) + u8::from(media_type.starts_with("multipart"));
            Some([&[choice], body].concat())
        }),
        "filter" | "pack" => requests(corpora),
        "form" => bodies(corpora, &|media_type, body| media_type.contains("form-url").then(|| body.to_vec())),
        "framing" => requests(corpora).into_iter().map(|request| [&[40], &*request].concat()).collect(),
        "multipart" => bodies(corpora, &|media_type, body| {
            let is_multipart = media_type.starts_with("multipart");
            is_multipart.then(|| [media_type.as_bytes(), b"\n", body].concat())
        }),
        "normalise" => requests(corpora).iter().filter_map(|request| target(request)).collect(),
        "operator" => cases(&corpora.join("seclang/operators"), &operator),
        "seclang" => {
            let rules = files(&corpora.join("crs/rules"), "conf");
            rules.iter().flat_map(|path| directives(path)).collect()
        }
        "transform" => cases(&corpora.join("seclang/transformations"), &transformation),
        _ => Vec::new(),
    }
}

fn operator(case: &Value) -> Option<Vec<u8>> {
    let name = case["name"].as_str()?;
    let choice = Operator::names().position(|known| known.eq_ignore_ascii_case(name))? as u8;
    let argument = case.get("param").and_then(Value::as_str).unwrap_or_default();
    Some([&[choice], argument.as_bytes(), b"\n", case["input"].as_str()?.as_bytes()].concat())
}

fn transformation(case: &Value) -> Option<Vec<u8>> {
    let parsed = Transformation::parse(case["name"].as_str()?)?;
    let choice = Transformation::ALL.iter().position(|known| *known == parsed)? as u8;
    Some([&[choice, choice], case["input"].as_str()?.as_bytes()].concat())
}

/// The requests of CRS's tests.
fn requests(corpora: &Path) -> Vec<Vec<u8>> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let file = Arc::new(SourceFile::new(path.to_string_lossy(), text));
        let tests = ftw::load(&file).tests;
        tests.iter().flat_map(|test| test.stages.iter().map(|stage| stage.input.bytes())).collect::<Vec<_>>()
    };
    files(&corpora.join("crs/tests"), "yaml").iter().flat_map(read).collect()
}

/// Seeds made of a request's Content-Type and its body.
fn bodies(corpora: &Path, seed: &Seed) -> Vec<Vec<u8>> {
    let requests = requests(corpora);
    let parts = requests.iter().filter_map(|request| {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&request[..end]);
        let media_type = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-type").then(|| value.to_owned())
        })?;
        seed(&media_type, &request[end + 4..])
    });
    parts.collect()
}

fn target(request: &[u8]) -> Option<Vec<u8>> {
    request.split(|byte| *byte == b' ').nth(1).map(<[u8]>::to_vec)
}

/// The directives of a file, each with its continuation lines.
fn directives(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n\n").map(|block| block.as_bytes().to_vec()).collect()
}

fn cases(folder: &Path, seed: &dyn Fn(&Value) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let parse = |path: &PathBuf| serde_json::from_slice::<Vec<Value>>(&fs::read(path).unwrap()).unwrap();
    files(folder, "json").iter().flat_map(parse).filter_map(|case| seed(&case)).collect()
}

/// The files below a folder that end in `.extension`, in a stable order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let below = |path: PathBuf| {
        if path.is_dir() { files(&path, extension) } else { vec![path] }
    };
    let all = paths.into_iter().flat_map(below);
    all.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}
