// SPDX-License-Identifier: MIT OR Apache-2.0
//! No file may grow until nobody reads it.
use super::{Findings, source::Source};

/// More lines than this are worth a look, and these are too many.
const RUST: (usize, usize) = (300, 500);
const ASSEMBLY: (usize, usize) = (150, 250);

pub(super) fn check(sources: &[Source], findings: &mut Findings) {
    for source in sources.iter().filter(|source| !source.is_test()) {
        let lines = source.text.lines().count();
        let (worth_a_look, too_many) = if source.has_extension("S") { ASSEMBLY } else { RUST };
        let text = format!("{} has {lines} lines", source.path.display());
        if lines > too_many {
            findings.error(format!("{text}, more than {too_many}: split it"));
        } else if lines > worth_a_look {
            findings.note(text);
        }
    }
}
