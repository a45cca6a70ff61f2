// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person types on the serial line: commands to dom0, or input of an attached domain.

mod commands;
mod input;
mod show;

use alloc::format;
use alloc::rc::Rc;

use dom0_core::console::split_at_detach;
use dom0_core::prompt::{Command, Key, LineEditor};
use dom0_core::store::Store;

use self::input::Input;
use crate::network::Network;
use crate::terminal;
use crate::toolstack::{Domain, Domains};

/// The prompt with what is typed behind it.
fn show(editor: &LineEditor) {
    terminal::show_prompt(format!("dom0> {}", editor.line()));
}

/// Serves the prompt, for ever.
pub(crate) async fn run(domains: Domains, store: Store, network: Network) {
    let editor = LineEditor::default();
    let input = Input::default();
    let mut prompt = Prompt { domains, store, network, editor, input, attached: None };
    show(&prompt.editor);
    loop {
        let console = prompt.attached.as_ref().map(|domain| domain.console.clone());
        match prompt.input.next(console.as_deref()).await {
            Some(mut typed) => prompt.typed(typed.make_contiguous()).await,
            None => prompt.detach(),
        }
    }
}

/// The state of the prompt.
struct Prompt {
    domains: Domains,
    store: Store,
    network: Network,
    editor: LineEditor,
    input: Input,
    attached: Option<Rc<Domain>>,
}

impl Prompt {
    async fn typed(&mut self, typed: &[u8]) {
        let mut rest = typed;
        if let Some(domain) = &self.attached {
            let (to_domain, to_prompt) = split_at_detach(typed);
            domain.console.type_in(to_domain);
            let Some(to_prompt) = to_prompt else { return };
            self.detach();
            rest = to_prompt;
        }
        for (at, &byte) in rest.iter().enumerate() {
            self.key(byte).await;
            if let Some(domain) = &self.attached {
                return domain.console.type_in(&rest[at + 1..]);
            }
        }
    }

    async fn key(&mut self, byte: u8) {
        match self.editor.feed(byte) {
            Key::Nothing => return,
            Key::Edited => {}
            Key::Cancel => terminal::leave_prompt(),
            Key::Enter(line) => {
                terminal::leave_prompt();
                match Command::parse(&line) {
                    Ok(Some(command)) => self.obey(command).await,
                    Ok(None) => {}
                    Err(error) => terminal::line(&error),
                }
            }
        }
        if self.attached.is_none() {
            show(&self.editor);
        }
    }

    fn attach(&mut self, domain: Rc<Domain>) {
        terminal::print(format_args!("you type to {}; Ctrl-] comes back", domain.config.name));
        domain.console.attach();
        self.attached = Some(domain);
    }

    fn detach(&mut self) {
        if let Some(domain) = self.attached.take() {
            domain.console.detach();
            terminal::line("");
            show(&self.editor);
        }
    }
}
