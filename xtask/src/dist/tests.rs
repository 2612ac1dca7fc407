//! What is shipped, looked at with the programs that will: `dpkg`, `systemd-analyze`, Helm, and Kubernetes' schemas.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Release, said};
use crate::process::root;

/// The gateway that cargo built beside these tests; they run in one target folder.
fn gateway() -> Option<PathBuf> {
    let here = std::env::current_exe().expect("tests are a program");
    let found = here.ancestors().map(|folder| folder.join("portcullis")).find(|path| path.is_file());
    there(found, "the gateway was not built")
}

/// Something the suite installs; without it a test says so, and in CI it fails.
fn there(found: Option<PathBuf>, otherwise: &str) -> Option<PathBuf> {
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "{otherwise}");
    if found.is_none() {
        eprintln!("skipped: {otherwise}");
    }
    found
}

fn tool(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
    there(path, &format!("{variable} names no program; `cargo xtask test` installs it"))
}

fn release() -> Release {
    let architecture = said(Command::new("dpkg").arg("--print-architecture")).expect("Debian");
    Release { version: "0.1.0".to_owned(), architecture, epoch: "1780000000".to_owned() }
}

#[test]
fn packages_hold_a_policy_that_loads_and_come_out_the_same_twice() {
    let Some(gateway) = gateway() else { return };
    let (first, second, open) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    // Without what debuggers need it is half as large.
    let binary = open.path().join("portcullis");
    said(Command::new("strip").arg("-o").arg(&binary).arg(&gateway)).expect("stripped");
    let made = release().make(&binary, first.path()).expect("made");
    let again = release().make(&binary, second.path()).expect("made");
    super::same(&made, &again).expect("the same");
    let package = made.iter().find(|file| file.extension().is_some_and(|it| it == "deb")).expect("a package");
    let field =
        |name: &str| said(Command::new("dpkg-deb").arg("-f").arg(package).arg(name)).expect("a field");
    assert_eq!((field("Package"), field("Version")), ("portcullis".to_owned(), "0.1.0".to_owned()));
    said(Command::new("dpkg-deb").arg("-x").arg(package).arg(open.path())).expect("unpacked");
    let at = |place: &str| open.path().join(place);
    assert_eq!(
        std::fs::read_link(at("etc/portcullis/data")).expect("a link"),
        Path::new("/var/lib/portcullis")
    );
    let list = said(Command::new("dpkg-deb").arg("-c").arg(package)).expect("listed");
    assert!(list.lines().all(|line| line.contains(" root/root ")), "{list}");
    for page in ["portcullis.1.gz", "portcullis-serve.1.gz"] {
        assert!(at("usr/share/man/man1").join(page).is_file(), "{page}: {list}");
    }
    // The policy as it is installed, checked by the program as it is installed.
    std::fs::remove_file(at("etc/portcullis/data")).expect("removed");
    let mut check = Command::new(at("usr/bin/portcullis"));
    said(check.arg("check").current_dir(at("etc/portcullis"))).expect("the policy loads");
    let scripts = said(Command::new("dpkg-deb").arg("-I").arg(package)).expect("told");
    assert!(["postinst", "prerm", "postrm"].iter().all(|script| scripts.contains(script)), "{scripts}");
}

#[test]
fn the_service_is_one_that_systemd_calls_safe() {
    let Some(analyze) = there(which("systemd-analyze"), "systemd-analyze is not installed") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // Whether the program and the user are there is the package's business.
    let unit = std::fs::read_to_string(root().join("packaging/systemd/portcullis.service")).expect("a unit");
    let unit =
        unit.replace("/usr/bin/portcullis", "/bin/true").replace("=portcullis\nGroup=portcullis", "=daemon");
    let path = folder.path().join("portcullis.service");
    std::fs::write(&path, unit).expect("written");
    let verify = Command::new(&analyze).args(["verify", "--man=no"]).arg(&path).output().expect("runs");
    let said_of_it = String::from_utf8_lossy(&verify.stderr).into_owned();
    let ours: Vec<&str> = said_of_it.lines().filter(|line| line.contains("portcullis.service")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    // From 0, nothing to fear, to 10; in tenths.
    let mut security = Command::new(&analyze);
    security.args(["security", "--offline=yes", "--threshold=20"]).arg(&path);
    let judged = security.output().expect("runs");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn the_container_needs_no_shell_and_no_root() {
    let text = std::fs::read_to_string(root().join("packaging/container/Containerfile")).expect("a file");
    let (_, last) = text.rsplit_once("\nFROM ").expect("two stages");
    assert!(last.lines().next().is_some_and(|base| base.ends_with(":nonroot")), "{last}");
    for line in last.lines() {
        assert!(!line.starts_with("RUN"), "{line}");
        let is_start = line.starts_with("ENTRYPOINT") || line.starts_with("CMD");
        assert!(!is_start || line.contains(" ["), "{line} would need a shell");
    }
}

#[test]
fn charts_render_to_what_kubernetes_takes_and_policies_that_load() {
    let Some(helm) = tool("PORTCULLIS_HELM") else { return };
    let Some(validate) = tool("PORTCULLIS_KUBERNETES_VALIDATE") else { return };
    let Some(gateway) = gateway() else { return };
    let chart = root().join("packaging/helm/portcullis");
    said(Command::new(&helm).args(["lint", "--strict"]).arg(&chart)).expect("nothing to complain of");
    for settings in [
        "secret.existing=known",
        "persistence.enabled=true,persistence.storageClassName=fast,podDisruptionBudget.enabled=true",
        "replicas=3,env[0].name=STATE_PASSWORD,env[0].value=x,policy.sites.example.mode=block,policy.archive=off",
        "files.shop\\.yaml=openapi: 3.1.0,service.type=LoadBalancer,podAnnotations.a=b",
    ] {
        let text = render(&helm, &chart, settings);
        let folder = tempfile::tempdir().expect("a folder");
        let rendered = folder.path().join("rendered.yaml");
        std::fs::write(&rendered, &text).expect("written");
        said(Command::new(&validate).args(["--strict", "-k", "1.31"]).arg(&rendered)).expect(settings);
        let policy =
            policy_of(&text).replace("/etc/portcullis-secret/", "").replace("/var/lib/portcullis/", "");
        std::fs::write(folder.path().join("portcullis.yaml"), &policy).expect("written");
        let mut check = Command::new(&gateway);
        said(check.arg("check").current_dir(folder.path()).env("STATE_PASSWORD", "x")).expect(&policy);
    }
    let wrong = Command::new(&helm)
        .args(["template", "gate", "--set", "policy.metrics.listen=x"])
        .arg(&chart)
        .output();
    assert!(!wrong.expect("runs").status.success(), "the schema refuses what the chart sets itself");
}

/// `packaging/kubernetes/portcullis.yaml` is the chart with its defaults, for those without Helm.
#[test]
fn manifests_are_what_the_chart_renders() {
    let Some(helm) = tool("PORTCULLIS_HELM") else { return };
    let chart = root().join("packaging/helm/portcullis");
    let rendered = render(&helm, &chart, "secret.existing=portcullis");
    let first = "# What `helm template portcullis packaging/helm/portcullis --set secret.existing=portcullis` writes.\n\
                 # The secret: kubectl create secret generic portcullis --from-literal=node.secret=\"$(openssl rand -hex 32)\"\n";
    let wanted = format!("{first}{rendered}");
    let path = root().join("packaging/kubernetes/portcullis.yaml");
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(known, wanted, "PORTCULLIS_BLESS=1 writes it anew");
}

fn render(helm: &Path, chart: &Path, settings: &str) -> String {
    let mut template = Command::new(helm);
    template.args(["template", "portcullis", "--kube-version", "1.31.0", "--set", settings]).arg(chart);
    said(&mut template).expect("rendered") + "\n"
}

/// The policy in a rendered config map.
fn policy_of(rendered: &str) -> String {
    let (_, rest) = rendered.split_once("portcullis.yaml: |\n").expect("a policy");
    let lines = rest.lines().take_while(|line| line.starts_with("    ") || line.is_empty());
    lines.map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}
