// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HTTP appliance: static files from its ramdisk, `/bytes/N`, `/healthz`, `/metrics`, and
//! `/requests`, the last requests. With `loglevel=debug` each request is on the console too.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod machine;
mod stream;

use alloc::rc::Rc;
use httpd_core::connections::Connections;
use httpd_core::request_log::RequestLog;
use httpd_core::serve::{Outcome, Server};
use httpd_core::stats::Stats;
use machine::Machine;
use minios::net::{self, StartError, TcpListener, TcpStream};
use minios::time::{Duration, Instant, Timer};
use minios::{log, task};
use stream::Client;

minios::entry!(main);

const PORT: u16 = 80;
/// Connections that wait to be accepted.
const BACKLOG: usize = 64;
/// How often connections are looked at that may be late.
const SWEEP: Duration = Duration::from_secs(1);

/// What the tasks share.
struct Httpd {
    server: Server<Machine>,
    connections: Connections,
}

fn now_ms() -> u64 {
    Instant::now().as_millis()
}

async fn main() -> Result<(), StartError> {
    let stack = net::start().await?;
    let mut listener = TcpListener::bind(&stack, PORT, BACKLOG)?;
    let (stats, requests) = (Rc::new(Stats::default()), Rc::new(RequestLog::default()));
    let machine = Machine::new(stack.clone(), stats.clone(), requests.clone()).await;
    let files = machine.files();
    let observer = |record: &_| log::debug!("{record}");
    let httpd = Rc::new(Httpd {
        server: Server { machine, stats, requests, clock: now_ms, observer },
        connections: Connections::new(now_ms),
    });
    // The rest is for connections that were closed and still have something to deliver.
    let most = stack.limits().connections * 3 / 4;
    drop(task::spawn(sweep(httpd.clone())));
    for (address, _) in stack.configured().await.own.iter().filter(|(it, _)| it.is_ipv4()) {
        log::info!("serving http://{address}:{PORT}/, {files} files");
    }
    loop {
        let (stream, _) = listener.accept().await;
        if httpd.connections.len() >= most && httpd.connections.shed() {
            httpd.server.stats.count_shed();
        }
        drop(task::spawn(serve(httpd.clone(), stream)));
    }
}

async fn serve(httpd: Rc<Httpd>, stream: TcpStream) {
    let connection = httpd.connections.add();
    httpd.server.stats.count_connection();
    let mut client = Client(stream);
    let outcome = httpd.server.serve(&mut client, &connection).await;
    httpd.connections.remove(&connection);
    httpd.server.stats.open.set(httpd.connections.len() as u64);
    if outcome == Outcome::Done {
        client.0.close();
    }
}

/// Ends connections that are late.
async fn sweep(httpd: Rc<Httpd>) {
    loop {
        Timer::after(SWEEP).await;
        httpd.connections.sweep();
    }
}
