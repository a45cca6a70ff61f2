// SPDX-License-Identifier: MIT OR Apache-2.0
//! Just enough of an HTTP client to know whether a server answers.
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// Whether a GET of `path` at a port of this machine gives status 200 within half a second.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    status_line(port, path).is_ok_and(|line| line.starts_with(b"HTTP/1.1 200"))
}

fn status_line(port: u16, path: &str) -> std::io::Result<[u8; 12]> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    // To the end, so that the server sees an orderly close.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::answers;

    fn serve_once(reply: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 256]);
            stream.write_all(reply.as_bytes())
        });
        port
    }

    #[test]
    fn only_200_is_an_answer() {
        assert!(answers(serve_once("HTTP/1.1 200 OK\r\n\r\n"), "/"));
        assert!(!answers(serve_once("HTTP/1.1 404 Not Found\r\n\r\n"), "/"));
        assert!(!answers(serve_once(""), "/"));
    }
}
