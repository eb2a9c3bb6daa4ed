//! The roles that the chart installs are exactly what the controller's code asks for.
#![cfg(feature = "controller")]
#![allow(clippy::unwrap_used, reason = "a test stops where its input is wrong")]

use std::fmt::Write as _;
use windlass::cluster::live::access::{For, all};

const FILE: &str = "deploy/chart/files/rules.yaml";
const PURPOSES: [(For, &str); 6] = [
    (For::Reading, "reading"),
    (For::Spreading, "spreading"),
    (For::Telling, "telling"),
    (For::Writing, "writing"),
    (For::Deadlines, "deadlines"),
    (For::Leading, "leading"),
];

#[test]
fn the_chart_grants_what_the_code_calls() {
    let mut rules = String::from(
        "# What the controller may do, by what for. Generated from the table in the code: UPDATE_GOLDEN=1 cargo test --features controller --test roles\n",
    );
    for (purpose, name) in PURPOSES {
        let _ = writeln!(rules, "{name}:");
        for access in all().filter(|access| access.purpose == purpose) {
            let verbs = access.verbs.join(", ");
            let _ =
                writeln!(rules, "  - {{apiGroups: [\"{}\"], resources: [{}], verbs: [{verbs}]}}", access.group, access.resource);
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(FILE, &rules).unwrap();
    }
    assert_eq!(std::fs::read_to_string(FILE).unwrap(), rules, "UPDATE_GOLDEN=1 writes it anew");
}
