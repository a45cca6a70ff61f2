// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backend of one network interface: the xenbus states (`public/io/xenbus.h`).

mod connection;
mod receive;
mod reports;
mod transmit;

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;

use dom0_core::network::netback::BACKEND_FEATURES;
use dom0_core::store::{Store, Watch};
use dom0_core::xenstored::Error;
use embassy_futures::select::{Either, select};
use minios::DomId;
use xen_abi::xenbus::XenbusState;

use super::Hub;
use connection::Connection;
use reports::Reports;

/// Which interface: of a domain, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Device {
    pub(super) domain: DomId,
    pub(super) handle: u32,
}

impl Device {
    /// The backend's directory.
    pub(super) fn backend(&self) -> String {
        format!("/local/domain/0/backend/vif/{}/{}", self.domain.get(), self.handle)
    }
}

/// Serves the interface until the task is cancelled, which ends the connection.
pub(super) async fn serve(store: Store, hub: Hub, device: Device, frontend: String) {
    let (path, reports) = (device.backend(), Rc::new(Reports::new(device)));
    let backend = Backend { store, hub, path, frontend, reports };
    if let Err(error) = backend.run().await {
        log::error!("vif {}.{}: xenstore: {error}", device.domain.get(), device.handle);
    }
}

struct Backend {
    store: Store,
    hub: Hub,
    path: String,
    frontend: String,
    reports: Rc<Reports>,
}

impl Backend {
    async fn run(&self) -> Result<(), Error> {
        for (key, value) in BACKEND_FEATURES {
            self.store.write(&format!("{}/{key}", self.path), value)?;
        }
        self.set_state(XenbusState::InitWait)?;
        let mut watch = self.store.watch(&format!("{}/state", self.frontend))?;
        let mut connection = None;
        loop {
            self.change(&mut watch, &mut connection).await;
            self.follow(&mut connection)?;
        }
    }

    /// Moves packets until the frontend's state changes, or it breaks the protocol.
    async fn change(&self, watch: &mut Watch, connection: &mut Option<Connection>) {
        let Some(connected) = connection else {
            watch.next().await;
            return;
        };
        if let Either::Second(fault) = select(watch.next(), connected.run()).await {
            self.reports.fault(&fault);
            *connection = None;
            let _ = self.set_state(XenbusState::Closing);
        }
    }

    /// Goes to the state that the frontend's state asks for.
    fn follow(&self, connection: &mut Option<Connection>) -> Result<(), Error> {
        match (self.frontend_state(), self.state()) {
            // Our directory is gone, and this task is about to be cancelled.
            (_, XenbusState::Unknown) => Ok(()),
            // A frontend starts anew, perhaps without having closed what it had.
            (XenbusState::Initialising, state) if state != XenbusState::InitWait => {
                *connection = None;
                self.set_state(XenbusState::InitWait)
            }
            (XenbusState::Initialised | XenbusState::Connected, XenbusState::InitWait) => {
                let next =
                    match Connection::new(&self.store, &self.hub, &self.reports, &self.frontend) {
                        Ok(new) => {
                            *connection = Some(new);
                            XenbusState::Connected
                        }
                        Err(fault) => {
                            self.reports.fault(&fault);
                            XenbusState::Closing
                        }
                    };
                self.set_state(next)
            }
            (XenbusState::Closing, XenbusState::Connected | XenbusState::InitWait) => {
                *connection = None;
                self.set_state(XenbusState::Closing)
            }
            // A frontend that is gone altogether has the state Unknown.
            (XenbusState::Closed | XenbusState::Unknown, state) if state != XenbusState::Closed => {
                *connection = None;
                self.set_state(XenbusState::Closed)
            }
            _ => Ok(()),
        }
    }

    fn frontend_state(&self) -> XenbusState {
        self.read_state(&self.frontend)
    }

    fn state(&self) -> XenbusState {
        self.read_state(&self.path)
    }

    fn read_state(&self, directory: &str) -> XenbusState {
        let text = self.store.read(&format!("{directory}/state")).unwrap_or_default();
        text.parse().unwrap_or(XenbusState::Unknown)
    }

    fn set_state(&self, state: XenbusState) -> Result<(), Error> {
        self.store.write(&format!("{}/state", self.path), state.as_str())
    }
}
