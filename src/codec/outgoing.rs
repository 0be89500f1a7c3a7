//! Requests to other services, as values: what is sent, what comes back, and what a missing response means.

/// Most bytes of a response that are used. A longer one is cut off one byte later. Several times the size of a page of a hundred Stripe objects.
pub const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A request to another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRequest {
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// Empty for GET.
    pub body: Vec<u8>,
    /// Timeout in milliseconds.
    pub limit_ms: u32,
}

/// A service's response. Redirects are not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`ANSWER_BYTES_MAX`] and one byte.
    pub body: Vec<u8>,
}

/// There was no response, or not in time. The requested action may have happened anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFailed(pub String);

impl IncomingResponse {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Display for RequestFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no response: {}", self.0)
    }
}
