// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the keys of a configuration mean.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::syntax::{self, Setting, Value};
use super::{ConfigError, Vif};

/// Longest domain name in bytes.
const NAME_MAX: usize = 32;
/// Longest command line in bytes: what start_info has room for, less a NUL.
const COMMAND_LINE_MAX: usize = 1023;
/// Largest memory of a domain in MiB.
const MEMORY_MAX_MIB: u64 = 1 << 20;
/// As many as hv gives a PVH domain.
const VCPUS_MAX: u64 = 8;

/// What happens to a domain that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is destroyed.
    Destroy,
    /// It is destroyed and made anew from its configuration.
    Restart,
    /// It stays as it is, to be looked at.
    Preserve,
}

/// How a domain is virtualized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the guest's own agreement.
    Pv,
    /// By the processor.
    Pvh,
}

/// How the memory of a PVH domain is virtualized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// The processor walks a second level of tables.
    Nested,
    /// The hypervisor shadows the guest's tables.
    Shadow,
}

/// A domain to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainConfig {
    /// Its name.
    pub name: String,
    /// How it is virtualized.
    pub kind: Kind,
    /// How its memory is, if it is a PVH domain; `None`: as the machine can.
    pub paging: Option<Paging>,
    /// Path of its kernel, an ELF image.
    pub kernel: String,
    /// Path of its ramdisk.
    pub ramdisk: Option<String>,
    /// Its command line.
    pub command_line: String,
    /// Memory at start, in MiB.
    pub memory_mib: u64,
    /// Memory that it may grow to, in MiB.
    pub max_memory_mib: u64,
    /// Number of vCPUs.
    pub vcpus: u32,
    /// Share of CPU time relative to others; 256 is usual.
    pub cpu_weight: u16,
    /// Its network interfaces.
    pub vifs: Vec<Vif>,
    /// After it powered off.
    pub on_poweroff: Action,
    /// After it asked for a reboot.
    pub on_reboot: Action,
    /// After it crashed.
    pub on_crash: Action,
}

impl DomainConfig {
    /// Reads a configuration; `file` is its name for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let error = |(line, key, what)| ConfigError { file: String::from(file), line, key, what };
        let settings = syntax::parse(text).map_err(error)?;
        let mut reader = Reader::default();
        for setting in &settings {
            let failed = |what| error((setting.line, setting.key.clone(), what));
            if reader.seen.contains(&setting.key.as_str()) {
                return Err(failed(String::from("given a second time")));
            }
            reader.read(setting).map_err(failed)?;
            reader.seen.push(&setting.key);
        }
        let last = text.lines().count().max(1);
        reader.finish().map_err(|(key, what)| error((last, String::from(key), what)))
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader<'s> {
    seen: Vec<&'s str>,
    name: Option<String>,
    kind: Option<Kind>,
    paging: Option<Paging>,
    kernel: Option<String>,
    ramdisk: Option<String>,
    root: Option<String>,
    extra: Option<String>,
    command_line: Option<String>,
    memory: Option<u64>,
    max_memory: Option<u64>,
    vcpus: Option<u32>,
    cpu_weight: Option<u16>,
    vifs: Vec<Vif>,
    on_poweroff: Option<Action>,
    on_reboot: Option<Action>,
    on_crash: Option<Action>,
}

impl Reader<'_> {
    fn read(&mut self, setting: &Setting) -> Result<(), String> {
        let value = &setting.value;
        match setting.key.as_str() {
            "name" => self.name = Some(name(value)?),
            "type" | "builder" => self.kind = Some(kind(value)?),
            "paging" => self.set_paging(paging(value)?)?,
            // As xl names it: hardware assisted paging.
            "hap" => {
                let is_nested = number::<u8>(value, 0, 1)? == 1;
                self.set_paging(if is_nested { Paging::Nested } else { Paging::Shadow })?;
            }
            "kernel" => self.kernel = Some(path(value)?),
            "ramdisk" => self.ramdisk = Some(path(value)?),
            "root" => self.root = Some(format!("root={}", text(value)?)),
            "extra" => self.extra = Some(text(value)?.to_string()),
            "cmdline" => self.command_line = Some(text(value)?.to_string()),
            "memory" => self.memory = Some(number(value, 1, MEMORY_MAX_MIB)?),
            "maxmem" => self.max_memory = Some(number(value, 1, MEMORY_MAX_MIB)?),
            "vcpus" | "maxvcpus" => self.vcpus = Some(number(value, 1, VCPUS_MAX)?),
            "cpu_weight" => self.cpu_weight = Some(number(value, 1, 65535)?),
            "vif" => self.vifs = list(value, Vif::parse)?,
            "disk" => no_disks(value)?,
            "on_poweroff" => self.on_poweroff = Some(action(value)?),
            "on_reboot" => self.on_reboot = Some(action(value)?),
            "on_crash" => self.on_crash = Some(action(value)?),
            _ => return Err(String::from("unknown key")),
        }
        Ok(())
    }

    fn set_paging(&mut self, paging: Paging) -> Result<(), String> {
        if self.paging.replace(paging).is_some() {
            return Err(String::from("`paging` and `hap` say the same"));
        }
        Ok(())
    }

    fn finish(self) -> Result<DomainConfig, (&'static str, String)> {
        let missing = |key| move || (key, String::from("missing"));
        let memory_mib = self.memory.or(self.max_memory).ok_or_else(missing("memory"))?;
        let max_memory_mib = self.max_memory.unwrap_or(memory_mib);
        if max_memory_mib < memory_mib {
            return Err(("maxmem", format!("less than memory = {memory_mib}")));
        }
        let command_line = self.command_line.unwrap_or_else(|| {
            let parts: Vec<String> = self.root.into_iter().chain(self.extra).collect();
            parts.join(" ")
        });
        if command_line.len() > COMMAND_LINE_MAX {
            return Err(("extra", format!("longer than {COMMAND_LINE_MAX} bytes")));
        }
        let kind = self.kind.unwrap_or(Kind::Pv);
        let vcpus = self.vcpus.unwrap_or(1);
        if kind == Kind::Pv && vcpus > 1 {
            return Err(("vcpus", String::from("a PV domain has one")));
        }
        Ok(DomainConfig {
            name: self.name.ok_or_else(missing("name"))?,
            kind,
            paging: self.paging,
            kernel: self.kernel.ok_or_else(missing("kernel"))?,
            ramdisk: self.ramdisk,
            command_line,
            memory_mib,
            max_memory_mib,
            vcpus,
            cpu_weight: self.cpu_weight.unwrap_or(256),
            vifs: self.vifs,
            on_poweroff: self.on_poweroff.unwrap_or(Action::Destroy),
            on_reboot: self.on_reboot.unwrap_or(Action::Restart),
            on_crash: self.on_crash.unwrap_or(Action::Destroy),
        })
    }
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(_) | Value::List(_) => Err(String::from("expected a quoted string")),
    }
}

/// A number, with or without quotes as xl takes it too.
fn number<N: TryFrom<u64>>(value: &Value, min: u64, max: u64) -> Result<N, String> {
    let number = match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        Value::List(_) => None,
    };
    let in_range = number.filter(|number| (min..=max).contains(number));
    in_range.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
        if min == max {
            format!("only {min} is possible here")
        } else {
            format!("expected a number from {min} to {max}")
        }
    })
}

fn list<T>(value: &Value, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    match value {
        Value::List(entries) => entries.iter().map(|entry| parse(text(entry)?)).collect(),
        Value::Text(_) | Value::Number(_) => Err(String::from("expected a list in brackets")),
    }
}

fn name(value: &Value) -> Result<String, String> {
    let name = text(value)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts && name.len() <= NAME_MAX && name.chars().all(plain) {
        return Ok(String::from(name));
    }
    Err(format!("`{name}` is no name: up to {NAME_MAX} of A-Z a-z 0-9 - _ . +, a letter first"))
}

fn path(value: &Value) -> Result<String, String> {
    let path = text(value)?;
    if path.is_empty() { Err(String::from("empty path")) } else { Ok(String::from(path)) }
}

fn kind(value: &Value) -> Result<Kind, String> {
    match text(value)? {
        "pv" | "generic" => Ok(Kind::Pv),
        "pvh" => Ok(Kind::Pvh),
        other => Err(format!("`{other}` is no kind of domain here, only `pv` and `pvh`")),
    }
}

fn paging(value: &Value) -> Result<Paging, String> {
    match text(value)? {
        "nested" => Ok(Paging::Nested),
        "shadow" => Ok(Paging::Shadow),
        other => Err(format!("`{other}` is none of `nested`, `shadow`")),
    }
}

fn no_disks(value: &Value) -> Result<(), String> {
    let disks = list(value, |disk| Ok(disk.to_string()))?;
    if disks.is_empty() { Ok(()) } else { Err(String::from("this dom0 has no disks to give")) }
}

fn action(value: &Value) -> Result<Action, String> {
    match text(value)? {
        "destroy" => Ok(Action::Destroy),
        "restart" => Ok(Action::Restart),
        "preserve" => Ok(Action::Preserve),
        other => Err(format!("`{other}` is none of `destroy`, `restart`, `preserve`")),
    }
}
