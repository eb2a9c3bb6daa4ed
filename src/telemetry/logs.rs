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

/// Begins to log what is at least as important as `level`; `RUST_LOG` may say more. Only the first call has an effect.
pub fn begin(level: LevelFilter, format: Format) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A second subscriber is refused: the first one goes on.
    let _ = match format {
        Format::Text => builder.with_ansi(ansi).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
}
