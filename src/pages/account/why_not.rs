//! Why a customer was not credited to the partner: ten lookups a day, each with its answer, and the question that the
//! partner may send to the operators about it.

use crate::base::ids::{AccountId, QuestionId};
use crate::base::time::{DAY_MS, HOUR_MS, UtcMillis};
use crate::engine::link::pasted::code_of;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::pages::account::answer;
use crate::pages::account::answer::ACCOUNTS_MAX;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::text::partner::why_not as text;
use crate::pages::viewer::{Gate, Partner};
use crate::service::attribution::question;
use crate::service::attribution::question::MESSAGE_CHARS_MAX;
use crate::service::attribution::search;
use crate::service::attribution::search::{Explained, OwnSearch};
use crate::service::error::AppError;
use crate::store::attribution::question as store;
use crate::store::attribution::question::{PER_DAY, QuestionRow};
use crate::store::attribution::search::{Among, Span};
use maud::{Markup, html};

pub const HERE: &str = "/partner/why-not";
/// Earlier lookups that the page shows.
const LATEST: i64 = 20;
/// Longest link that is entered.
const LINK_CHARS_MAX: usize = 2_048;
const CUSTOMER_CHARS_MAX: usize = 255;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    front(cx, gate, &SubmittedForm::default(), 200).await
}

async fn front<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Partner>,
    form: &SubmittedForm,
    status: u16,
) -> PageResult {
    let id = cx.claimed_partner();
    let reads = (store::question_latest(id, LATEST), store::question_count(id, cx.now()).first());
    let (partner, (latest, count)) = gate.open(cx, reads).await?;
    let left = PER_DAY - count.unwrap_or_default().questions;
    let content = html! {
        (components::heading(text::TITLE, text::LEAD, html! {}))
        (components::problems(form))
        form.stack method="post" action=(HERE) {
            (layout::csrf(cx))
            (components::field(form, Field { name: "code", label: text::CODE, hint: text::CODE_HINT, required: true,
                autocomplete: "off", max: LINK_CHARS_MAX, ..Field::default() }))
            (components::field(form, Field { name: "day", label: text::DAY, hint: text::DAY_HINT, kind: "date", ..Field::default() }))
            (components::field(form, Field { name: "customer", label: text::CUSTOMER, hint: text::CUSTOMER_HINT,
                autocomplete: "off", max: CUSTOMER_CHARS_MAX, ..Field::default() }))
            button { (text::LOOK_UP) }
        }
        p.quiet { (text::left(&cx.locale.number(left))) }
        @if !latest.is_empty() { h2 { (text::EARLIER) } (earlier(cx, &latest)) }
    };
    Ok(framed(cx, status, &partner, content))
}

fn framed<S: Platform>(cx: &PageContext<'_, S>, status: u16, partner: &Partner, content: Markup) -> Response {
    let page = Page { title: text::TITLE, area: Area::Partner(partner), here: "/partner/clients", content };
    layout::show(cx, status, page)
}

fn earlier<S: Platform>(cx: &PageContext<'_, S>, latest: &[QuestionRow]) -> Markup {
    let status = |q: &QuestionRow| match (q.sent_at_ms, &q.reply) {
        (_, Some(_)) => text::REPLIED,
        (Some(_), None) => text::SENT,
        (None, None) => text::ANSWERED,
    };
    let columns = [
        text(text::LOOKED_UP, |q: &QuestionRow| html! { a href={ (HERE) "/" (q.id) } { (q.code) ", " (q.about) } }),
        text(text::DATE, |q: &QuestionRow| components::instant(&*cx.locale, q.created_at_ms)),
        text(text::STATUS, move |q: &QuestionRow| html! { (status(q)) }),
    ];
    columns::table(text::EARLIER, latest, &columns)
}

/// What the form asks for.
struct Lookup {
    code: String,
    /// As the partner entered it: the customer, or else the day.
    about: String,
    customer: Option<String>,
    day: Option<UtcMillis>,
}

impl Lookup {
    /// `None`: the form says what is missing.
    fn of(form: &mut SubmittedForm) -> Option<Lookup> {
        let code = code_of(form.get("code")).into_owned();
        let customer = form.given("customer").map(|given| given.trim_start_matches('@').to_owned());
        let date = form.get("day").to_owned();
        let day = UtcMillis::parse(&format!("{date}T00:00:00Z"));
        if code.is_empty() {
            form.refuse("code", text::ENTER_CODE);
        }
        let too_long = |given: &str, max: usize| given.chars().count() > max;
        if too_long(form.get("code"), LINK_CHARS_MAX) {
            form.refuse("code", text::TOO_LONG);
        }
        if customer.as_deref().is_some_and(|given| too_long(given, CUSTOMER_CHARS_MAX)) {
            form.refuse("customer", text::TOO_LONG);
        }
        if customer.is_none() && date.is_empty() {
            form.refuse("day", text::ENTER_WHEN_OR_WHO);
        } else if !date.is_empty() && day.is_none() {
            form.refuse("day", text::ENTER_DAY);
        }
        let about = customer.clone().unwrap_or(date);
        form.is_good().then_some(Lookup { code, about, customer, day })
    }

    /// The day in every time zone; of a customer, any time.
    fn span(&self, now: UtcMillis) -> Span {
        match self.day.filter(|_| self.customer.is_none()) {
            Some(day) => Span { from: day.plus_ms(-12 * HOUR_MS), to: day.plus_ms(36 * HOUR_MS) },
            None => Span { from: UtcMillis(0), to: now.plus_days(1) },
        }
    }
}

pub async fn look_up<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    let mut form = cx.form.clone();
    let Some(lookup) = Lookup::of(&mut form) else { return front(cx, partner.into(), &form, 422).await };
    let ctx = cx.context(&partner.session);
    let what = [lookup.code.as_str(), lookup.about.as_str()];
    let Some(id) = question::ask(&ctx, &partner.id, &partner.program, what).await? else {
        let when = cx.locale.instant(question::next_day(cx.now()));
        form.refuse("", text::none_left(&cx.locale.number(PER_DAY), &when));
        return front(cx, partner.into(), &form, 429).await;
    };
    let sentences = answered(cx, &partner, &lookup).await?;
    question::answer(&ctx, &id, &sentences).await?;
    Ok(cx.redirect_after_post(&format!("{HERE}/{id}")))
}

/// A customer is looked for by account and by email domain.
async fn answered<S: Platform>(
    cx: &PageContext<'_, S>,
    partner: &Partner,
    lookup: &Lookup,
) -> Result<Vec<String>, PageError> {
    let ctx = cx.context(&partner.session);
    let visits = lookup.day.map(|day| Span { from: day, to: day.plus_ms(DAY_MS) });
    let account = AccountId::from(lookup.customer.clone().unwrap_or_default());
    let ways = match &lookup.customer {
        Some(_) => vec![Among::Account(&account), Among::Domain(&account)],
        None => vec![Among::All],
    };
    let (mut code, mut accounts) = (None, Vec::new());
    for among in ways {
        let limit = i64::try_from(ACCOUNTS_MAX).unwrap_or(0) + 1;
        let span = lookup.span(cx.now());
        let wanted = OwnSearch { partner: &partner.id, code: &lookup.code, span, visits, among, limit };
        let (known, found) = search::own(&ctx, &wanted).await?;
        code = known;
        // An account may have its domain's name.
        let is_new = |one: &Explained| !accounts.iter().any(|known: &Explained| known.account == one.account);
        let found: Vec<Explained> = found.into_iter().filter(is_new).collect();
        accounts.extend(found);
    }
    Ok(answer::sentences(&*cx.locale, &partner.id, code.as_ref(), lookup.day, &accounts))
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, id: QuestionId) -> PageResult {
    one(cx, gate, &id, &SubmittedForm::default()).await
}

async fn one<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Partner>,
    id: &QuestionId,
    form: &SubmittedForm,
) -> PageResult {
    let read = store::question_of_partner(id, cx.claimed_partner()).first();
    let (partner, found) = gate.open(cx, read).await?;
    let found = found.ok_or_else(|| AppError::not_found("question"))?;
    let content = html! {
        (components::heading(text::TITLE, "", html! { a.button.second href=(HERE) { (text::NEW_LOOKUP) } }))
        (components::facts(&[
            (text::CODE, html! { code { (found.code) } }),
            (text::LOOKED_UP, html! { (found.about) }),
            (text::DATE, components::instant(&*cx.locale, found.created_at_ms)),
        ]))
        h2 { (text::ANSWER) }
        @for sentence in shown(&found) { p { (sentence) } }
        @match (&found.message, &found.reply) {
            (None, _) => (send_form(cx, id, form)),
            (Some(message), reply) => {
                h2 { (text::YOUR_MESSAGE) }
                p { (message) }
                @match reply {
                    Some(reply) => { h2 { (text::REPLY) } p { (reply) } },
                    None => p.quiet { (text::NO_REPLY_YET) },
                }
            },
        }
    };
    Ok(framed(cx, if form.is_good() { 200 } else { 422 }, &partner, content))
}

/// The sentences of a stored answer.
pub fn shown(question: &QuestionRow) -> Vec<String> {
    serde_json::from_str(&question.answer).unwrap_or_default()
}

fn send_form<S: Platform>(cx: &PageContext<'_, S>, id: &QuestionId, form: &SubmittedForm) -> Markup {
    html! {
        h2 { (text::ASK) }
        p { (text::ASK_LEAD) }
        (components::problems(form))
        form.stack method="post" action={ (HERE) "/" (id) } {
            (layout::csrf(cx))
            (components::field(form, Field { name: "message", label: text::MESSAGE, kind: "textarea", required: true,
                max: MESSAGE_CHARS_MAX, ..Field::default() }))
            button { (text::SEND) }
        }
    }
}

pub async fn send<S: Platform>(cx: &PageContext<'_, S>, partner: Partner, id: QuestionId) -> PageResult {
    let mut form = cx.form.clone();
    let message = form.get("message").to_owned();
    if message.is_empty() || message.chars().count() > MESSAGE_CHARS_MAX {
        form.refuse("message", text::ENTER_MESSAGE);
        return one(cx, partner.into(), &id, &form).await;
    }
    question::send(&cx.context(&partner.session), &partner.id, &id, &message).await?;
    Ok(cx.redirect_after_post(&format!("{HERE}/{id}?done=question-sent")))
}
