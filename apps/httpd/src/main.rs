// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HTTP appliance: static files from its ramdisk, and `/bytes/N`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod files;
mod stream;

use alloc::rc::Rc;
use files::Ramdisk;
use httpd_core::connections::Connections;
use httpd_core::serve::{Outcome, Server};
use httpd_core::stats::Stats;
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
    server: Server<Ramdisk>,
    connections: Connections,
}

async fn main() -> Result<(), StartError> {
    let stack = net::start().await?;
    let mut listener = TcpListener::bind(&stack, PORT, BACKLOG)?;
    let files = Ramdisk::open();
    let count = files.len();
    let httpd = Rc::new(Httpd {
        server: Server { files, stats: Stats::default() },
        connections: Connections::new(|| Instant::now().as_millis()),
    });
    // The rest is for connections that were closed and still have something to deliver.
    let most = stack.limits().connections * 3 / 4;
    drop(task::spawn(sweep(httpd.clone())));
    for (address, _) in stack.configured().await.own {
        log::info!("serving http://{address}:{PORT}/, {count} files");
    }
    loop {
        let (stream, _) = listener.accept().await;
        if httpd.connections.len() >= most {
            httpd.connections.shed();
        }
        drop(task::spawn(serve(httpd.clone(), stream)));
    }
}

async fn serve(httpd: Rc<Httpd>, stream: TcpStream) {
    let connection = httpd.connections.add();
    let mut client = Client(stream);
    let outcome = httpd.server.serve(&mut client, &connection).await;
    httpd.connections.remove(&connection);
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
