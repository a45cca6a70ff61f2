// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine that serves: its ramdisk, and what there is to tell of it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use httpd_core::etag::ETag;
use httpd_core::metrics::Metric;
use httpd_core::page::Fact;
use httpd_core::request_log::RequestLog;
use httpd_core::site::{self, File};
use httpd_core::stats::Stats;
use minios::hypercall::version;
use minios::net::Stack;
use minios::time::{Duration, Instant};
use minios::{PAGE_SIZE, memory, ramdisk, xenstore};

/// This domain.
pub(crate) struct Machine {
    /// The files of the ramdisk, a cpio archive, by name.
    files: BTreeMap<&'static str, File>,
    name: String,
    id: String,
    hypervisor: String,
    booted: Instant,
    stack: Stack,
    stats: Rc<Stats>,
    requests: Rc<RequestLog>,
}

impl Machine {
    /// Reads what does not change: the ramdisk, and what others call the domain and themselves.
    pub(crate) async fn new(stack: Stack, stats: Rc<Stats>, requests: Rc<RequestLog>) -> Self {
        let file = |bytes| File { bytes, etag: ETag::of(bytes) };
        let number = version::version();
        let (major, minor) = (number >> 16, number & 0xffff);
        // A domain without xenstore serves as well.
        Self {
            files: ramdisk::files().map(|it| (it.name, file(it.bytes))).collect(),
            name: xenstore::read("name").await.unwrap_or_default(),
            id: xenstore::read("domid").await.unwrap_or_default(),
            hypervisor: format!("Xen ABI {major}.{minor}{}", version::extra_version()),
            booted: Instant::now(),
            stack,
            stats,
            requests,
        }
    }

    /// How many files there are.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }
}

impl site::Machine for Machine {
    fn file(&self, path: &str) -> Option<File> {
        self.files.get(path).copied()
    }

    fn facts(&self) -> Vec<Fact> {
        let memory = memory::usage();
        let mebibytes = |pages: usize| (pages * PAGE_SIZE) >> 20;
        let uptime = self.booted.elapsed();
        let addresses: Vec<String> =
            self.stack.addresses().own.iter().map(|(address, _)| format!("{address}")).collect();
        vec![
            ("Domain", format!("{}, number {}", self.name, self.id)),
            ("Hypervisor", self.hypervisor.clone()),
            (
                "Memory",
                format!(
                    "{} of {} MiB free",
                    mebibytes(memory.free_pages),
                    mebibytes(memory.total_pages)
                ),
            ),
            ("Heap in use", format!("{} KiB", memory.heap_used_bytes >> 10)),
            ("Up for", duration(uptime)),
            ("Requests so far", format!("{}", self.stats.requests())),
            ("Addresses", addresses.join(", ")),
        ]
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut all = serving(&self.stats);
        all.extend(machine(self.booted));
        all.extend(network(&self.stack));
        all
    }

    fn requests(&self) -> String {
        self.requests.render()
    }
}

/// Seconds with their fraction, later on hours and minutes.
fn duration(time: Duration) -> String {
    let (seconds, ms) = (time.as_secs(), time.as_millis() % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds}.{ms:03} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {minutes} min"),
    }
}

fn serving(stats: &Stats) -> Vec<Metric> {
    const HELP: &str = "Requests answered, by the class of their status";
    const NAMES: [&str; 6] = [
        "",
        "httpd_requests_total{status=\"1xx\"}",
        "httpd_requests_total{status=\"2xx\"}",
        "httpd_requests_total{status=\"3xx\"}",
        "httpd_requests_total{status=\"4xx\"}",
        "httpd_requests_total{status=\"5xx\"}",
    ];
    let classes = NAMES.iter().zip(&stats.answers).skip(1);
    let mut all: Vec<_> =
        classes.map(|(name, count)| Metric::counter(name, HELP, count.get())).collect();
    all.extend([
        Metric::counter("httpd_bytes_total", "Bytes of answers written", stats.bytes.get()),
        Metric::counter("httpd_connections_total", "Connections accepted", stats.connections.get()),
        Metric::gauge("httpd_connections", "Connections open", stats.open.get()),
        Metric::counter(
            "httpd_connections_shed_total",
            "Connections ended early to make room for others",
            stats.shed.get(),
        ),
    ]);
    all
}

fn machine(booted: Instant) -> [Metric; 6] {
    let memory = memory::usage();
    let bytes = |pages: usize| (pages * PAGE_SIZE) as u64;
    [
        Metric::gauge("minios_uptime_seconds", "Time since the start", booted.elapsed().as_secs()),
        Metric::gauge("minios_memory_bytes", "Memory of the domain", bytes(memory.total_pages)),
        Metric::gauge(
            "minios_memory_free_bytes",
            "Memory that nothing uses",
            bytes(memory.free_pages),
        ),
        Metric::gauge("minios_heap_bytes", "Memory taken by the heap", memory.heap_bytes as u64),
        Metric::gauge(
            "minios_heap_used_bytes",
            "Heap memory in use",
            memory.heap_used_bytes as u64,
        ),
        Metric::gauge(
            "minios_heap_high_water_bytes",
            "The most heap memory that was in use at one time",
            memory.heap_high_water_bytes as u64,
        ),
    ]
}

fn network(stack: &Stack) -> Vec<Metric> {
    let link = stack.link_counters();
    let tcp = stack.counters();
    let counters = [
        ("netfront_received_packets_total", "Packets received", link.received_packets),
        ("netfront_received_bytes_total", "Bytes received", link.received_bytes),
        ("netfront_receive_errors_total", "Packets the backend failed on", link.receive_errors),
        ("netfront_transmitted_packets_total", "Packets sent", link.transmitted_packets),
        ("netfront_transmitted_bytes_total", "Bytes sent", link.transmitted_bytes),
        ("netfront_transmit_errors_total", "Slots the backend failed on", link.transmit_errors),
        ("netfront_transmit_drops_total", "Packets that found no room", link.transmit_drops),
        ("netfront_bad_slots_total", "Things the backend said that cannot be", link.bad_slots),
        ("net_bad_checksums_total", "Packets with a wrong checksum", tcp.bad_checksums),
        ("tcp_accepted_total", "Connections that came by a listener", tcp.accepted),
        ("tcp_dropped_requests_total", "Requests without room", tcp.dropped_requests),
        ("tcp_evicted_handshakes_total", "Handshakes that gave way", tcp.evicted_handshakes),
        ("tcp_evicted_lingering_total", "Closed connections cut off", tcp.evicted_lingering),
    ];
    let all = counters.iter().map(|&(name, help, value)| Metric::counter(name, help, value));
    all.chain([Metric::gauge("tcp_connections", "Connections that hold buffers", tcp.connections)])
        .collect()
}
