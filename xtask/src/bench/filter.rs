//! `cargo xtask bench filter`: what CRS costs a request with our filter, with libmodsecurity 3 and with every pattern
//! run by itself.
//!
//! All load the same rules and read the same file of requests, and take turns within every round. CPU is what their
//! process used between a command and its answer. Instructions are callgrind's, inside the one function that takes a
//! request.

mod contestant;
pub(crate) mod request;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::bench::driver::Driver;
use crate::install::{self, Tool};
use crate::optimised::{self, Counts};
use crate::process::{cargo, root, run, target};
use contestant::Contestant;
use request::{Kind, WARMING};
use table::Row;

/// What `bench filter` measures against and with.
const TOOLS: &[Tool] =
    &[Tool { program: "cc", package: "gcc" }, Tool { program: "valgrind", package: "valgrind" }];
/// Our package and its program.
const OURS: &str = "portcullis-bench-filter";
/// libmodsecurity's headers, which tell whether its package is there.
const HEADER: &str = "/usr/include/modsecurity/modsecurity.h";
const LIBRARY: &str = "libmodsecurity-dev";

/// Engine settings that CRS expects of its host, the same for all.
const ENGINE: &str = r#"SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 13107200
SecRequestBodyJsonDepthLimit 512
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
"#;

/// Options of `cargo xtask bench filter`.
#[derive(Args)]
pub(crate) struct Filter {
    /// CRS: a folder with `crs-setup.conf.example` and `rules/`; else `crs/` of the folder that `PORTCULLIS_CORPORA`
    /// names.
    #[arg(long)]
    crs: Option<String>,
    /// Rounds; contestants take turns within each.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Leave out the instruction counts, which take half an hour: each loads CRS under callgrind. Hostile requests have
    /// none.
    #[arg(long)]
    no_instructions: bool,
    /// Build ours as packages are: by counts of how often its code runs, recorded with other values than are measured.
    #[arg(long)]
    profile: bool,
    /// Only these contestants.
    #[arg(long, value_enum)]
    only: Vec<Contestant>,
}

impl Filter {
    pub(super) fn run(&self) -> Result<()> {
        install::ensure(TOOLS)?;
        if !Path::new(HEADER).is_file() {
            install::packages(&[LIBRARY])?;
        }
        let ground = Ground::prepare(&self.crs()?, self)?;
        let mut rows = self.measure(&ground)?;
        if !self.no_instructions {
            for row in rows.iter_mut().filter(|row| !row.kind.is_hostile()) {
                row.instructions = ground.instructions(row.contestant, row.kind)?;
            }
        }
        table::print(&rows);
        Ok(())
    }

    fn crs(&self) -> Result<String> {
        let corpora = std::env::var("PORTCULLIS_CORPORA").ok().map(|folder| format!("{folder}/crs"));
        let Some(folder) = self.crs.clone().or(corpora) else { bail!("say where CRS is with --crs") };
        Ok(folder)
    }

    fn measure(&self, ground: &Ground) -> Result<Vec<Row>> {
        let takes_part = |one: &Contestant| self.only.is_empty() || self.only.contains(one);
        let mut drivers = Vec::new();
        for contestant in Contestant::ALL.into_iter().filter(takes_part) {
            drivers.push((contestant, ground.start(contestant)?));
        }
        let pairs =
            drivers.iter().flat_map(|(contestant, _)| Kind::ALL.map(|kind| Row::new(*contestant, kind)));
        let mut rows: Vec<Row> = pairs.collect();
        for round in 0..self.rounds + WARMING {
            for row in &mut rows {
                let driver = drivers.iter_mut().find(|(contestant, _)| *contestant == row.contestant);
                let (_, driver) = driver.context("every row has a driver")?;
                let measured = driver.take(row.kind, row.kind.count(row.contestant))?;
                if round >= WARMING {
                    row.add(&measured);
                }
            }
        }
        Ok(rows)
    }
}

/// Our program, built by counts of what it did with other values.
fn optimised(folder: &Path, rules: &[String]) -> Result<PathBuf> {
    const ROUNDS: u32 = 3;
    let (counts, requests) = (folder.join("portcullis.profdata"), folder.join("requests-counted"));
    std::fs::write(&requests, request::file(request::COUNTED, ROUNDS))?;
    optimised::record(OURS, OURS, &counts, |ours| {
        let (ours, requests) = (ours.display().to_string(), requests.display().to_string());
        for way in ["warm", "naive"] {
            let files = rules.iter().chain([&requests]).map(String::as_str);
            let arguments: Vec<&str> = [ours.as_str(), way].into_iter().chain(files).collect();
            let mut driver = Driver::start(&arguments)?;
            for _ in 0..ROUNDS {
                for kind in Kind::ALL {
                    driver.take(kind, kind.count(Contestant::Warm))?;
                }
            }
            driver.end()?;
        }
        Ok(())
    })?;
    optimised::build(OURS, OURS, &target()?.join("optimised"), Counts::Used(&counts))
}

/// Rules, requests and programs, ready.
pub(super) struct Ground {
    rules: Vec<String>,
    requests: String,
    libmodsecurity: String,
    ours: String,
}

impl Ground {
    fn prepare(crs: &str, options: &Filter) -> Result<Self> {
        let folder = target()?.join("bench-filter");
        std::fs::create_dir_all(&folder)?;
        let place = |name: &str| folder.join(name).display().to_string();
        let (engine, requests, driver) = (place("engine.conf"), place("requests"), place("modsecurity"));
        std::fs::write(&engine, ENGINE)?;
        std::fs::write(&requests, request::file(request::MEASURED, options.rounds))?;
        let source = root().join("bench/modsecurity/driver.c").display().to_string();
        run(std::process::Command::new("cc").args(["-O2", "-o", &driver, &source, "-lmodsecurity"]))?;
        let mut rules = vec![engine, format!("{crs}/crs-setup.conf.example")];
        let mut files: Vec<String> = std::fs::read_dir(format!("{crs}/rules"))
            .with_context(|| format!("no rules in {crs}"))?
            .filter_map(|entry| Some(entry.ok()?.path().display().to_string()))
            .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "conf"))
            .collect();
        files.sort();
        rules.extend(files);
        let ours = if options.profile {
            optimised(&folder, &rules)?
        } else {
            run(&mut cargo(&["build", "--release", "-p", OURS]))?;
            target()?.join("release").join(OURS)
        };
        Ok(Self { rules, requests, libmodsecurity: driver, ours: ours.display().to_string() })
    }

    fn arguments(&self, contestant: Contestant) -> Vec<&str> {
        let program = match contestant {
            Contestant::Libmodsecurity => vec![self.libmodsecurity.as_str()],
            Contestant::Warm => vec![self.ours.as_str(), "warm"],
            Contestant::Cold => vec![self.ours.as_str(), "cold"],
            Contestant::Naive => vec![self.ours.as_str(), "naive"],
        };
        let files = self.rules.iter().chain([&self.requests]).map(String::as_str);
        program.into_iter().chain(files).collect()
    }

    fn start(&self, contestant: Contestant) -> Result<Driver> {
        Driver::start(&self.arguments(contestant))
    }

    /// Instructions of one request, counted by callgrind after as many that do not count as fill the caches.
    fn instructions(&self, contestant: Contestant, kind: Kind) -> Result<Option<f64>> {
        contestant.count_instructions(&self.arguments(contestant), kind)
    }
}
