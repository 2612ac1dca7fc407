//! A folder of tests, with what is known to come out otherwise.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use portcullis_document::{Problem, Severity, SourceFile};
use portcullis_filter::ftw::{self, Expected, Override, Test};

/// The tests that are meant.
pub(super) struct Suite {
    /// In the order of files' names.
    pub(super) cases: Vec<Case>,
    /// What was wrong or unknown in the files.
    pub(super) problems: Vec<Problem>,
}

/// One test.
pub(super) struct Case {
    /// The folder or file it stands in, for sums.
    pub(super) group: String,
    /// The test.
    pub(super) test: Test,
    /// Why something else is expected of it, or nothing.
    pub(super) known: Option<String>,
    /// Whether it is run at all.
    pub(super) runs: Runs,
}

/// Whether a test is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// It is.
    Yes,
    /// Its override says nothing of what comes out: it is left out.
    No,
}

impl Suite {
    /// Reads all tests below a folder, or of a file, whose names begin with `only`.
    pub(super) fn read(tests: &Path, only: &str, overrides: Option<&Path>) -> Result<Self> {
        let mut suite = Self { cases: Vec::new(), problems: Vec::new() };
        let known = overrides.map(|path| suite.read_overrides(path)).transpose()?.unwrap_or_default();
        suite.read_below(tests, &group_of(tests))?;
        suite.cases.retain(|case| case.test.name().starts_with(only));
        for case in &mut suite.cases {
            let deviation =
                known.iter().find(|one| one.rule == case.test.rule && one.tests.contains(&case.test.number));
            if let Some(deviation) = deviation {
                case.deviate(deviation);
            }
        }
        Ok(suite)
    }

    /// Whether a file could not be read as it should.
    pub(super) fn is_broken(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    fn read_overrides(&mut self, path: &Path) -> Result<Vec<Override>> {
        let (found, problems) = ftw::overrides(&source(path)?);
        self.problems.extend(problems);
        Ok(found)
    }

    fn read_below(&mut self, path: &Path, group: &str) -> Result<()> {
        if !path.is_dir() {
            let loaded = ftw::load(&source(path)?);
            self.problems.extend(loaded.problems);
            let cases = loaded.tests.into_iter().map(|test| Case {
                group: group.to_owned(),
                test,
                known: None,
                runs: Runs::Yes,
            });
            self.cases.extend(cases);
            return Ok(());
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            let is_test = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            if path.is_dir() {
                self.read_below(&path, &group_of(&path))?;
            } else if is_test {
                self.read_below(&path, group)?;
            }
        }
        Ok(())
    }
}

impl Case {
    fn deviate(&mut self, deviation: &Override) {
        self.known = Some(deviation.reason.clone());
        match &deviation.expected {
            Some(expected) => {
                for stage in &mut self.test.stages {
                    stage.expected = Expected { retry: stage.expected.retry, ..expected.clone() };
                }
            }
            None => self.runs = Runs::No,
        }
    }
}

fn group_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn source(path: &Path) -> Result<Arc<SourceFile>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(SourceFile::new(path.to_string_lossy(), String::from_utf8_lossy(&bytes)))
}
