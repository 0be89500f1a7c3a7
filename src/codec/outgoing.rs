//! Requests to other services, as values: what is sent, what comes back, and what it means when nothing does.

/// Most of an answer that is read, in bytes: a page of a hundred of Stripe's objects, several times over.
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
    /// How long an answer is waited for, in milliseconds.
    pub limit_ms: u32,
}

/// What a service answered. Redirects are not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Nobody answered, or not in time. What was asked for may have happened all the same.
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
