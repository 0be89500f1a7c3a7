//! Who looks at a page, proved by the session: a page is only shown to a viewer, and only a gate makes one.

use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::engine::identity::access::{Need, Scope, Scopes};
use crate::http::context::Platform;
use crate::pages::context::{PageContext, PageError};
use crate::pages::text::shared::error as text;
use crate::service::error::{AppError, ErrorKind};
use crate::store::identity::session::SessionRow;
use crate::store::port::{Rows, Stmt};
use crate::store::query::Reads;
use std::pin::Pin;

/// Anybody, signed in or not.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub session: Option<SessionRow>,
    _proof: Proof,
}

/// Somebody who is signed in, with or without a partner.
#[derive(Clone, Debug)]
pub struct Person {
    pub session: SessionRow,
    _proof: Proof,
}

/// Somebody who is signed in, and the partner that the pages are about.
#[derive(Clone, Debug)]
pub struct Partner {
    pub session: SessionRow,
    pub id: PartnerId,
    pub program: ProgramId,
    pub name: String,
    pub code: LinkCode,
    _proof: Proof,
}

/// An operator who meets what the page needs.
#[derive(Clone, Debug)]
pub struct Operator {
    pub session: SessionRow,
    scopes: Scopes,
}

/// Only this file can make one, so only this file can make a viewer.
#[derive(Clone, Copy, Debug)]
struct Proof;

impl Operator {
    /// Whether the operator has `scope`. Pages hide forms that need a scope the operator lacks.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.allow(scope, false)
    }

    pub fn scopes(&self) -> Scopes {
        self.scopes
    }
}

/// A kind of viewer. Each has a table of pages.
pub trait Viewer: Sized {
    /// Whether somebody without a session is sent to sign in, before anything is read.
    const SIGNS_IN: bool = true;

    /// The viewer that a live session is, if it may see a page with this need.
    fn admitted<S: Platform>(
        cx: &PageContext<'_, S>,
        session: Option<SessionRow>,
        need: Need,
    ) -> Result<Self, PageError>;
}

impl Viewer for Visitor {
    const SIGNS_IN: bool = false;

    fn admitted<S: Platform>(_: &PageContext<'_, S>, session: Option<SessionRow>, _: Need) -> Result<Self, PageError> {
        Ok(Visitor { session, _proof: Proof })
    }
}

impl Viewer for Person {
    fn admitted<S: Platform>(_: &PageContext<'_, S>, session: Option<SessionRow>, _: Need) -> Result<Self, PageError> {
        Ok(Person { session: session.ok_or(PageError::SignIn)?, _proof: Proof })
    }
}

impl Viewer for Partner {
    fn admitted<S: Platform>(_: &PageContext<'_, S>, session: Option<SessionRow>, _: Need) -> Result<Self, PageError> {
        let session = session.ok_or(PageError::SignIn)?;
        let Some(id) = session.partner_id.clone() else { return Err(PageError::ChoosePartner) };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Ok(Partner {
            program: session.program_id.clone().unwrap_or_default(),
            name: session.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| text(&session.external_id)),
            code: session.code.clone().unwrap_or_default(),
            id,
            session,
            _proof: Proof,
        })
    }
}

impl Viewer for Operator {
    fn admitted<S: Platform>(
        cx: &PageContext<'_, S>,
        session: Option<SessionRow>,
        need: Need,
    ) -> Result<Self, PageError> {
        let session = session.filter(|session| session.operator == 1).ok_or(PageError::SignIn)?;
        let scopes = cx.scopes(&session);
        if need.is_met_by(scopes) {
            return Ok(Operator { session, scopes });
        }
        let detail = text::insufficient_scope(need.scope().name());
        Err(AppError::new(ErrorKind::Forbidden, "insufficient_scope", detail).into())
    }
}

/// A viewer and the answers of a batch, on their way.
type Answers<'a, V> = Pin<Box<dyn Future<Output = Result<(V, Vec<Rows>), PageError>> + 'a>>;

/// The way into a page. It yields the page's viewer together with what the page reads.
pub struct Gate<V>(State<V>);

enum State<V> {
    /// The session is looked up in the same batch as the page's reads.
    Closed(Need),
    /// The viewer is known already: a form that is shown again.
    Open(V),
}

impl<V> From<V> for Gate<V> {
    fn from(viewer: V) -> Gate<V> {
        Gate(State::Open(viewer))
    }
}

impl<V: Viewer> Gate<V> {
    /// A gate that admits only who meets this need.
    pub fn closed(need: Need) -> Gate<V> {
        Gate(State::Closed(need))
    }

    /// The viewer and what `reads` finds, in one batch. Reads of a partner's page are bound to
    /// [`PageContext::claimed_partner`].
    pub async fn open<S: Platform, R: Reads>(
        self,
        cx: &PageContext<'_, S>,
        reads: R,
    ) -> Result<(V, R::Rows), PageError> {
        let mut statements = Vec::new();
        let shape = reads.send(&mut statements);
        let (viewer, answers) = self.answers(cx, statements).await?;
        Ok((viewer, R::take(shape, &mut answers.into_iter())?))
    }

    /// The viewer and the answers to the statements. Boxed: what is the same for all reads is compiled once.
    fn answers<'a, S: Platform>(self, cx: &'a PageContext<'_, S>, statements: Vec<Stmt>) -> Answers<'a, V>
    where
        V: 'a,
    {
        Box::pin(async move {
            match self.0 {
                State::Open(viewer) => Ok((viewer, cx.app.context("").batch(statements).await?)),
                State::Closed(_) if V::SIGNS_IN && cx.token().is_none() => Err(PageError::SignIn),
                State::Closed(need) => {
                    let (session, answers) = cx.with_session(statements).await?;
                    Ok((V::admitted(cx, session, need)?, answers))
                }
            }
        })
    }
}
