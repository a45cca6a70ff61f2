// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each file says its licence and what it is, and leaves nothing undone.
use super::{
    Findings,
    source::{Source, code},
};

const LICENCE: &str = "SPDX-License-Identifier: MIT OR Apache-2.0";
/// Macros that stand for code to be written.
const UNDONE: [&str; 2] = ["todo!(", "unimplemented!("];

pub(super) fn check(sources: &[Source], findings: &mut Findings) {
    for source in sources {
        let path = source.path.display();
        if !source.text.lines().next().is_some_and(|line| line.contains(LICENCE)) {
            findings.error(format!("{path}: the first line must say {LICENCE}"));
        }
        let described = source.text.lines().any(|line| line.starts_with("//!"));
        if source.has_extension("rs") && !source.is_test() && !described {
            findings.error(format!("{path}: a line of `//!` must say what the file is"));
        }
        for (number, line) in source.text.lines().enumerate() {
            // In two parts, so that this line does not find itself.
            let marked = line.contains(concat!("TO", "DO")) || line.contains(concat!("FIX", "ME"));
            let undone = UNDONE.iter().any(|macro_| code(line).trim_start().starts_with(macro_));
            if marked || undone {
                findings.error(format!("{path}:{}: do it or take it out", number + 1));
            }
        }
    }
}
