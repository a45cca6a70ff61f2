// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HTTP appliance: static files from its ramdisk, `/bytes/N`, uploads to `/bytes`, `/healthz`,
//! `/metrics`, and `/requests`, the last requests. With `loglevel=debug` each request is on the
//! console too.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod machine;
mod stream;

use alloc::rc::Rc;
use httpd_core::connections::{Connection, Connections};
use httpd_core::date;
use httpd_core::request_log::RequestLog;
use httpd_core::serve::{Outcome, Server};
use httpd_core::stats::Stats;
use machine::Machine;
use minios::net::{self, StartError, TcpListener, TcpStream};
use minios::time::{Duration, Instant, Timer, wall_clock};
use minios::{log, task};
use stream::Client;

minios::entry!(main);

const PORT: u16 = 80;
/// Connections that wait to be accepted.
const BACKLOG: usize = 64;
/// How often connections are looked at that may be late.
const SWEEP: Duration = Duration::from_secs(1);

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
    let connections = Connections::new(now_ms);
    let date = date::Clock::new(|| wall_clock().as_secs());
    let server =
        Rc::new(Server { machine, connections, stats, requests, date, clock: now_ms, observer });
    // The rest is for connections that were closed and still have something to deliver.
    let most = stack.limits().connections * 3 / 4;
    drop(task::spawn(sweep(server.clone())));
    for (address, _) in stack.configured().await.own.iter().filter(|(it, _)| it.is_ipv4()) {
        log::info!("serving http://{address}:{PORT}/, files: {files}");
    }
    loop {
        let (stream, _) = listener.accept().await;
        // Until there is room, others wait in the backlog.
        let shed = server.connections.room(most).await;
        server.stats.count_connection(shed);
        let connection = server.connections.add();
        drop(task::spawn(serve(server.clone(), stream, connection)));
    }
}

async fn serve(server: Rc<Server<Machine>>, stream: TcpStream, connection: Rc<Connection>) {
    let mut client = Client(stream);
    let outcome = server.serve(&mut client, &connection).await;
    server.connections.remove(&connection);
    server.stats.open.set(server.connections.len() as u64);
    if outcome == Outcome::Done {
        client.0.close();
    }
}

/// Ends connections that are late.
async fn sweep(server: Rc<Server<Machine>>) {
    loop {
        Timer::after(SWEEP).await;
        server.connections.sweep();
    }
}
