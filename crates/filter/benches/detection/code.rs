//! What programs and programmers send: snippets, configuration, logs, markup, JSON, tokens.

use serde_json::{Value, json};

use crate::case::{Case, escape};
use crate::dice::Dice;
use crate::prose;

/// Snippets of languages and formats; `@` becomes a name, `#` a number.
const SNIPPETS: &[&str] = &[
    "def @(a, b=#):\n    \"\"\"Return a.\"\"\"\n    if a == 'x' or b == 'y':\n        return [i for i in range(b)]\n    raise ValueError(f\"bad {a}\")",
    "import os\nimport sys\nfrom @ import @\n\nif __name__ == '__main__':\n    main()",
    "class @(Base):\n    def __init__(self, x):\n        self.x = x  # keep it\n        super().__init__()",
    "with open(path) as f:\n    data = json.load(f)\nprint(\"done\", len(data))",
    "const @ = (x) => x.map(y => y * #).filter(Boolean);\nconsole.log(`${@} items`);",
    "function @(a, b) {\n  if (a && b || !a) { return a + b; }\n  return { x: a, 'y': b };\n}",
    "import React from 'react';\nimport { @ } from '../../lib/@';\nexport default function App() { return <div className=\"app\">{items.map(i => <Item key={i.id} {...i} />)}</div>; }",
    "async function load() {\n  const res = await fetch('/api/@');\n  return await res.json();\n}",
    "let @ = document.getElementById('@');\n@.addEventListener('click', () => setCount(c => c + #));",
    "public class @ {\n  private final List<String> names = new ArrayList<>();\n  public int get() { return names.size() > # ? # : 0; }\n}",
    "import java.util.List;\nimport java.util.Map;\n\npublic interface @ extends Repository<@, Long> { }",
    "fn @(x: &str) -> Result<Vec<u8>, Error> {\n    let y = x.trim();\n    match y.len() { 0 => Err(Error::Empty), n if n > # => Ok(vec![]), _ => Ok(y.into()) }\n}",
    "impl<T: Clone> @<T> for Vec<T> { type Out = Box<dyn Fn(T) -> T>; }",
    "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfor i := 0; i < #; i++ {\n\t\tfmt.Println(i)\n\t}\n}",
    "#include <stdio.h>\nint main(void) {\n  int @ = #;\n  printf(\"%d\\n\", @ & 0xff);\n  return 0;\n}",
    "struct @ { int a; char *b; };\nif (p->a == # && *p->b != '\\0') { p->a |= 1 << 3; }",
    "body { font: 14px/1.5 'Segoe UI', sans-serif; color: #333; }\n.@ > li:hover { background: url(img/a.png) no-repeat; }",
    "@media (max-width: #px) { .@ { display: none; } }",
    "<p>Hello <b>world</b>, see <a href=\"https://example.com/a?b=1&amp;c=2\">this</a>.</p>",
    "<ul><li>One</li><li>Two &amp; three</li></ul>\n<img src=\"/img/@.png\" alt=\"a 'nice' picture\">",
    "<div class=\"@\"><h2>Title</h2><p style=\"color: red\">Text &lt;here&gt;</p><br/></div>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<note id=\"#\"><to>Tove</to><body>Don't forget!</body></note>",
    "# Heading\n\n- item *one*\n- item `two`\n\n[link](https://example.com) **bold** > quote\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "```js\nconst x = { a: 1 };\n```\nand then `git commit -m \"msg\"`.",
    "name: @\non: [push]\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: cargo test --all",
    "[package]\nname = \"@\"\nversion = \"0.#.0\"\n\n[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }",
    "DATABASE_URL=postgres://db.example/@\nPORT=#\nDEBUG=true",
    "2026-01-1# 10:0#:00 INFO  [main] com.example.@ - started in # ms",
    "id,name,price\n1,\"Smith, J.\",#.50\n2,O'Hara,7",
    "SELECT is a verb; so is INSERT.",
    "{ \"a\": [1, 2, {\"b\": \"c's\"}], \"d\": null }",
    "if [ -f \"$FILE\" ]; then\n  VERSION=#\nfi",
    "Traceback (most recent call last):\n  File \"@.py\", line #, in <module>\nTypeError: unsupported operand type(s) for +: 'int' and 'str'",
    "java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"@\" is null\n\tat com.example.@.run(@.java:#)",
    "E = mc^2; \\frac{a}{b} + \\sqrt{x_#} \\leq \\sum_{i=0}^{n} i",
    "regex: ^[a-z0-9._%+-]+@[a-z0-9.-]+\\.[a-z]{2,}$",
    "cron: */5 * * * 1-5",
    "^(?:\\d{3}-)?\\d{4}$",
    "x = y if a else b; y -= #; z //= 2",
    "let v: Vec<Option<&'static str>> = Vec::new(); // it's fine",
    "let value = map.get(\"key\").unwrap_or(&0);\nassert_eq!(value, &#);",
    "Dim @ As Integer\n@ = # * 2 ' a comment\nIf @ > 5 Then MsgBox(\"x\")",
    "puts \"hello #{name}\"\n@.each do |x|\n  x.save! unless x.valid?\nend",
    "<?php\necho 'x';",
    "$@ = array('a' => 1, 'b' => 2);",
    "SUM(A1:A#) + IF(B2>0; \"yes\"; \"no\")",
    "=VLOOKUP(A2,Sheet1!$A$1:$B$#,2,FALSE)",
    "kubectl get pods -n @ | grep Running",
    "diff --git a/@.rs b/@.rs\n--- a/@.rs\n+++ b/@.rs\n@@ -1,2 +1,3 @@\n-old\n+new",
    "Hi {{name}}, your order {{order.id}} is ready.",
    "Dear ${customer.name}, #{count} items",
    "https://{host}/v1/{id}",
    "%s has %d new messages (%0.2f%%)",
    "\"\\u00e9t\\u00e9 \\n\\t caf\\u00e9\"",
    "M10 10 L20 20 C 30,30 40,40 50,50 Z",
    "rgba(255, 255, 255, 0.5)",
    "a=1; b=2; path=/; expires=Thu, 01 Jan 2026 00:00:00 GMT",
    "SGVsbG8gd29ybGQsIHRoaXMgaXMgYSB0ZXN0IG1lc3NhZ2U=",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
];
const NAMES: &[&str] = &[
    "total",
    "userName",
    "parse_line",
    "index",
    "Widget",
    "order",
    "selectItem",
    "config",
    "update",
    "dropzone",
    "Union",
    "script",
    "Table",
    "evaluate",
    "system",
    "Alert",
];

fn snippet(dice: &mut Dice) -> String {
    let mut text = String::new();
    for character in dice.pick(SNIPPETS).chars() {
        match character {
            '@' => text.push_str(dice.pick(NAMES)),
            '#' if dice.chance(90) => text.push_str(&dice.below(200).to_string()),
            other => text.push(other),
        }
    }
    text
}

/// A document such as services exchange.
fn document(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth > 3 { 7 } else { 10 }) {
        0 => json!(dice.below(1_000_000)),
        1 => json!(dice.chance(50)),
        2 => json!(dice.uuid()),
        3 => json!(format!("2026-0{}-1{}T10:00:00.000Z", 1 + dice.below(9), dice.below(10))),
        4 => json!(prose::words(dice, 4)),
        5 => json!(dice.token(24)),
        6 => json!(if dice.chance(30) { prose::sentence(dice) } else { prose::address(dice) }),
        7 => Value::Array((0..dice.below(4)).map(|_| document(dice, depth + 1)).collect()),
        _ => Value::Object(
            (0..=dice.below(6))
                .map(|place| (format!("{}{place}", dice.pick(NAMES)), document(dice, depth + 1)))
                .collect(),
        ),
    }
}

/// Shows snippets, documents and what tools send.
pub(crate) fn generate(see: &mut dyn FnMut(Case)) {
    let mut dice = Dice::new(23);
    for _ in 0..12_000 {
        let mut text = snippet(&mut dice);
        if dice.chance(30) {
            text = format!("{}\n\n{text}\n\n{}", prose::sentence(&mut dice), prose::sentence(&mut dice));
        }
        let case = Case::new("code", false, text.clone());
        see(match dice.below(3) {
            0 => case.target(format!("/paste?text={}", escape(&text))),
            1 => case.body(
                "application/json",
                json!({"files": {"a.txt": {"content": text}}, "public": true}).to_string(),
            ),
            _ => case.body("application/x-www-form-urlencoded", format!("code={}&lang=auto", escape(&text))),
        });
    }
    for _ in 0..15_000 {
        let value =
            json!({ "data": document(&mut dice, 0), "meta": document(&mut dice, 0), "id": dice.uuid() });
        see(Case::new("documents", false, value.to_string()).body("application/json", value.to_string()));
    }
    for _ in 0..8_000 {
        let filter = dice.pick(&[
            "status eq 'active' and price gt #",
            "created_at:>=2026-01-0#",
            "name~\"a*\" OR tag=x",
            "sort=-date,+name",
            "fields=id,name,owner(id,name)",
            "price[gte]=#&price[lt]=9#",
            "$filter=startswith(name,'a')&$top=#",
            "expand[]=data.customer&limit=#",
            "bbox=-0.1#,51.5,0.2,51.6",
            "range=bytes=0-#",
            "ids=1,2,3|4",
            "q=title:(cat OR dog) AND year:[2000 TO 20##]",
            "include=author,comments.author&page[size]=#",
            "lat=52.5&lng=13.4&r=#km",
            "select=name,id&order=id.desc",
            "color=red&color=blue&size=xl&in_stock=true",
            "callback=jQuery#_#&_=17000000#",
            "q=%22exact phrase%22 -site:example.com",
        ]);
        let filter: String = filter
            .chars()
            .map(
                |character| {
                    if character == '#' { char::from(b'0' + dice.below(10) as u8) } else { character }
                },
            )
            .collect();
        see(Case::new("filters", false, filter.clone() + &dice.hex(2))
            .target(format!("/items?{}", filter.replace(' ', "%20").replace('\'', "%27"))));
    }
}
