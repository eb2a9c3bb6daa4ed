use super::fields;

#[test]
fn block_documents_fall_apart_into_their_fields() {
    let text = "---\n# c\nkind: Pod\nspec:\n  a: |\n    kind: x\n\n# c\n  b:\n  - c\nmetadata:\n";
    let found = fields(text).unwrap();
    assert_eq!(
        found,
        [("kind", "kind: Pod\n"), ("spec", "spec:\n  a: |\n    kind: x\n\n# c\n  b:\n  - c\n"), ("metadata", "metadata:\n")]
    );
    let indented = fields("  a: 1\n  b:\n    c: 2\n").unwrap();
    assert_eq!(indented, [("a", "  a: 1\n"), ("b", "  b:\n    c: 2\n")]);
}

#[test]
fn other_documents_stay_whole() {
    for text in [
        "{kind: Pod}\n",
        "kind: Pod\nkind: Pod\n",
        "a: &x 1\nb: *x\n",
        "a:\n  - *x\n",
        "\"a\": 1\n",
        "a: [\nb]\n",
        "a: \"x\ny\"\n",
        "? a\n: b\n",
        "- a\n",
        "  a: 1\n b: 2\n",
        "a:b\n",
        "%YAML 1.2\n---\na: 1\n",
        "--- a\n",
    ] {
        assert_eq!(fields(text), None, "{text}");
    }
}
