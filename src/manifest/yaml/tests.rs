use super::value;
use serde_json::{Value, json};
use std::fmt::Write;

fn read(text: &str) -> Value {
    value(text).unwrap().unwrap()
}

fn refused(text: &str) -> (usize, String) {
    let failure = value(text).unwrap_err();
    (failure.line, failure.message)
}

#[test]
fn reads_what_kubectl_reads() {
    assert_eq!(
        read("---\n# c\na: 1\nb: [on, 'on', \"1\", !!str 2]\nc: |\n  x\n  y\nd: {e: ~}\n007: z\n"),
        json!({"a": 1, "b": [true, "on", "1", "2"], "c": "x\ny\n", "d": {"e": null}, "7": "z"})
    );
    assert_eq!(value("# nothing\n"), Ok(None));
    assert_eq!(value(""), Ok(None));
    assert_eq!(value("---\n...\n"), Ok(None));
}

#[test]
fn expands_anchors_and_merge_keys() {
    let text =
        "base: &b {cpu: 1, memory: 1Gi}\nmore: &m {cpu: 9, x: z}\none: {<<: *b, cpu: 2}\ntwo:\n  <<: [*b, *m]\nthree: *b\n";
    assert_eq!(
        read(text),
        json!({
            "base": {"cpu": 1, "memory": "1Gi"}, "more": {"cpu": 9, "x": "z"}, "one": {"cpu": 2, "memory": "1Gi"},
            "two": {"cpu": 1, "memory": "1Gi", "x": "z"}, "three": {"cpu": 1, "memory": "1Gi"}
        })
    );
    assert_eq!(read("\"<<\": 1\n"), json!({"<<": 1}));
}

#[test]
fn says_what_is_wrong_and_where() {
    assert_eq!(refused("a: 1\nb: 2\na: 3\n"), (3, "the field \"a\" is given twice".into()));
    assert_eq!(refused("a: &x [*x]\n").0, 1);
    assert_eq!(refused("a: .nan\n").0, 1);
    assert_eq!(refused("x: 1\n<<: 2\n"), (2, "`<<` needs a mapping or a list of mappings".into()));
    assert_eq!(refused("? [a]\n: b\n").1, "a field name must be a string");
    assert_eq!(refused("a: !!int x\n").1, "\"x\" is no !!int");
    let (line, message) = refused("a: 1\nb: [1\nc: 2\n");
    assert!(line >= 2 && !message.is_empty(), "{line} {message}");
    assert!(!refused("a: *nowhere\n").1.is_empty());
    assert!(!refused("a: \"x\n").1.is_empty());
    assert!(!refused("a: b: c\n").1.is_empty());
}

#[test]
fn hostile_documents_are_bounded() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..30 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        writeln!(laughs, "a{level}: &a{level} [{}]", before.trim_end_matches(", ")).unwrap();
    }
    assert!(refused(&laughs).1.contains("more than 200000 values"));

    let mut tower = String::from("- &a0 [x]\n");
    for level in 1..2000 {
        writeln!(tower, "- &a{level} [*a{}]", level - 1).unwrap();
    }
    assert!(refused(&tower).1.contains("levels deep"));
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        assert!(value(&format!("{}{}", open.repeat(100_000), close.repeat(100_000))).is_err());
    }
    assert!(value(&"- ".repeat(100_000)).is_err());
}
