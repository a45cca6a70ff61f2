// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's command line: words like `dom0_mem=64M`.

/// What the command line may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `dom0_mem=SIZE`: memory of the first domain, in bytes. Without it the first domain gets
    /// a quarter of what is free, within limits.
    pub dom0_bytes: Option<u64>,
    /// `smap=yes` or `smap=no`: whether the CPU is to keep ring 0 from reading a guest's memory by
    /// accident. Without it, where that works.
    pub smap: Option<bool>,
}

impl Options {
    /// Reads the words of `line`; an unknown one, or a value that cannot be read, is an error
    /// that quotes it.
    pub fn parse(line: &str) -> Result<Self, BadOption<'_>> {
        let mut options = Self::default();
        for word in line.split_ascii_whitespace() {
            match word.split_once('=') {
                Some(("dom0_mem", size)) => {
                    options.dom0_bytes = Some(parse_size(size).ok_or(BadOption(word))?);
                }
                Some(("smap", "yes")) => options.smap = Some(true),
                Some(("smap", "no")) => options.smap = Some(false),
                // What a user of Xen gives for the serial port; it is the only console here.
                Some(("console" | "com1" | "loglvl" | "guest_loglvl" | "dom0_max_vcpus", _)) => {}
                _ => return Err(BadOption(word)),
            }
        }
        Ok(options)
    }
}

/// A word that is no option, or has no readable value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption<'a>(pub &'a str);

/// A number of bytes with an optional suffix: `B`, `K` (also what no suffix means), `M`, `G`.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'B' | b'b' => (&text[..text.len() - 1], 0),
        b'K' | b'k' => (&text[..text.len() - 1], 10),
        b'M' | b'm' => (&text[..text.len() - 1], 20),
        b'G' | b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 10),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}
