// SPDX-License-Identifier: MIT OR Apache-2.0
//! All domains that were made here, and what can be done with them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use dom0_core::config::{DomainConfig, Kind, Vif};
use dom0_core::domain_nodes::{DomainNodes, Ring, VifNodes};
use dom0_core::store::Store;
use minios::Errno;
use minios::event_channel::EventChannel;
use minios::hypercall::domctl;
use minios::memory::{SharedPages, map_foreign};
use minios::task;
use minios::time::Instant;
use xen_abi::domain::DomId;

use super::create::{self, Built};
use super::{Domain, uuid};
use crate::console::DomainConsole;
use crate::{files, xenstored};

/// The bridge of a vif whose configuration names none.
const DEFAULT_BRIDGE: &str = "xenbr0";

/// The domains made here. A clone is the same.
#[derive(Clone)]
pub(crate) struct Domains(Rc<Inner>);

struct Inner {
    store: Store,
    domains: RefCell<BTreeMap<DomId, Rc<Domain>>>,
}

impl Domains {
    /// None yet.
    pub(crate) fn new(store: Store) -> Self {
        Self(Rc::new(Inner { store, domains: RefCell::default() }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// All domains, by id.
    pub(crate) fn all(&self) -> Vec<Rc<Domain>> {
        self.0.domains.borrow().values().cloned().collect()
    }

    /// The domain with this name or number.
    pub(crate) fn find(&self, name: &str) -> Result<Rc<Domain>, String> {
        let number = name.parse().ok().map(DomId::new);
        let domains = self.0.domains.borrow();
        let mut matching = domains
            .values()
            .filter(|domain| domain.config.name == name || Some(domain.id) == number);
        matching.next().cloned().ok_or_else(|| format!("no domain `{name}`"))
    }

    /// Makes the domains that start by themselves, one after the other.
    pub(crate) async fn create_all(&self) {
        for path in files::auto_configs() {
            if let Err(error) = self.create(&path).await {
                log::error!("{error}");
            }
            task::yield_now().await;
        }
    }

    /// Makes and starts a domain from the configuration `name`.
    pub(crate) async fn create(&self, name: &str) -> Result<DomId, String> {
        let path =
            files::find_config(name).ok_or_else(|| format!("no file `{name}` in the ramdisk"))?;
        self.create_again(&path, 0).await
    }

    /// Makes a domain from the file `path`; `quick_restarts` times it was made in vain before.
    pub(super) async fn create_again(
        &self,
        path: &str,
        quick_restarts: u32,
    ) -> Result<DomId, String> {
        let text = files::read(path).ok_or_else(|| format!("{path}: no such file"))?;
        let text = core::str::from_utf8(text).map_err(|_| format!("{path}: not a text file"))?;
        let config = DomainConfig::parse(path, text).map_err(|error| error.to_string())?;
        if self.find(&config.name).is_ok() {
            return Err(format!("{path}: there is a domain `{}` already", config.name));
        }
        let file = |name: &str| files::read(name).ok_or_else(|| format!("{path}: no file {name}"));
        let kernel = file(&config.kernel)?;
        let ramdisk = config.ramdisk.as_deref().map_or(Ok(&[][..]), file)?;
        let uuid = uuid::new_uuid();
        let domid =
            create::new_domain(uuid, &config).map_err(|error| format!("{path}: {error}"))?;
        let started = create::build(domid, &config, kernel, ramdisk)
            .and_then(|built| self.start(domid, config, &uuid, built, (path, quick_restarts)));
        match started {
            Ok(()) => Ok(domid),
            Err(error) => {
                self.discard(domid).await;
                Err(format!("{path}: {error}"))
            }
        }
    }

    /// Gives the built domain its services and nodes, and lets it run.
    fn start(
        &self,
        domid: DomId,
        config: DomainConfig,
        uuid: &[u8; 16],
        built: Built,
        (source, quick_restarts): (&str, u32),
    ) -> Result<(), String> {
        let store = &self.0.store;
        let nodes = nodes(domid, &config, uuid, &built);
        let (page, channel) = connect(domid, &built.console)?;
        let console = DomainConsole::new(config.name.clone(), page, channel);
        let (page, channel) = connect(domid, &built.store)?;
        nodes.write(store).map_err(|error| {
            nodes.remove(store);
            format!("xenstore says {error}")
        })?;
        let _ = store.introduce(domid);
        let services = Vec::from([
            task::spawn(console.clone().serve()),
            task::spawn(xenstored::serve(domid, page, channel, store.clone())),
        ]);
        log::info!("{} starts as domain {}, {} MiB", config.name, domid.get(), config.memory_mib);
        let domain = Domain {
            id: domid,
            config,
            console,
            source: source.to_string(),
            nodes,
            services: RefCell::new(services),
            started: Instant::now(),
            quick_restarts,
            ended: Cell::new(false),
        };
        self.0.domains.borrow_mut().insert(domid, Rc::new(domain));
        domctl::unpause_domain(domid).map_err(|error| format!("it does not start: {error}"))
    }

    /// Undoes a creation that failed half-way.
    async fn discard(&self, domid: DomId) {
        let domain = self.0.domains.borrow().get(&domid).cloned();
        let destroyed = match domain {
            Some(domain) => self.destroy(&domain).await,
            None => domctl::destroy_domain(domid),
        };
        if let Err(error) = destroyed {
            log::error!("the unfinished {domid} cannot be destroyed: {error}");
        }
    }

    /// Ends a domain at once and gives back all that it had.
    pub(crate) async fn destroy(&self, domain: &Domain) -> Result<(), Errno> {
        if self.0.domains.borrow_mut().remove(&domain.id).is_none() {
            return Ok(()); // somebody else is at it
        }
        let _ = domctl::pause_domain(domain.id);
        domain.console.finish();
        for service in domain.services.take() {
            service.cancel().await;
        }
        domain.nodes.remove(&self.0.store);
        // The backends hear of the removed nodes and let go of the domain's pages.
        task::yield_now().await;
        let destroyed = domctl::destroy_domain(domain.id);
        self.0.store.release(domain.id);
        destroyed
    }

    /// Asks a domain to end by itself: `how` is `poweroff` or `reboot`.
    pub(crate) fn request(&self, domain: &Domain, how: &str) -> Result<(), String> {
        let path = format!("/local/domain/{}/control/shutdown", domain.id.get());
        self.0.store.write(&path, how).map_err(|error| format!("xenstore says {error}"))
    }
}

/// Maps a ring's page and connects to its port.
fn connect(domid: DomId, ring: &Ring) -> Result<(SharedPages, EventChannel), String> {
    let failed = |error: Errno| format!("cannot connect to its rings: {error}");
    let page = map_foreign(domid, &[ring.frame]).map_err(failed)?;
    let channel = EventChannel::bind_interdomain(domid, ring.port).map_err(failed)?;
    Ok((page, channel))
}

fn nodes(domid: DomId, config: &DomainConfig, uuid: &[u8; 16], built: &Built) -> DomainNodes {
    let vif = |vif: &Vif| VifNodes {
        mac: vif.mac.unwrap_or_else(uuid::new_mac),
        bridge: vif.bridge.clone().unwrap_or_else(|| DEFAULT_BRIDGE.to_string()),
        ip: vif.ip.clone(),
    };
    // The balloon of a PVH guest takes the difference to its memory for pages that it never had: on
    // Xen its memory map reaches up to `maxmem`, which is populated on demand.
    let static_max = match config.kind {
        Kind::Pv => config.max_memory_mib,
        Kind::Pvh => config.memory_mib,
    };
    DomainNodes {
        domid,
        name: config.name.clone(),
        uuid: uuid::format_uuid(uuid),
        vcpus: config.vcpus,
        memory_kib: config.memory_mib * 1024,
        max_memory_kib: static_max * 1024,
        store_ring: built.store,
        console_ring: built.console,
        vifs: config.vifs.iter().map(vif).collect(),
    }
}
