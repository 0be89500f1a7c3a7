//! A form that a service refused: shown again with what was entered and what is wrong.

use crate::http::context::Platform;
use crate::pages::context::{PageContext, PageError};
use crate::pages::form::SubmittedForm;
use crate::service::error::{AppError, ErrorKind};

/// The form with a service's error, to show the page again.
pub fn with_refusal<S: Platform>(cx: &PageContext<'_, S>, error: AppError) -> Result<SubmittedForm, PageError> {
    match error.kind {
        ErrorKind::BadRequest | ErrorKind::Unprocessable | ErrorKind::Conflict | ErrorKind::TooLarge => {
            let mut form = cx.form.clone();
            form.refused(&error);
            Ok(form)
        }
        _ => Err(error.into()),
    }
}

/// An error of a form. If Stripe is not set up or does not respond, the form says so too and keeps its values.
pub fn without_stripe<S: Platform>(cx: &PageContext<'_, S>, error: AppError) -> Result<SubmittedForm, PageError> {
    if error.kind == ErrorKind::Transient {
        let mut form = cx.form.clone();
        form.refused(&error);
        return Ok(form);
    }
    with_refusal(cx, error)
}
