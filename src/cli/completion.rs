//! `windlass completion`: scripts for shells, and the program that kubectl asks about its plugin.

use super::{Failure, as_typed, terminal};
use clap::Command;
use clap_complete::Shell;
use std::fmt::Write;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  # Bash
  windlass completion bash > ~/.local/share/bash-completion/completions/windlass

  # Zsh, in a folder of $fpath
  windlass completion zsh > ~/.zfunc/_windlass

  # `kubectl windlass <TAB>`: an executable file of this name, in $PATH
  windlass completion kubectl > ~/.local/bin/kubectl_complete-windlass";

/// Flags of `windlass completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES))]
pub(crate) struct Args {
    /// The shell, or kubectl for the plugin
    #[arg(value_enum)]
    asker: Asker,
}

/// Who completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Asker {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    /// A program to be saved as kubectl_complete-windlass
    Kubectl,
}

/// Runs it.
pub(crate) fn run(args: &Args, command: &mut Command) -> Result<ExitCode, Failure> {
    let shell = match args.asker {
        Asker::Bash => Shell::Bash,
        Asker::Elvish => Shell::Elvish,
        Asker::Fish => Shell::Fish,
        Asker::Powershell => Shell::PowerShell,
        Asker::Zsh => Shell::Zsh,
        Asker::Kubectl => {
            command.build();
            terminal::data(&plugin(command))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "windlass", &mut script);
    terminal::data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// kubectl calls `kubectl_complete-windlass` with the words typed so far; it wants one candidate a line, a tab before its description,
/// and a last line with a directive of the cobra library: 4 stops the shell from offering files, 0 lets it.
fn plugin(command: &Command) -> String {
    let mut script = "\
#!/bin/sh
# Completion of `kubectl windlass`; printed by `windlass completion kubectl`.
verb= sub= before= last=
for word in \"$@\"; do
  before=$last last=$word
  case $word in
    -*) continue ;;
  esac
  case $before in
    --color) ;;
    *) if [ -z \"$verb\" ]; then verb=$word; elif [ -z \"$sub\" ]; then sub=$word; fi ;;
  esac
done
[ \"$verb\" = \"$last\" ] && verb=
[ \"$sub\" = \"$last\" ] && sub=
say() { case $1 in \"$last\"*) printf '%s\\t%s\\n' \"$1\" \"$2\" ;; esac; }
case \"$verb\" in
"
    .to_owned();
    for verb in shown(command) {
        let _ = writeln!(script, "{})", verb.get_name());
        let subs: Vec<&Command> = shown(verb).collect();
        if subs.is_empty() {
            cases(&mut script, verb);
        } else {
            script += "case \"$sub\" in\n";
            for sub in &subs {
                let _ = writeln!(script, "{})", sub.get_name());
                cases(&mut script, sub);
                script += ";;\n";
            }
            script += "*)\n";
            cases(&mut script, verb);
            script += ";;\nesac\n";
        }
        script += ";;\n";
    }
    script += "*)\n";
    cases(&mut script, command);
    script += ";;\nesac\n";
    script
}

/// What may follow: values of the flag before, files where it takes anything, else verbs, values and flags.
fn cases(script: &mut String, command: &Command) {
    *script += "case \"$before\" in\n";
    for flag in command.get_arguments().filter(|flag| !flag.is_positional() && flag.get_action().takes_values()) {
        let names =
            flag.get_short().map(|short| format!("-{short}")).into_iter().chain(flag.get_long().map(|long| format!("--{long}")));
        let _ = write!(script, "{}) ", names.collect::<Vec<_>>().join("|"));
        let values = flag.get_possible_values();
        for value in &values {
            say(script, value.get_name(), value.get_help());
        }
        let _ = writeln!(script, "echo :{} ;;", if values.is_empty() { 0 } else { 4 });
    }
    *script += "*) ";
    for verb in shown(command) {
        say(script, verb.get_name(), verb.get_about());
    }
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        if argument.is_positional() {
            for value in argument.get_possible_values() {
                say(script, value.get_name(), value.get_help());
            }
        } else if let Some(long) = argument.get_long() {
            say(script, &format!("--{long}"), argument.get_help());
        }
    }
    *script += "echo :4 ;;\nesac\n";
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
}

fn say(script: &mut String, candidate: &str, help: Option<&clap::builder::StyledStr>) {
    let help = help.map(ToString::to_string).unwrap_or_default().replace('\'', "'\\''");
    let _ = write!(script, "say '{candidate}' '{help}'; ");
}
