//! Use cases that start over when another request was first: a guard aborted their batch, so they read and decide again.

use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::port::DbError;

/// How often a use case is retried when another write got there first.
pub const TRIES_MAX: u32 = 40;
/// Tries after which the pauses between them grow no longer, where a use may have any number of them.
const SLOWEST_TRY: u32 = 8;

/// Why an attempt has no answer.
pub enum Failed {
    /// Nothing was written, or not what was asked for: another attempt finds out what holds now.
    Again,
    /// For good.
    Error(AppError),
}

impl From<DbError> for Failed {
    fn from(error: DbError) -> Failed {
        match error {
            DbError::LostRace(_) => Failed::Again,
            error => Failed::Error(error.into()),
        }
    }
}

impl From<AppError> for Failed {
    fn from(error: AppError) -> Failed {
        Failed::Error(error)
    }
}

impl<P: Ports> Context<'_, P> {
    /// Tries until an attempt loses no race. What a rule refuses is not tried again.
    pub async fn retry<T>(&self, attempt: impl AsyncFnMut() -> Result<T, Failed>) -> Result<T, AppError> {
        self.retry_up_to(TRIES_MAX, attempt).await
    }

    /// The same with at most `tries` attempts, and no more than this invocation's statements allow: the next attempt takes as
    /// many as the last one.
    pub async fn retry_up_to<T>(
        &self,
        tries: u32,
        mut attempt: impl AsyncFnMut() -> Result<T, Failed>,
    ) -> Result<T, AppError> {
        for made in 0..tries {
            let before = self.left();
            match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Again) if !self.has_room(before.saturating_sub(self.left())) => {
                    return Err(DbError::Exhausted.into());
                }
                Err(Failed::Again) => self.back_off(made).await,
                Err(Failed::Error(error)) => return Err(error),
            }
        }
        Err(AppError::contended())
    }

    /// Takes up to `pages` pages of work, while there is room for `statements` more, until `page` says that none is left.
    /// A page that loses a race counts, and is no error: what is left stays marked.
    pub async fn each_page(
        &self,
        pages: u32,
        statements: u64,
        mut page: impl AsyncFnMut() -> Result<bool, DbError>,
    ) -> Result<(), DbError> {
        for taken in 0..pages {
            if !self.has_room(statements) {
                break;
            }
            match page().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(DbError::LostRace(_)) => self.back_off(taken.min(SLOWEST_TRY)).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
