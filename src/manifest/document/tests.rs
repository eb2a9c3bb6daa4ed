use super::{Document, Syntax, list, split};

fn shown(bytes: &[u8]) -> Vec<(usize, String)> {
    split(bytes).iter().map(|one| (one.line, String::from_utf8_lossy(&one.text).trim().to_owned())).collect()
}

fn expect(text: &str, expected: &[(usize, &str)]) {
    let expected: Vec<(usize, String)> = expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
    assert_eq!(shown(text.as_bytes()), expected, "{text:?}");
}

#[test]
fn splits_yaml_at_markers() {
    expect("", &[]);
    expect("\n# only a comment\n---\n# and another\n", &[]);
    expect("a: 1\n", &[(1, "a: 1")]);
    expect("a: 1\n---\nb: 2", &[(1, "a: 1"), (2, "---\nb: 2")]);
    expect("a: 1\r\n---\r\nb: 2\r\n", &[(1, "a: 1"), (2, "---\r\nb: 2")]);
    expect("---\n---\n# c\n---\na: 1\n---\n", &[(4, "---\na: 1")]);
    expect("a: 1\n...\n# c\nb: 2\n...\n", &[(1, "a: 1"), (3, "# c\nb: 2")]);
    expect("--- {a: 1}\n--- # c\nb: 2\n", &[(1, "--- {a: 1}"), (2, "--- # c\nb: 2")]);
    expect("%YAML 1.2\n---\na: 1\n", &[(1, "%YAML 1.2\n---\na: 1")]);
    expect("a: 1\n---\n%YAML 1.2\n---\nb: 2\n", &[(1, "a: 1"), (2, "---\n%YAML 1.2"), (4, "---\nb: 2")]);
    expect("a: |\n  ---\n  x\n ---\n---x: 1\n", &[(1, "a: |\n  ---\n  x\n ---\n---x: 1")]);
    expect("\u{feff}a: 1\n", &[(1, "a: 1")]);
}

#[test]
fn splits_concatenated_json() {
    expect("{\"a\": 1}{\"b\": \"}\\\"\"}\n\n{\n}\n", &[(1, "{\"a\": 1}"), (1, "{\"b\": \"}\\\"\"}"), (3, "{\n}")]);
    expect("{\"a\": [\n---\n{\"b\": 2}\n", &[(1, "{\"a\": ["), (3, "{\"b\": 2}")]);
    assert!(split(b"{\"a\": 1}").iter().all(|one| one.syntax == Syntax::Json));
    // A YAML flow mapping with something after it is not JSON.
    assert_eq!(split(b"{a: 1}: x\n")[0].syntax, Syntax::Yaml);
}

fn items(document: &Document<'_>) -> Option<(String, Vec<(usize, String)>)> {
    let list = list(document)?;
    let shown = list.items.iter().map(|item| (item.line, String::from_utf8_lossy(&item.text).into_owned())).collect();
    Some((String::from_utf8_lossy(&list.header).into_owned(), shown))
}

#[test]
fn takes_lists_apart() {
    let yaml = b"apiVersion: v1\nitems:\n- kind: Pod\n  x:\n  - 1\n# c\n- kind: Node\nkind: List\n";
    let (header, found) = items(&split(yaml)[0]).unwrap();
    assert_eq!(header, "apiVersion: v1\nitems: []\nkind: List\n");
    assert_eq!(found, [(3, "  kind: Pod\n  x:\n  - 1\n# c\n".to_owned()), (7, "  kind: Node\n".to_owned())]);

    let indented = b"kind: List\nitems:\n  - a: 1\n    b: |\n      - c\n  - a: 2\n";
    let (_, found) = items(&split(indented)[0]).unwrap();
    assert_eq!(found, [(3, "    a: 1\n    b: |\n      - c\n".to_owned()), (6, "    a: 2\n".to_owned())]);

    let json = b"{\"kind\": \"List\",\n \"items\": [{\"a\": \"]\"},\n {\"b\": [1]}],\n \"x\": \"items\"}";
    let (header, found) = items(&split(json)[0]).unwrap();
    assert_eq!(header, "{\"kind\": \"List\",\n \"items\": [],\n \"x\": \"items\"}");
    assert_eq!(found, [(2, "{\"a\": \"]\"}".to_owned()), (3, "{\"b\": [1]}".to_owned())]);
}

#[test]
fn leaves_other_layouts_whole() {
    for text in [
        "kind: List\nitems:\n- &a {x: 1}\n- *a\n",
        "kind: List\nitems: [{a: 1}]\n",
        "kind: List\nitems:\n  - a: 1\n - b: 2\n",
        "kind: Pod\nspec: 1\n",
        "{\"kind\": \"Pod\"}",
        "{\"kind\": \"List\", \"items\": {}}",
        "{\"kind\": \"List\", \"items\": [1]}",
        "{\"kind\": \"List\", \"items\": [{}",
        "{\"kind\": \"Pod\", \"x\": {\"items\": []}}",
    ] {
        assert_eq!(items(&split(text.as_bytes())[0]), None, "{text}");
    }
}
