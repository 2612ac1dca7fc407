//! Makes seeds of the corpora: `seeds FOLDER` writes requests of CRS's tests to `FOLDER/filter`, rule files to
//! `FOLDER/seclang`, and cases of the language to `FOLDER/operator` and `FOLDER/transform`, in the form each target reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_document::SourceFile;
use portcullis_filter::ftw;
use portcullis_filter::operator::Operator;
use portcullis_filter::transform::Transformation;
use serde_json::Value;

fn main() {
    let corpora =
        PathBuf::from(std::env::var_os("PORTCULLIS_CORPORA").expect("PORTCULLIS_CORPORA names the corpora"));
    let to = PathBuf::from(std::env::args_os().nth(1).expect("a folder to write to"));
    let requests = files(&corpora.join("crs/tests"), "yaml").iter().flat_map(|path| requests(path)).collect();
    write(&to.join("filter"), requests);
    let rules = files(&corpora.join("crs/rules"), "conf");
    write(&to.join("seclang"), rules.iter().flat_map(|path| directives(path)).collect());
    let operators: Vec<&str> = Operator::names().collect();
    write(
        &to.join("operator"),
        cases(&corpora.join("seclang/operators"), &|case| {
            let name = case["name"].as_str()?;
            let choice = operators.iter().position(|known| known.eq_ignore_ascii_case(name))?;
            let argument = case.get("param").and_then(Value::as_str).unwrap_or_default();
            Some([&[choice as u8], argument.as_bytes(), b"\n", case["input"].as_str()?.as_bytes()].concat())
        }),
    );
    write(
        &to.join("transform"),
        cases(&corpora.join("seclang/transformations"), &|case| {
            let parsed = Transformation::parse(case["name"].as_str()?)?;
            let choice = Transformation::ALL.iter().position(|known| *known == parsed)? as u8;
            Some([&[choice, choice], case["input"].as_str()?.as_bytes()].concat())
        }),
    );
}

/// The files below a folder that end in `.extension`.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths =
        fs::read_dir(folder).expect("a folder of the corpora").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| self::files(folder, extension));
    below
        .chain(files.into_iter().filter(|path| path.extension().is_some_and(|found| found == extension)))
        .collect()
}

fn requests(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).expect("a test file");
    let file = Arc::new(SourceFile::new(path.to_string_lossy(), text));
    let tests = ftw::load(&file).tests;
    tests.iter().flat_map(|test| test.stages.iter().map(|stage| stage.input.bytes())).collect()
}

/// The directives of a file, each with its continuation lines.
fn directives(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).expect("a rule file");
    text.split("\n\n").map(|block| block.as_bytes().to_vec()).collect()
}

fn cases(folder: &Path, seed: &dyn Fn(&Value) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let read = |path: &PathBuf| fs::read(path).expect("a file of cases");
    let parse = |bytes: Vec<u8>| serde_json::from_slice::<Vec<Value>>(&bytes).expect("a list of cases");
    files(folder, "json").iter().map(read).flat_map(parse).filter_map(|case| seed(&case)).collect()
}

fn write(folder: &Path, seeds: Vec<Vec<u8>>) {
    fs::create_dir_all(folder).expect("a folder for seeds");
    for (index, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("corpus-{index}")), seed).expect("room for a seed");
    }
}
