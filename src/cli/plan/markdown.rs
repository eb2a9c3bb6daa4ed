//! The plan as Markdown, for a comment on a pull request: the headline, a table, and the rest behind a fold.

use super::group::{Refused, refused};
use super::headline::headline;
use super::report::{Report, count};
use super::table::{OWNERS, grouped_nodes, sums};
use super::why;
use super::{against, certificate};
use std::fmt::Write;
use windlass_solver::Explanation;

/// Groups of unschedulable pods shown; a comment on GitHub ends at 65,536 characters.
const SHOWN: usize = 30;

/// The whole comment.
pub(crate) fn render(report: &Report<'_>) -> String {
    let plan = report.plan;
    let mut text = format!("### Windlass plan\n\n{}.\n", escape(&capitalized(&headline(report))));
    if !plan.nodes.is_empty() {
        let _ = write!(text, "\n{}", grouped_nodes(report).markdown());
        if plan.nodes.len() > 1 {
            fold(&mut text, "Totals", &sums(report).markdown());
        }
    }
    if !plan.existing_nodes.is_empty() {
        let pods = plan.existing_nodes.iter().map(|node| node.pods.len()).sum();
        let _ = writeln!(text, "\n{} used by {}.", count(plan.existing_nodes.len(), "existing node"), count(pods, "pod"));
    }
    if !plan.unschedulable.is_empty() {
        unschedulable(&mut text, report);
    }
    for explanation in report.explanations {
        explained(&mut text, report, explanation);
    }
    if let Some(classes) = report.certificate {
        let mut body = String::new();
        for (label, fact) in certificate::facts(report) {
            let _ = writeln!(body, "- {label}: {}", escape(&fact));
        }
        let more = certificate::rest(classes, certificate::SHOWN).map_or_else(String::new, |more| format!("\n{more}\n"));
        fold(&mut text, "Certificate", &format!("{body}\n{}{more}", certificate::grid(classes, certificate::SHOWN).markdown()));
    }
    if let Some(against) = report.against {
        let grid = against::grid(report, against).markdown();
        let verdict = escape(&against::verdict(report, against));
        let _ = write!(text, "\n**Against {}**\n\n{grid}\n{verdict}\n", against.peer.name());
    }
    if report.any_estimated() {
        let _ = writeln!(text, "\n{}", escape(why::ESTIMATE));
    }
    text
}

fn unschedulable(text: &mut String, report: &Report<'_>) {
    let groups = refused(report);
    let _ = writeln!(
        text,
        "\n**Unschedulable: {} of {}**\n",
        report.plan.unschedulable.len(),
        count(report.plan.summary.pods, "pod")
    );
    for group in groups.iter().take(SHOWN) {
        let _ = writeln!(text, "- `{}`: **{}**: {}", group.who(OWNERS), group.reason, escape(group.message));
        if let Some(change) = group.would_fit_if {
            let _ = writeln!(text, "  - would fit if: {}", escape(change));
        }
    }
    let rest: usize = groups.iter().skip(SHOWN).map(Refused::pods).sum();
    if rest > 0 {
        let _ = writeln!(text, "- and {} for {}", count(rest, "more pod"), count(groups.len() - SHOWN, "more reason"));
    }
}

fn explained(text: &mut String, report: &Report<'_>, explanation: &Explanation) {
    let (title, facts, funnel) = match explanation {
        Explanation::Pod(pod) => (format!("Why pod <code>{}</code>", pod.pod), why::pod_facts(report, pod), &pod.funnel),
        Explanation::Node(node) => (format!("Why node <code>{}</code>", node.node), why::node_facts(report, node), &node.funnel),
    };
    let mut body = String::new();
    for (label, fact) in facts {
        let _ = writeln!(body, "- {label}: {}", escape(&fact));
    }
    fold(text, &title, &format!("{body}\n{}", why::funnel(funnel).markdown()));
}

fn fold(text: &mut String, title: &str, body: &str) {
    let _ = writeln!(text, "\n<details><summary>{title}</summary>\n\n{body}\n</details>");
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// Text without what Markdown would take as mark-up. Between two dollar signs GitHub sets mathematics and has no escape, so they are
/// spelled out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '$' {
            escaped.push_str("USD ");
            continue;
        }
        if matches!(letter, '\\' | '`' | '*' | '_' | '~' | '<' | '>' | '|' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
