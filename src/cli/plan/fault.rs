//! What is printed instead of a plan that breaks a rule.

use owo_colors::OwoColorize;
use std::fmt::{Display, Write};

/// Where faults are reported.
const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// Broken rules shown; the first few tell the story.
const SHOWN: usize = 10;

/// The message, with colours.
pub(super) fn report(violations: &[impl Display]) -> String {
    let mut text = format!(
        "{} this is a fault in windlass {}, not in your input: the plan that was found breaks its own rules and is not shown\n",
        "internal error:".red().bold(),
        env!("CARGO_PKG_VERSION")
    );
    for violation in violations.iter().take(SHOWN) {
        let _ = writeln!(text, "  {violation}");
    }
    if violations.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", violations.len() - SHOWN);
    }
    let _ = writeln!(text, "  {} report it at {ISSUES} with this text and the files you planned", "hint:".cyan());
    text
}

#[cfg(test)]
mod tests {
    use super::report;

    #[test]
    fn names_the_broken_rules_and_asks_for_a_report() {
        let violations: Vec<String> = (0..12).map(|index| format!("node n-{index} holds too much")).collect();
        let text = anstream::adapter::strip_str(&report(&violations)).to_string();
        assert!(text.starts_with("internal error: this is a fault in windlass 0."), "{text}");
        assert!(text.contains("  node n-9 holds too much\n  and 2 more\n"), "{text}");
        assert!(text.contains("https://github.com/") && text.contains("/issues with this text and the files"), "{text}");
    }
}
