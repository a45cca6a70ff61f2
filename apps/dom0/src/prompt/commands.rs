// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each command does.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Display;

use dom0_core::http::Page;
use dom0_core::prompt::Command;
use minios::hypercall::domctl;

use super::{Prompt, show};
use crate::{network, terminal};

impl Prompt {
    /// Does what a line asked for, and tells what went wrong.
    pub(super) async fn obey(&mut self, command: Command) {
        if let Err(error) = self.try_obey(command).await {
            terminal::line(&error);
        }
    }

    async fn try_obey(&mut self, command: Command) -> Result<(), String> {
        match command {
            Command::Help => show::help(),
            Command::List => show::list(&self.domains),
            Command::Top => {
                let top = show::top(&self.domains);
                self.input.unless_cancelled(top).await.unwrap_or_default();
            }
            Command::Info => {
                show::info()?;
                self.network.describe().iter().for_each(|line| terminal::line(line));
            }
            Command::Dmesg => show::hypervisor_log()?,
            Command::Audit => show::audit(),
            Command::XenstoreLs(path) => show::xenstore(&self.store, &path)?,
            Command::Create(name) => drop(self.domains.create(&name).await?),
            Command::Destroy(name) => {
                let domain = self.domains.find(&name)?;
                self.domains.destroy(&domain).await.map_err(refused)?;
                log::info!("{} is destroyed", domain.config.name);
            }
            Command::Shutdown(name) => self.request(&name, "poweroff")?,
            Command::Reboot(name) => self.request(&name, "reboot")?,
            Command::Pause(name) => {
                domctl::pause_domain(self.domains.find(&name)?.id).map_err(refused)?;
            }
            Command::Unpause(name) => {
                domctl::unpause_domain(self.domains.find(&name)?.id).map_err(refused)?;
            }
            Command::Console(name) => {
                let domain = self.domains.find(&name)?;
                self.attach(domain);
            }
            Command::VifDetach(name) => {
                let domain = self.domains.find(&name)?;
                self.domains.detach_vifs(&domain).await?;
            }
            Command::VifAttach(name) => {
                let domain = self.domains.find(&name)?;
                self.domains.attach_vifs(&domain)?;
            }
            Command::Ping(peer) => {
                network::ping(self.network.stack(), &peer, terminal::line).await?;
            }
            Command::Fetch(options) => {
                let fetch = network::fetch(self.network.stack(), options);
                if let Some(fetched) = self.input.unless_cancelled(fetch).await {
                    let fetched = fetched.map_err(|error| error.to_string())?;
                    let page = fetched.page.as_ref().map(Page::lines).unwrap_or_default();
                    page.iter().for_each(|line| terminal::line(line));
                    terminal::line(&fetched.to_string());
                }
            }
        }
        Ok(())
    }

    fn request(&self, name: &str, how: &str) -> Result<(), String> {
        let domain = self.domains.find(name)?;
        self.domains.request(&domain, how)
    }
}

/// The sentence for an error of the hypervisor.
pub(super) fn refused(error: impl Display) -> String {
    format!("the hypervisor says {error}")
}
