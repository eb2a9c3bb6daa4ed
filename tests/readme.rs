//! The README shows what the program really prints, and names only files that exist.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where its input is wrong")]

use assert_cmd::Command;
use std::path::Path;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The arguments of the plan that the README shows, and the output below it.
fn shown() -> (Vec<String>, String) {
    let text = readme();
    let start = text.find("$ cargo run --release -- plan").expect("the README shows the main command");
    let block = text[start..].split("```").next().unwrap();
    let (command, output) = block.split_once('\n').unwrap();
    let arguments = command.split(" -- ").nth(1).unwrap().split_whitespace().map(str::to_owned).collect();
    (arguments, output.to_owned())
}

#[test]
fn the_readmes_plan_is_what_the_program_prints() {
    let (arguments, expected) = shown();
    let run =
        Command::new(env!("CARGO_BIN_EXE_windlass")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).unwrap();
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n").trim().to_owned();
    assert_eq!(lines(&printed), lines(&expected), "update the README: it should show\n{printed}");
}

#[test]
fn every_link_of_the_documents_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain([root.join("README.md"), root.join("ARCHITECTURE.md")]);
    for page in pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !link.starts_with("http") {
                assert!(page.parent().unwrap().join(file).exists(), "{} links to {link}, which does not exist", page.display());
            }
        }
    }
}
