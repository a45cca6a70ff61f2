// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done about packages that are missing.

/// The words in front of a command that make root run it.
pub(super) type Privilege = &'static [&'static str];

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// Whether the system has apt.
    pub(super) apt: bool,
    /// How to become root without a password, if that is possible.
    pub(super) privilege: Option<Privilege>,
    /// Whether the user has agreed: `--yes`.
    pub(super) yes: bool,
    /// Whether nobody watches: CI.
    pub(super) ci: bool,
    /// Whether somebody could answer a question.
    pub(super) terminal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing is missing.
    Nothing,
    /// Install without a question.
    Install(Privilege),
    /// Ask once, then install.
    Ask(Privilege),
    /// Nothing can be done but tell the user this.
    Tell(String),
}

/// Decides about the `missing` packages.
pub(super) fn decide(missing: &[&str], circumstances: &Circumstances) -> Decision {
    let Circumstances { apt, privilege, yes, ci, terminal } = *circumstances;
    match privilege {
        _ if missing.is_empty() => Decision::Nothing,
        _ if !apt => Decision::Tell(format!(
            "install these first, under the names that your system has for them: {}",
            missing.join(" ")
        )),
        None => Decision::Tell(format!("some programs are missing, type: {}", by_hand(missing))),
        Some(privilege) if terminal && !yes && !ci => Decision::Ask(privilege),
        Some(privilege) => Decision::Install(privilege),
    }
}

/// The one command that a user types.
pub(super) fn by_hand(packages: &[&str]) -> String {
    format!("sudo apt-get update && sudo apt-get install -y {}", packages.join(" "))
}

/// Whether an answer to the question means yes, which Enter alone does.
pub(super) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes")
}

/// Whether the variable `CI` says that nobody watches.
pub(super) fn is_ci(variable: Option<&str>) -> bool {
    matches!(variable, Some("true" | "1"))
}

#[cfg(test)]
mod tests {
    use super::{Circumstances, Decision, decide, is_ci, is_yes};

    const MISSING: [&str; 2] = ["curl", "wrk"];
    const ROOT: &[&str] = &[];
    const SUDO: &[&str] = &["sudo", "-n"];
    /// Somebody at a terminal who is nobody special.
    const USER: Circumstances =
        Circumstances { apt: true, privilege: None, yes: false, ci: false, terminal: true };

    #[test]
    fn nothing_is_done_about_nothing() {
        assert_eq!(decide(&[], &Circumstances { apt: false, ..USER }), Decision::Nothing);
    }

    #[test]
    fn without_apt_the_names_are_told() {
        let circumstances = Circumstances { apt: false, privilege: Some(ROOT), yes: true, ..USER };
        let Decision::Tell(text) = decide(&MISSING, &circumstances) else { panic!() };
        assert!(text.ends_with(": curl wrk"), "{text}");
    }

    #[test]
    fn without_privilege_the_command_is_told() {
        for yes in [false, true] {
            let Decision::Tell(text) = decide(&MISSING, &Circumstances { yes, ..USER }) else {
                panic!()
            };
            let command = "type: sudo apt-get update && sudo apt-get install -y curl wrk";
            assert!(text.ends_with(command), "{text}");
        }
    }

    #[test]
    fn a_terminal_is_asked_unless_somebody_agreed() {
        for privilege in [ROOT, SUDO] {
            let user = Circumstances { privilege: Some(privilege), ..USER };
            assert_eq!(decide(&MISSING, &user), Decision::Ask(privilege));
            for sure in [
                Circumstances { yes: true, ..user },
                Circumstances { ci: true, ..user },
                Circumstances { terminal: false, ..user },
            ] {
                assert_eq!(decide(&MISSING, &sure), Decision::Install(privilege), "{sure:?}");
            }
        }
    }

    #[test]
    fn answers() {
        for yes in ["\n", "y\n", "Yes\n", " Y \n"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["n\n", "no\n", "what?\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
        assert!(is_ci(Some("true")) && is_ci(Some("1")) && !is_ci(Some("")) && !is_ci(None));
    }
}
