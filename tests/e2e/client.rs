//! HTTP requests to the Worker. Replies describe themselves when an assertion fails.

use super::server::Server;
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use ureq::{AsSendBody, http};

pub const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// Announces a step of the test. The last announced step is the one that failed.
pub fn step(name: &str) {
    println!("· {name}");
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292278994")
}

/// A request under construction.
#[derive(Clone)]
pub struct Ask<'a> {
    server: &'a Server,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    is_patient: bool,
}

impl Server {
    pub fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        Ask { server: self, method: method.to_owned(), url, headers: Vec::new(), body: None, is_patient: false }
    }

    pub fn get(&self, path: &str) -> Ask<'_> {
        self.ask("GET", path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Ask<'_> {
        self.ask("POST", path).body(body.to_string())
    }

    /// A person's click, with the headers that a browser sends for a top-level navigation.
    pub fn visit(&self, path: &str) -> Ask<'_> {
        self.get(path)
            .header("user-agent", CHROME)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    /// An operator's GET of `path`.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        self.get(path).operator().send().expect(200).json()
    }
}

impl Ask<'_> {
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// From a network of its own: one that sends many wrong tokens is refused.
    pub fn elsewhere(self) -> Self {
        static NETWORKS: AtomicU32 = AtomicU32::new(0);
        let [_, _, high, low] = NETWORKS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        self.header("cf-connecting-ip", format!("203.0.{high}.{low}"))
    }

    pub fn operator(self) -> Self {
        let token = self.server.operator_token.clone();
        self.bearer(&token)
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", "application/json")
    }

    /// Waits without a timeout.
    pub fn patient(self) -> Self {
        Ask { is_patient: true, ..self }
    }

    #[track_caller]
    pub fn send(self) -> Reply {
        let asked = format!("{} {}", self.method, self.url);
        self.try_send().unwrap_or_else(|error| panic!("{asked}: {error}"))
    }

    pub fn try_send(self) -> Result<Reply, ureq::Error> {
        let asked = format!("{} {}", self.method, self.url);
        let mut request = http::Request::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = match self.body {
            Some(body) => run(&self.server.agent, request.body(body)?, self.is_patient)?,
            None => run(&self.server.agent, request.body(())?, self.is_patient)?,
        };
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let headers = headers.collect();
        let bytes = response.body_mut().read_to_vec()?;
        // An image is not text: tests compare its `bytes`.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Reply { asked, status: response.status().as_u16(), headers, text, bytes })
    }
}

fn run<B: AsSendBody>(
    agent: &ureq::Agent,
    request: http::Request<B>,
    is_patient: bool,
) -> Result<http::Response<ureq::Body>, ureq::Error> {
    if !is_patient {
        return agent.run(request);
    }
    agent.run(agent.configure_request(request).timeout_global(None).build())
}

#[derive(Clone, Debug)]
pub struct Reply {
    asked: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{} answered {}: {}", self.asked, self.status, self.text);
        self
    }

    /// The problem details, with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{}", reply.asked);
        let body = reply.json();
        assert_eq!(body["code"], code, "{}: {body}", reply.asked);
        assert_eq!(body["status"], status, "{}: {body}", reply.asked);
        assert!(body["detail"].as_str().is_some_and(|d| !d.is_empty()), "{}: {body}", reply.asked);
        body
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{}: {why}: {}", self.asked, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the request failed because it needed more statements than an invocation may send.
    pub fn is_cut_off(&self) -> bool {
        self.status == 503 && self.text.contains("statements_used_up") && self.header("retry-after").is_some()
    }

    /// The `name=value` of a cookie that was set, to be sent back.
    pub fn cookie(&self) -> Option<String> {
        self.header("set-cookie").and_then(|header| header.split(';').next()).map(str::to_owned)
    }

    /// Where a 302 leads. On the Worker's own host: the path.
    #[track_caller]
    pub fn location(&self) -> String {
        assert_eq!(self.status, 302, "{}: {}", self.asked, self.text);
        self.header("location").unwrap_or_else(|| panic!("{}: no Location", self.asked)).to_owned()
    }
}
