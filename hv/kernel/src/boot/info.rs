// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`BootInfo`]: what the loader said, copied out of its memory.
use heapless::{String, Vec};

/// Most parts of the memory map that are kept.
const MAX_REGIONS: usize = 64;
/// Most modules.
const MAX_MODULES: usize = 8;
/// Longest command line, in bytes.
const MAX_COMMAND_LINE: usize = 1024;

/// A command line.
pub type CommandLine = String<MAX_COMMAND_LINE>;

/// A part of the machine's address space.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// First byte.
    pub start: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// Type as in an e820 map: 1 is usable memory.
    pub kind: u32,
}

/// A file that the loader put into memory.
#[derive(Clone, Debug)]
pub struct Module {
    /// Machine address of its first byte.
    pub start: u64,
    /// Machine address behind its last byte.
    pub end: u64,
    /// The words that came with it, without the file's name.
    pub arguments: CommandLine,
}

/// What the loader said.
#[derive(Default)]
pub struct BootInfo {
    /// The hypervisor's own command line.
    pub command_line: CommandLine,
    /// The memory map.
    pub regions: Vec<Region, MAX_REGIONS>,
    /// The modules, in their order.
    pub modules: Vec<Module, MAX_MODULES>,
}

impl BootInfo {
    /// Adds a part of the memory map.
    pub fn add_region(&mut self, region: Region) {
        self.regions.push(region).expect("more parts in the memory map than are supported");
    }

    /// Adds a module.
    pub fn add_module(&mut self, start: u64, end: u64, text: &str) {
        let arguments = command_line(text);
        let module = Module { start, end, arguments };
        self.modules.push(module).expect("more modules than are supported");
    }
}

/// A copy of `text`, which must not be too long.
pub fn command_line(text: &str) -> CommandLine {
    CommandLine::try_from(text).expect("a command line is longer than 1023 bytes")
}
