//! What can go wrong, from the caller's point of view: their fault, transient, or ours. Each error has a stable code.

use crate::codec::Invalid;
use crate::store::port::DbError;

/// The code of work that exceeds one invocation's statements.
const CUT_OFF: &str = "statements_used_up";

/// The code of what a guard or constraint of the database refuses for good. The detail names it.
const VIOLATION: &str = "refused_by_guard";

/// Boxed, because every use case passes it on.
#[derive(Clone, Debug, PartialEq)]
pub struct AppError(Box<Problem>);

#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub kind: ErrorKind,
    /// Stable, snake_case.
    pub code: &'static str,
    /// What happened and what to do.
    pub detail: String,
    /// The invalid field, as a JSON path.
    pub field: Option<String>,
    /// What a service or library reported, for the log only.
    pub cause: Option<String>,
}

/// Whose fault it is, and what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be parsed.
    BadRequest,
    /// The caller is not authenticated.
    Unauthorized,
    /// The caller lacks permission.
    Forbidden,
    NotFound,
    MethodNotAllowed,
    /// It conflicts with the current state.
    Conflict,
    TooLarge,
    /// It can be parsed, but its content is invalid.
    Unprocessable,
    /// Too many requests.
    TooMany,
    /// The caller can try again.
    Transient,
    /// A bug or misconfiguration on our side.
    Fault,
}

impl AppError {
    pub fn new(kind: ErrorKind, code: &'static str, detail: impl Into<String>) -> AppError {
        AppError(Box::new(Problem { kind, code, detail: detail.into(), field: None, cause: None }))
    }

    pub fn field(mut self, field: impl Into<String>) -> AppError {
        self.0.field = Some(field.into());
        self
    }

    /// The underlying cause, for the log.
    pub fn cause(mut self, why: impl std::fmt::Display) -> AppError {
        self.0.cause = Some(why.to_string());
        self
    }

    pub fn not_found(what: &str) -> AppError {
        AppError::new(ErrorKind::NotFound, "not_found", format!("{what} not found"))
    }

    /// Whether this is not a failure but the end of what one invocation may do: completed work is kept, and the next
    /// invocation continues.
    pub fn is_cut_off(&self) -> bool {
        self.code == CUT_OFF
    }

    /// The guard or constraint that refused a write for good.
    pub fn violation(&self) -> Option<&str> {
        (self.code == VIOLATION).then_some(self.detail.as_str())
    }

    /// The error as it is logged. Details describe and quote the input: the sender gets them, but the log has only the
    /// code and the field.
    pub fn logged(&self) -> String {
        match (self.kind, &self.field) {
            (ErrorKind::BadRequest | ErrorKind::Conflict | ErrorKind::Unprocessable, Some(field))
                if is_plain(field) =>
            {
                format!("{}: {field}", self.code)
            }
            (ErrorKind::BadRequest | ErrorKind::Conflict | ErrorKind::Unprocessable, _) => self.code.to_owned(),
            _ => self.to_string(),
        }
    }

    /// Other writes got there first, repeatedly.
    pub fn contended() -> AppError {
        AppError::new(ErrorKind::Transient, "contended", "other requests are changing the same account; try again")
    }
}

/// Whether a field's name has the form of ours. The sender's own names could contain anything.
fn is_plain(field: &str) -> bool {
    field.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'))
}

impl std::ops::Deref for AppError {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        &self.0
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> AppError {
        match error {
            DbError::LostRace(why) => AppError::contended().cause(why),
            DbError::Violation(why) => AppError::new(ErrorKind::Fault, VIOLATION, why),
            DbError::Unavailable(why) => {
                let detail = "the database did not respond; try again in a moment";
                AppError::new(ErrorKind::Transient, "database_unavailable", detail).cause(why)
            }
            DbError::Exhausted => {
                let detail = "this needs more database statements than one request can run; completed work is saved, so send it again to continue";
                AppError::new(ErrorKind::Transient, CUT_OFF, detail)
            }
            DbError::NoSchema(why) => {
                let detail =
                    "the database has no tables yet because a deployment is in progress; try again in a moment";
                AppError::new(ErrorKind::Transient, "schema_missing", detail).cause(why)
            }
            DbError::Fault(why) => AppError::new(ErrorKind::Fault, "database_fault", why),
        }
    }
}

impl From<Invalid> for AppError {
    fn from(invalid: Invalid) -> AppError {
        let kind = match invalid.code {
            "body_too_large" => ErrorKind::TooLarge,
            "invalid_json" | "invalid_utf8" | "too_deep" | "duplicate_field" => ErrorKind::BadRequest,
            _ => ErrorKind::Unprocessable,
        };
        let field = (!invalid.field.is_empty()).then_some(invalid.field);
        AppError(Box::new(Problem { kind, code: invalid.code, detail: invalid.detail, field, cause: None }))
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        if let Some(cause) = &self.cause { write!(f, " ({cause})") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_repeats_nothing_that_was_sent() {
        let wrong = AppError::new(ErrorKind::Unprocessable, "malformed", "jane@corp.example is no amount");
        assert_eq!(wrong.clone().logged(), "malformed");
        assert_eq!(wrong.clone().field("account.email").logged(), "malformed: account.email");
        assert_eq!(wrong.field("jane@corp.example").logged(), "malformed");
        let ours =
            AppError::new(ErrorKind::Transient, "database_unavailable", "send it again").cause("no answer in time");
        assert_eq!(ours.logged(), "database_unavailable: send it again (no answer in time)");
    }
}
