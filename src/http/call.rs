//! A request as its handler gets it: matched, admitted and with its body parsed. The types say which of these a handler
//! needs, so that a row of the table cannot leave one out.

use crate::base::time::UtcMillis;
use crate::codec::identity::session::SiteUser;
use crate::http::auth;
use crate::http::auth::Operator;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::signed::VerifiedWebhook;
use crate::service::context::Context;
use crate::service::error::AppError;
use crate::service::once::{IdempotentRequest, StoredResponse};
use std::pin::Pin;

/// One call of a route: `Caller` is what the guard has proved, `Body` what the row's parser has read.
pub struct Call<'a, S: Platform, Caller, Body = ()> {
    pub app: &'a RequestContext<'a, S>,
    pub request: &'a Request,
    /// The variable segment of the path, decoded; empty where the route has none.
    pub segment: &'a str,
    pub caller: Caller,
    pub body: Body,
}

pub type PublicCall<'a, S, Body = ()> = Call<'a, S, (), Body>;
pub type OperatorCall<'a, S, Body = ()> = Call<'a, S, Operator, Body>;
pub type WebhookCall<'a, S, Body> = Call<'a, S, VerifiedWebhook, Body>;
pub type SiteUserCall<'a, S, Body> = Call<'a, S, SiteUser, Body>;

/// A handler at work. Boxed: one future that held every handler's would be as large as all of them.
pub type Working<'a> = Pin<Box<dyn Future<Output = Result<Response, AppError>> + 'a>>;

/// What a handler may return.
pub trait Answer {
    fn response(self) -> Response;
}

impl Answer for Response {
    fn response(self) -> Response {
        self
    }
}

/// A status and its JSON.
impl Answer for StoredResponse {
    fn response(self) -> Response {
        Response::json(self.0, &self.1)
    }
}

fn working<'a, R: Answer>(handler: impl Future<Output = Result<R, AppError>> + 'a) -> Working<'a> {
    Box::pin(async { handler.await.map(Answer::response) })
}

impl<'a, S: Platform> Call<'a, S, ()> {
    /// The call of a caller who was proved.
    pub fn by<Caller>(self, caller: Caller) -> Call<'a, S, Caller> {
        let Call { app, request, segment, .. } = self;
        Call { app, request, segment, caller, body: () }
    }
}

impl<'a, S: Platform, Caller> Call<'a, S, Caller> {
    /// Hands the call to a handler that takes no body.
    pub fn to<R, F>(self, handler: impl FnOnce(Self) -> F) -> Working<'a>
    where
        R: Answer,
        F: Future<Output = Result<R, AppError>> + 'a,
    {
        working(handler(self))
    }

    /// Parses the body, then hands the call on.
    pub fn body<Body, E, R, F>(
        self,
        parse: impl FnOnce(&[u8]) -> Result<Body, E>,
        handler: impl FnOnce(Call<'a, S, Caller, Body>) -> F,
    ) -> Working<'a>
    where
        AppError: From<E>,
        R: Answer,
        F: Future<Output = Result<R, AppError>> + 'a,
    {
        self.parsed(|call| parse(&call.request.body), handler)
    }

    /// The same for a body with times, which are checked against the time of the request.
    pub fn dated_body<Body, E, R, F>(
        self,
        parse: impl FnOnce(&[u8], UtcMillis) -> Result<Body, E>,
        handler: impl FnOnce(Call<'a, S, Caller, Body>) -> F,
    ) -> Working<'a>
    where
        AppError: From<E>,
        R: Answer,
        F: Future<Output = Result<R, AppError>> + 'a,
    {
        self.parsed(|call| parse(&call.request.body, call.app.now), handler)
    }

    /// The same for a parser that needs more of the call.
    pub fn parsed<Body, E, R, F>(
        self,
        parse: impl FnOnce(&Self) -> Result<Body, E>,
        handler: impl FnOnce(Call<'a, S, Caller, Body>) -> F,
    ) -> Working<'a>
    where
        AppError: From<E>,
        R: Answer,
        F: Future<Output = Result<R, AppError>> + 'a,
    {
        match parse(&self) {
            Ok(body) => {
                let Call { app, request, segment, caller, .. } = self;
                working(handler(Call { app, request, segment, caller, body }))
            }
            Err(why) => Box::pin(std::future::ready(Err(why.into()))),
        }
    }
}

impl<S: Platform, Caller, Body> Call<'_, S, Caller, Body> {
    /// The Worker's address, for links to it.
    pub fn base_url(&self) -> String {
        self.app.config.base_url(&self.request.origin)
    }
}

impl<'a, S: Platform, Body> Call<'a, S, Operator, Body> {
    /// The use case's context: the operator is who acts.
    pub fn context(&self) -> Context<'a, S> {
        self.app.context(self.caller.actor.clone())
    }

    /// The request's Idempotency-Key, if it carries one.
    pub fn once(&self) -> Result<Option<IdempotentRequest>, AppError> {
        auth::once(self.request)
    }
}
