//! A small HTTP server that stands in for the site or EmDash and records the requests it receives.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use ureq::http::HeaderMap;

/// One request as it arrived. Header names are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body of one of our webhooks, after the official library has verified its signature with this secret.
    pub fn signed_by(&self, secret: &Value) -> Value {
        let mut headers = HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, self.header(name).expect("a header").parse().expect("a value"));
        }
        let theirs = standardwebhooks::Webhook::new(secret.as_str().expect("the secret")).expect("a secret");
        assert!(theirs.verify(self.body.as_bytes(), &headers).is_ok(), "{self:?}");
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Status and body. For a redirect: status and location.
pub type Answer = (u16, String);

pub struct StandIn {
    pub base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// Serves until the process exits.
    pub fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> StandIn {
        StandIn::with_headers(move |asked| {
            let (status, body) = answer(asked);
            (status, "content-type: application/json\r\n".to_owned(), body)
        })
    }

    /// The same with the answer's header lines between status and body, each with its line end.
    pub fn with_headers(answer: impl Fn(&Asked) -> (u16, String, String) + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                // A slow answer must not delay other requests.
                std::thread::spawn(move || serve(stream, &seen, answer.as_ref()));
            }
        });
        StandIn { base, asked }
    }

    /// The requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("the list"))
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> (u16, String, String)) {
    let Some(asked) = read(&stream) else { return };
    seen.lock().expect("the list").push(asked.clone());
    let (status, headers, body) = answer(&asked);
    let to = if (300..400).contains(&status) { format!("location: {body}\r\n") } else { String::new() };
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\n{headers}{to}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The client may have disconnected.
    let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(body.as_bytes()));
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = || -> Option<String> {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|n| *n > 0)?;
        Some(text.trim_end_matches(['\r', '\n']).to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut asked = Asked { method: words.next()?, target: words.next()?, ..Asked::default() };
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
    }
    let length = asked.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}
