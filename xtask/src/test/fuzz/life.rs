// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a fuzzed domain, as it is seen from dom0's prompt.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{session::Session, test::domains};

/// How long a domain may live; its own watchdog ends it much sooner.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many figures of a domain are between two audits while it lives.
const FIGURES: u32 = 8;

/// Lets the domain of a seed live, with audits meanwhile and afterwards; its exits.
pub(super) fn run(session: &mut Session, guest: &str, seed: u64) -> Result<u64> {
    session.type_line(&format!("create fuzz-{seed}.cfg"))?;
    let deadline = Instant::now() + PATIENCE;
    let mut life = Life { exits: 1, figures: 0 };
    while let Some(line) = session.line(deadline)? {
        if domains::tells_end(&line, guest) {
            domains::audit(session).context("the audit afterwards")?;
            return Ok(life.exits);
        }
        if life.hear(&line, guest)? {
            session.type_line("audit")?;
        }
    }
    session.type_line(&format!("destroy {guest}"))?;
    let is_end = |line: &str| domains::tells_end(line, guest);
    session.wait_for(is_end, PATIENCE).context("it cannot be destroyed")?;
    domains::audit(session).context("the audit afterwards")?;
    Ok(life.exits)
}

/// What a domain has said.
struct Life {
    exits: u64,
    figures: u32,
}

impl Life {
    /// Takes a line of the console; whether an audit is due.
    fn hear(&mut self, line: &str, guest: &str) -> Result<bool> {
        ensure!(!line.contains("audit: ") || line.contains("audit: ok"), "{line}");
        let said = line.strip_prefix(&format!("[{guest}] # exits: "));
        let Some(exits) = said.and_then(|number| number.trim().parse().ok()) else {
            return Ok(false);
        };
        self.exits = exits;
        self.figures += 1;
        Ok(self.figures.is_multiple_of(FIGURES))
    }
}

#[cfg(test)]
mod tests {
    use super::{FIGURES, Life};

    #[test]
    fn the_last_figure_counts() {
        let mut life = Life { exits: 1, figures: 0 };
        for line in ["[fuzz] # exits: 70", "dom0> audit", "[fuzz] # exits: 1", "[fuzz] # exits: x"]
        {
            assert!(!life.hear(line, "fuzz").unwrap());
        }
        assert_eq!(life.exits, 1);
        assert!(life.hear("[other] # exits: 70", "fuzz").is_ok_and(|due| !due));
        assert_eq!(life.exits, 1);
    }

    #[test]
    fn audits_come_now_and_then_and_must_find_nothing() {
        let mut life = Life { exits: 1, figures: 0 };
        let due = (0..FIGURES).map(|_| life.hear("[fuzz] # exits: 2", "fuzz").unwrap());
        assert_eq!(due.filter(|due| *due).count(), 1);
        assert!(life.hear("audit: ok", "fuzz").is_ok());
        assert!(life.hear("(hv) audit: shadow: Lost(Entry(1))", "fuzz").is_err());
        assert!(life.hear("audit: 1 difference", "fuzz").is_err());
    }
}
