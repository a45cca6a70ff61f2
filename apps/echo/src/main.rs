// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sends back what it gets, by TCP and UDP on port 7 (RFC 862).
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use minios::net::{self, Error, Stack, StartError, TcpListener, TcpStream, UdpSocket};
use minios::{log, task};

minios::entry!(main);

const PORT: u16 = 7;

async fn main() -> Result<(), StartError> {
    let stack = net::start().await?;
    let mut listener = TcpListener::bind(&stack, PORT, 16)?;
    drop(task::spawn(datagrams(stack.clone())));
    for (address, _) in stack.configured().await.own {
        log::info!("echo on {address}, port {PORT}");
    }
    loop {
        let (stream, peer) = listener.accept().await;
        drop(task::spawn(async move {
            if let Err(error) = connection(stream).await {
                log::info!("{peer}: {error}");
            }
        }));
    }
}

async fn connection(mut stream: TcpStream) -> Result<(), Error> {
    use minios::net::io::{Read, Write};
    let mut buffer = [0; 2048];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            stream.close();
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

async fn datagrams(stack: Stack) -> Result<(), Error> {
    let socket = UdpSocket::bind(&stack, PORT)?;
    let mut buffer = [0; 2048];
    loop {
        // One that does not fit is lost, as datagrams may be.
        if let Ok((length, peer)) = socket.receive_from(&mut buffer).await {
            // A sender without an address or port gets no answer.
            let _ = socket.send_to(&buffer[..length], peer).await;
        }
    }
}
