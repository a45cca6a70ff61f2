// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a toolstack writes into xenstore about a domain: its home, and both directories of each of
//! its devices, with the nodes, values and permissions that `xl` gives them.

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use minios_core::mac_address::MacAddress;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::Mfn;

use crate::DomId;
use crate::store::Store;
use crate::xenstored::{DOM0, Error, Path, Permissions, Rights};

/// A ring that the builder gave the domain.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// The domain's page.
    pub frame: Mfn,
    /// The domain's port.
    pub port: EvtchnPort,
}

/// A network interface.
#[derive(Clone, Debug)]
pub struct VifNodes {
    /// Its Ethernet address.
    pub mac: MacAddress,
    /// The bridge named in the configuration.
    pub bridge: String,
    /// The IPv4 address named in the configuration.
    pub ip: Option<String>,
}

/// What xenstore says about a domain from its start.
#[derive(Clone, Debug)]
pub struct DomainNodes {
    /// The domain.
    pub domid: DomId,
    /// Its name.
    pub name: String,
    /// Its UUID as text.
    pub uuid: String,
    /// How many vCPUs it has.
    pub vcpus: u32,
    /// Memory at start, in KiB.
    pub memory_kib: u64,
    /// Where its memory map ends, in KiB.
    pub max_memory_kib: u64,
    /// The ring to xenstored.
    pub store_ring: Ring,
    /// The console's ring.
    pub console_ring: Ring,
    /// Its network interfaces.
    pub vifs: Vec<VifNodes>,
}

/// dom0 owns the node, the domain may read it.
fn read_only(domid: DomId) -> Permissions {
    Permissions::new(DOM0, Rights::None).with(domid, Rights::Read)
}

/// The domain owns the node, dom0 sees all anyway.
fn own(domid: DomId) -> Permissions {
    Permissions::new(domid, Rights::None)
}

/// Nodes in a domain's home that it may write.
const WRITABLE: [&str; 10] = [
    "control/shutdown",
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-suspend",
    "control/sysrq",
    "data",
    "drivers",
    "feature",
    "attr",
    "error",
];

/// Writes the nodes about dom0 itself.
pub fn write_dom0(store: &Store) -> Result<(), Error> {
    store.write("/local/domain/0/domid", "0")?;
    store.write("/local/domain/0/name", "Domain-0")?;
    store.make_directory("/local/domain/0/backend")?;
    store.make_directory("/vm")
}

impl DomainNodes {
    /// Writes all nodes of the domain. Its devices are in state Initialising then, and their
    /// backends hear of them.
    pub fn write(&self, store: &Store) -> Result<(), Error> {
        let home = Path::home(self.domid);
        let vm = format!("/vm/{}", self.uuid);
        make(store, &vm, &read_only(self.domid))?;
        store.write(&format!("{vm}/name"), &self.name)?;
        store.write(&format!("{vm}/uuid"), &self.uuid)?;
        make(store, home.as_str(), &read_only(self.domid))?;
        let node = |name: &str, value: &str| store.write(&format!("{home}/{name}"), value);
        node("vm", &vm)?;
        node("name", &self.name)?;
        node("domid", &self.domid.get().to_string())?;
        (0..self.vcpus).try_for_each(|vcpu| node(&format!("cpu/{vcpu}/availability"), "online"))?;
        node("memory/target", &self.memory_kib.to_string())?;
        node("memory/static-max", &self.max_memory_kib.to_string())?;
        node("store/port", &self.store_ring.port.get().to_string())?;
        node("store/ring-ref", &self.store_ring.frame.get().to_string())?;
        store.make_directory(&format!("{home}/device"))?;
        for name in WRITABLE {
            make(store, &format!("{home}/{name}"), &own(self.domid))?;
        }
        self.write_console(store)?;
        self.write_vifs(store)
    }

    /// Writes the nodes of the network interfaces, in both directories of each.
    pub fn write_vifs(&self, store: &Store) -> Result<(), Error> {
        self.vifs.iter().enumerate().try_for_each(|(index, vif)| self.write_vif(store, index, vif))
    }

    /// Asks the network interfaces to close: both sides come to state Closed if they are well.
    pub fn close_vifs(&self, store: &Store) -> Result<(), Error> {
        self.backends()
            .try_for_each(|back| write_all(store, &back, &[("online", "0"), ("state", "5")]))
    }

    /// Whether all network interfaces are closed.
    pub fn vifs_are_closed(&self, store: &Store) -> bool {
        self.backends()
            .all(|back| store.read(&format!("{back}/state")).is_ok_and(|state| state == "6"))
    }

    /// Whether the nodes of the network interfaces are there.
    pub fn has_vifs(&self, store: &Store) -> bool {
        self.backends().any(|back| store.exists(&back))
    }

    /// Takes the nodes of the network interfaces out.
    pub fn remove_vifs(&self, store: &Store) {
        let domid = self.domid.get();
        let _ = store.remove(&format!("/local/domain/{domid}/device/vif"));
        let _ = store.remove(&format!("/local/domain/0/backend/vif/{domid}"));
    }

    /// The backends' directories of the network interfaces.
    fn backends(&self) -> impl Iterator<Item = String> {
        let domid = self.domid.get();
        (0..self.vifs.len())
            .map(move |index| format!("/local/domain/0/backend/vif/{domid}/{index}"))
    }

    /// Takes all nodes of the domain out, those in its backends' directories too.
    pub fn remove(&self, store: &Store) {
        for class in ["vif", "console"] {
            let _ = store.remove(&format!("/local/domain/0/backend/{class}/{}", self.domid.get()));
        }
        let _ = store.remove(Path::home(self.domid).as_str());
        let _ = store.remove(&format!("/vm/{}", self.uuid));
    }

    fn write_console(&self, store: &Store) -> Result<(), Error> {
        let domid = self.domid.get();
        let front = format!("/local/domain/{domid}/console");
        let back = format!("/local/domain/0/backend/console/{domid}/0");
        let port = self.console_ring.port.get().to_string();
        let frame = self.console_ring.frame.get().to_string();
        make(store, &back, &read_only(self.domid))?;
        let ends = [("frontend", front.as_str()), ("frontend-id", &domid.to_string())];
        write_all(store, &back, &ends)?;
        write_all(store, &back, &[("online", "1"), ("state", "1"), ("protocol", "vt100")])?;
        make(store, &front, &read_only(self.domid))?;
        write_all(store, &front, &[("backend", &back), ("backend-id", "0"), ("limit", "1048576")])?;
        write_all(store, &front, &[("type", "xenconsoled"), ("output", "pty")])?;
        write_all(store, &front, &[("port", &port), ("ring-ref", &frame)])
    }

    fn write_vif(&self, store: &Store, index: usize, vif: &VifNodes) -> Result<(), Error> {
        let domid = self.domid.get();
        let front = format!("/local/domain/{domid}/device/vif/{index}");
        let back = format!("/local/domain/0/backend/vif/{domid}/{index}");
        let (mac, handle) = (vif.mac.to_string(), index.to_string());

        make(store, &front, &read_only(self.domid))?;
        write_all(store, &front, &[("backend", &back), ("backend-id", "0"), ("handle", &handle)])?;
        write_all(store, &front, &[("mac", &mac), ("mtu", "1500"), ("trusted", "1")])?;
        let state = format!("{front}/state");
        make(store, &state, &own(self.domid).with(DOM0, Rights::Read))?;
        store.write(&state, "1")?;
        store.set_permissions(&front, own(self.domid).with(DOM0, Rights::Read))?;

        make(store, &back, &read_only(self.domid))?;
        let ends = [("frontend", front.as_str()), ("frontend-id", &domid.to_string())];
        write_all(store, &back, &ends)?;
        write_all(store, &back, &[("mac", &mac), ("handle", &handle), ("bridge", &vif.bridge)])?;
        if let Some(ip) = &vif.ip {
            write_all(store, &back, &[("ip", ip)])?;
        }
        write_all(store, &back, &[("type", "vif"), ("online", "1"), ("state", "1")])
    }
}

fn make(store: &Store, path: &str, permissions: &Permissions) -> Result<(), Error> {
    store.make_directory(path)?;
    store.set_permissions(path, permissions.clone())
}

fn write_all(store: &Store, directory: &str, nodes: &[(&str, &str)]) -> Result<(), Error> {
    nodes.iter().try_for_each(|(name, value)| store.write(&format!("{directory}/{name}"), value))
}
