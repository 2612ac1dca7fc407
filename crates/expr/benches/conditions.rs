//! What evaluating conditions costs; `cargo bench -p portcullis-expr`. The figures stand in the crate's header.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::expect_used, reason = "a condition that is refused must stop the bench")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_expr::{Env, Facts, ListId, Path, Place, Value, Var, check};

/// An exchange as the engine holds it: fields and tags in short lists that are searched.
struct Exchange {
    headers: Vec<(&'static str, &'static str)>,
    tags: Vec<&'static str>,
}

impl Facts for Exchange {
    fn value(&self, var: Var) -> Value<'_> {
        match var {
            Var::Method => Value::text("GET"),
            Var::Path => Value::text("/customers/4711/invoices"),
            Var::Ip => Value::Ip(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 23))),
            Var::Status => Value::Int(200),
            _ => Value::Null,
        }
    }

    fn member(&self, var: Var, path: &Path) -> Value<'_> {
        let named =
            |(name, _): &&(&str, &str)| var == Var::Headers && name.eq_ignore_ascii_case(path.as_str());
        Value::maybe(self.headers.iter().find(named).map(|(_, value)| *value))
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(&tag)
    }

    fn has_tag_with(&self, prefix: &str) -> bool {
        self.tags.iter().any(|tag| tag.starts_with(prefix))
    }

    fn in_list(&self, _: ListId, _: &Value<'_>) -> bool {
        false
    }
}

fn exchange() -> Exchange {
    Exchange {
        headers: vec![
            ("Host", "shop.example"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, br"),
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"),
            ("Authorization", "Bearer x"),
        ],
        tags: vec![
            "site:shop",
            "route:main",
            "op:GET /customers/{customerId}/invoices",
            "api:documented",
            "method:get",
            "host:shop.example",
            "caller:known",
            "auth:jwt",
            "tls:1.3",
            "http:2",
        ],
    }
}

/// Name and source of every condition measured.
fn conditions() -> Vec<(&'static str, String)> {
    let words = (0..100).map(|n| format!("\"/p{n}\"")).collect::<Vec<_>>().join(", ");
    let nets = (0..250).map(|n| format!("\"10.{n}.0.0/16\"")).collect::<Vec<_>>().join(", ");
    let prefixes =
        (0..20).map(|n| format!("path.startsWith(\"/v{n}/admin/\")")).collect::<Vec<_>>().join(" || ");
    vec![
        ("a tag", "tag(\"api:shadow\")".into()),
        ("any tag of a namespace", "tagged(\"filter:\")".into()),
        (
            "method, path prefix and tag",
            "method in [\"GET\", \"HEAD\"] && path.startsWith(\"/customers/\") && !tag(\"caller:unknown\")"
                .into(),
        ),
        ("a set of 100 words", format!("path in [{words}]")),
        ("a set of 250 networks", format!("ip in [{nets}]")),
        ("20 path prefixes", prefixes),
        ("a regular expression", "path.matches(\"^/customers/[0-9]+/invoices$\")".into()),
        ("part of a header", "headers[\"user-agent\"].contains(\"curl\")".into()),
        ("arithmetic", "status / 100 == 5".into()),
        ("a new text", "(method + \" \" + path).startsWith(\"POST \")".into()),
    ]
}

fn evaluate(criterion: &mut Criterion) {
    let env = Env { place: Place::Exchange, lists: &[] };
    let exchange = exchange();
    for (name, source) in conditions() {
        let program = check(&source, &env).expect(name).compile();
        criterion.bench_function(name, |bench| bench.iter(|| program.holds(black_box(&exchange))));
    }
}

fn load(criterion: &mut Criterion) {
    let env = Env { place: Place::Exchange, lists: &[] };
    let source =
        "method in [\"GET\", \"HEAD\"] && path.startsWith(\"/customers/\") && !tag(\"caller:unknown\")";
    criterion.bench_function("checking and compiling", |bench| {
        bench.iter(|| check(black_box(source), &env).map(|checked| checked.compile()));
    });
}

criterion_group!(benches, evaluate, load);
criterion_main!(benches);
