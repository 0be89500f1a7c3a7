//! Requests that no client library sends, byte by byte.

use crate::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Sends a request of these bytes plus the headers that every request needs, and returns the status and the whole
/// response. Status 0: the connection was closed without a response.
pub fn ask(server: &Server, method: &str, path: &str, headers: &[&[u8]]) -> (u16, String) {
    let host = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).expect("sent");
    let mut answer = Vec::new();
    // The server may close the connection as soon as it refuses.
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (status, text)
}
