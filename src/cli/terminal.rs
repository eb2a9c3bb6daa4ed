//! The two streams of a command: data to standard output, everything else to standard error.
//!
//! Text may carry colours; they are removed where the stream is no terminal, `NO_COLOR` is set or `TERM=dumb`, and `--color` overrules.

use super::Failure;
use std::io::{ErrorKind, Write};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On terminals, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// Makes this the choice for the process.
    pub(crate) fn choose(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Writes data to standard output. A reader that went away (`| head`) is no failure.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    stream(|stdout| {
        if text.contains('\x1b') {
            anstream::stdout().lock().write_all(text.as_bytes())
        } else {
            stdout.write_all(text.as_bytes())
        }
    })
}

/// Lets `write` write data without colours to standard output, piece by piece.
pub(crate) fn stream(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    match write(&mut std::io::stdout()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write to standard output: {error}").into()),
        _ => Ok(()),
    }
}

/// Writes a message to standard error. Nobody is left to tell if that fails.
pub(crate) fn note(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// `text` with control characters made visible, so that no file can steer the terminal of the one who plans it.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2Jb\tc\nd é"), "a\\u{1b}[2Jb\\tc\nd é");
    }
}
