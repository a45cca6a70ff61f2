// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of the prompt.

use alloc::format;
use alloc::string::String;

use super::FetchOptions;

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Tell the commands.
    Help,
    /// Tell the domains.
    List,
    /// Make a domain from a configuration file.
    Create(String),
    /// End a domain at once.
    Destroy(String),
    /// Ask a domain to power off.
    Shutdown(String),
    /// Ask a domain to reboot.
    Reboot(String),
    /// Stop a domain.
    Pause(String),
    /// Let a paused domain go on.
    Unpause(String),
    /// Type to a domain's console.
    Console(String),
    /// Take a domain's network interfaces away.
    VifDetach(String),
    /// Give them back.
    VifAttach(String),
    /// Show what the hypervisor printed.
    Dmesg,
    /// Tell about the machine.
    Info,
    /// Tell who uses the processor.
    Top,
    /// Let the hypervisor count its references again.
    Audit,
    /// Show xenstore from a path on.
    XenstoreLs(String),
    /// Send echo requests.
    Ping(String),
    /// Get something by HTTP, or send it.
    Fetch(FetchOptions),
}

/// A line of the help.
#[derive(Clone, Copy, Debug)]
pub struct CommandHelp {
    /// The command's name.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'static str,
    /// What it does.
    pub text: &'static str,
}

const fn help(name: &'static str, arguments: &'static str, text: &'static str) -> CommandHelp {
    CommandHelp { name, arguments, text }
}

/// All commands, as `help` shows them.
pub const COMMANDS: &[CommandHelp] = &[
    help("list", "", "domains: id, name, memory, state, CPU time"),
    help("create", "FILE.cfg", "make and start a domain"),
    help("shutdown", "NAME", "ask a domain to power off"),
    help("reboot", "NAME", "ask a domain to start anew"),
    help("destroy", "NAME", "end a domain at once"),
    help("pause", "NAME", "stop a domain where it is"),
    help("unpause", "NAME", "let it go on"),
    help("console", "NAME", "type to a domain; Ctrl-] comes back here"),
    help("vif-detach", "NAME", "take its network interfaces from a domain"),
    help("vif-attach", "NAME", "give them back"),
    help("top", "", "share of the processor of each domain"),
    help("info", "", "the machine and its hypervisor"),
    help("dmesg", "", "what the hypervisor printed"),
    help("audit", "", "let the hypervisor check its own books"),
    help("xenstore-ls", "[PATH]", "the nodes of xenstore"),
    help("ping", "ADDRESS", "send echo requests"),
    help("fetch", "URL", "get by HTTP; --print, -n REQUESTS, -c CONNECTIONS, --upload BYTES"),
    help("help", "", "this list"),
];

impl Command {
    /// Reads a line; `None` for an empty one. The error is a sentence.
    pub fn parse(line: &str) -> Result<Option<Self>, String> {
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next() else { return Ok(None) };
        if name == "fetch" {
            return FetchOptions::parse(words, &usage(name)).map(|it| Some(Self::Fetch(it)));
        }
        let argument = words.next();
        if words.next().is_some() {
            return Err(format!("`{name}` takes one argument at most"));
        }
        let needed = || match argument {
            Some(argument) => Ok(String::from(argument)),
            None => Err(usage(name)),
        };
        let command = match name {
            "help" | "?" => Self::Help,
            "list" | "ls" => Self::List,
            "create" => Self::Create(needed()?),
            "destroy" => Self::Destroy(needed()?),
            "shutdown" => Self::Shutdown(needed()?),
            "reboot" => Self::Reboot(needed()?),
            "pause" => Self::Pause(needed()?),
            "unpause" => Self::Unpause(needed()?),
            "console" => Self::Console(needed()?),
            "vif-detach" => Self::VifDetach(needed()?),
            "vif-attach" => Self::VifAttach(needed()?),
            "dmesg" => Self::Dmesg,
            "info" => Self::Info,
            "audit" => Self::Audit,
            "top" => Self::Top,
            "xenstore-ls" => Self::XenstoreLs(String::from(argument.unwrap_or("/"))),
            "ping" => Self::Ping(needed()?),
            _ => return Err(format!("no command `{name}`; `help` tells which there are")),
        };
        Ok(Some(command))
    }
}

fn usage(name: &str) -> String {
    let known = COMMANDS.iter().find(|command| command.name == name);
    let arguments = known.map_or("ARGUMENT", |command| command.arguments);
    format!("usage: {name} {arguments}")
}
