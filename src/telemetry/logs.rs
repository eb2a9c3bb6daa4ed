//! Structured logs on standard error.

use std::io::IsTerminal;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, fmt};

/// The form of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What libraries say below this is about themselves.
const OTHERS: LevelFilter = LevelFilter::WARN;
/// Whose words `level` is about.
const OURS: [&str; 3] = ["windlass", "windlass_ec2", "windlass_solver"];

/// Our own words from `level` on, those of libraries only where they warn; `RUST_LOG` replaces both.
fn directives(level: LevelFilter) -> String {
    let ours = OURS.map(|name| format!("{name}={level}"));
    format!("{},{}", OTHERS.min(level), ours.join(","))
}

/// Begins to log what is at least as important as `level`; `RUST_LOG` says it otherwise. Only the first call has an effect.
pub fn begin(level: LevelFilter, format: Format) {
    let written = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.trim().is_empty());
    let filter = EnvFilter::builder().parse_lossy(written.unwrap_or_else(|| directives(level)));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A second subscriber is refused: the first one goes on.
    let _ = match format {
        Format::Text => builder.with_ansi(ansi).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::directives;
    use tracing_subscriber::filter::{EnvFilter, LevelFilter};

    #[test]
    fn debug_is_about_us_and_errors_about_all() {
        assert_eq!(directives(LevelFilter::DEBUG), "warn,windlass=debug,windlass_ec2=debug,windlass_solver=debug");
        assert_eq!(directives(LevelFilter::ERROR), "error,windlass=error,windlass_ec2=error,windlass_solver=error");
        assert!(EnvFilter::builder().parse(directives(LevelFilter::DEBUG)).is_ok());
    }
}
