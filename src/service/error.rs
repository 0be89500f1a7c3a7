//! What can go wrong, as the caller sees it: theirs, transient, or ours. Each has a stable code.

use crate::codec::Invalid;
use crate::store::port::DbError;

/// The code of what goes beyond one invocation's statements.
const CUT_OFF: &str = "statements_used_up";

/// Behind one pointer: every use hands it on.
#[derive(Clone, Debug, PartialEq)]
pub struct AppError(Box<Problem>);

#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub kind: ErrorKind,
    /// Stable, snake_case.
    pub code: &'static str,
    /// What happened and what to do.
    pub detail: String,
    /// The field that is at fault, as a JSON path.
    pub field: Option<String>,
    /// What a service or a library said: for the log alone.
    pub cause: Option<String>,
}

/// Whose fault it is, and what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be read.
    BadRequest,
    /// Who are you?
    Unauthorized,
    /// You may not.
    Forbidden,
    NotFound,
    MethodNotAllowed,
    /// It contradicts what stands.
    Conflict,
    TooLarge,
    /// It can be read, and says something that cannot be.
    Unprocessable,
    /// Not so often.
    TooMany,
    /// Try again.
    Transient,
    /// Ours.
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

    /// What is behind it, for the log.
    pub fn cause(mut self, why: impl std::fmt::Display) -> AppError {
        self.0.cause = Some(why.to_string());
        self
    }

    pub fn not_found(what: &str) -> AppError {
        AppError::new(ErrorKind::NotFound, "not_found", format!("{what} not found"))
    }

    /// Whether it is no error but the end of what one invocation may do: what was done stands, and what is left goes on
    /// in the next.
    pub fn is_cut_off(&self) -> bool {
        self.code == CUT_OFF
    }

    /// As the log tells it. Details say what is wrong with what was sent, and quote it: the sender has them, the log has
    /// no more than the code and the field.
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

    /// Somebody else was first, time and again.
    pub fn contended() -> AppError {
        AppError::new(ErrorKind::Transient, "contended", "other requests are changing the same account; try again")
    }
}

/// Whether a field is called as ours are: the sender's own names may be anything.
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
            DbError::Guard(why) => AppError::new(ErrorKind::Fault, "refused_by_guard", why),
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
