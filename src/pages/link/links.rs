//! Links: create, view, QR codes, turn off.

use crate::base::ids::LinkCode;
use crate::base::percent;
use crate::codec::link::destination;
use crate::codec::operator;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::page::Page as Cursor;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::components::{Field, Figure};
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::link::change_form;
use crate::pages::locale::Locale;
use crate::pages::partner::overview;
use crate::pages::qr::Qr;
use crate::pages::refusal::with_refusal;
use crate::pages::text::partner::{link as text, navigation};
use crate::pages::text::shared::component;
use crate::pages::viewer::{Gate, Partner};
use crate::service::error::{AppError, ErrorKind};
use crate::service::link::choose;
use crate::service::partner::enroll;
use crate::store::link::code::{MayChoose, may_choose};
use crate::store::partner::page as reads;
use crate::store::partner::page::OwnLink;
use crate::store::query::{First, Query};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// Days that the list counts. A link's own page has its all-time figures.
const COUNTED_DAYS: i64 = 90;
const CHART_DAYS: i64 = 30;

const UTM: [(&str, &str); 3] =
    [("utm_source", text::UTM_SOURCE), ("utm_medium", text::UTM_MEDIUM), ("utm_campaign", text::UTM_CAMPAIGN)];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (partner, links) = gate.open(cx, list_reads(cx, &cursor)?).await?;
    listed(cx, 200, &partner, links, &cursor, &cx.form)
}

/// The default link and a page of the others, and whether the partner may choose codes.
type LinkReads = (Query<OwnLink>, Query<OwnLink>, First<MayChoose>);

fn list_reads<S: Platform>(cx: &PageContext<'_, S>, cursor: &Cursor) -> Result<LinkReads, AppError> {
    let (before_ms, before_code) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let since = reads::day_of(cx.now()) - COUNTED_DAYS + 1;
    Ok((
        reads::link_own(cx.claimed_partner(), &LinkCode::default(), since),
        reads::link_page(cx.claimed_partner(), since, before_ms, &before_code, cursor.limit + 1),
        may_choose(cx.claimed_partner(), cx.now()).first(),
    ))
}

fn listed<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    partner: &Partner,
    (own, mut further, may): (Vec<OwnLink>, Vec<OwnLink>, Option<MayChoose>),
    cursor: &Cursor,
    form: &SubmittedForm,
) -> PageResult {
    let first = cursor.cursor.is_empty();
    let next = cursor.cut(&mut further, |l| format!("{}.{}", l.created_at_ms.0, l.code));
    let links: Vec<OwnLink> = own.into_iter().filter(|_| first).chain(further).collect();
    let content = html! {
        (components::heading(navigation::LINKS, text::LEAD, html! {}))
        (components::problems(form))
        @if links.is_empty() {
            (components::empty(text::NO_MORE, html! { (text::NO_MORE_HINT) }))
        } @else {
            (columns::table(text::CAPTION, &links, &columns(cx)))
            p.quiet { (text::COUNTED) }
        }
        (components::pager("/partner/links", next.as_deref(), first))
        @if partner.session.left_at_ms.is_none() {
            h2 { (text::CREATE_HEADING) }
            (maker(cx, form, MayChoose::holds(may)))
        }
    };
    let page = Page { title: navigation::LINKS, area: Area::Partner(partner), here: "/partner/links", content };
    Ok(layout::show(cx, status, page))
}

fn columns<'a, S: Platform>(cx: &'a PageContext<'_, S>) -> [Column<'a, OwnLink>; 7] {
    let locale = cx.locale.as_ref();
    [
        text(text::LINK, |l: &OwnLink| {
            html! {
                a href={ "/partner/links/" (percent::escaped(&l.code)) } { (l.code) }
                @if l.own == 1 { " " span.quiet { (text::DEFAULT) } }
            }
        }),
        text(text::DESTINATION, |l: &OwnLink| html! { (l.destination.as_deref().unwrap_or(text::HOME_PAGE)) }),
        text(text::CAMPAIGN, |l: &OwnLink| html! { (l.campaign.as_deref().unwrap_or("")) }),
        number(text::CLICKS, move |l: &OwnLink| html! { (locale.number(l.clicks)) }),
        number(text::SIGN_UPS, move |l: &OwnLink| html! { (locale.number(l.signups)) }),
        number(text::PAYING_CUSTOMERS, move |l: &OwnLink| html! { (locale.number(l.conversions)) }),
        text(text::STATE, move |l: &OwnLink| components::state(state(cx, l))),
    ]
}

fn state<S: Platform>(cx: &PageContext<'_, S>, l: &OwnLink) -> &'static str {
    if l.disabled_at_ms.is_some() {
        "off"
    } else if l.expires_at_ms.is_some_and(|at| at <= cx.now()) {
        "expired"
    } else {
        "active"
    }
}

fn maker<S: Platform>(cx: &PageContext<'_, S>, form: &SubmittedForm, may_choose: bool) -> Markup {
    let own = Field { max: 200, autocomplete: "off", ..Field::default() };
    html! {
        form.stack method="post" action="/partner/links" {
            (layout::csrf(cx))
            (components::field(form, Field {
                name: "destination",
                label: text::DESTINATION,
                hint: text::DESTINATION_HINT,
                max: destination::DESTINATION_BYTES_MAX,
                ..own
            }))
            (components::field(form, Field {
                name: "campaign",
                label: text::CAMPAIGN,
                hint: text::CAMPAIGN_HINT,
                ..own
            }))
            @if may_choose {
                (components::field(form, Field { name: "code", label: text::CODE, hint: text::CODE_HINT, max: 64, ..own }))
            }
            details open[UTM.iter().any(|(name, _)| form.given(name).is_some())] {
                summary { (text::UTM) }
                p.hint { (text::UTM_HINT) }
                @for (name, label) in UTM { (components::field(form, Field { name, label, ..own })) }
            }
            button { (text::CREATE) }
        }
    }
}

pub async fn make<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    if partner.session.left_at_ms.is_some() {
        return Err(AppError::new(ErrorKind::Conflict, "left", text::LEFT).into());
    }
    let mut form = cx.form.clone();
    if let Some(Err(why)) = form.given("destination").map(|to| on_site(cx, to)) {
        form.refuse("destination", why);
        return refused(cx, partner, &form).await;
    }
    match made(cx, &partner).await {
        Ok(code) => Ok(cx.redirect_after_post(&format!("/partner/links/{}?done=link-made", percent::escaped(&code)))),
        Err(PageError::Error(error)) => {
            let form = with_refusal(cx, error)?;
            refused(cx, partner, &form).await
        }
        Err(stop) => Err(stop),
    }
}

/// The list again, with what is wrong with the form.
async fn refused<S: Platform>(cx: &PageContext<'_, S>, partner: Partner, form: &SubmittedForm) -> PageResult {
    let cursor = Cursor { cursor: String::new(), ..Cursor::of(cx.request)? };
    let (partner, links) = Gate::from(partner).open(cx, list_reads(cx, &cursor)?).await?;
    listed(cx, 422, &partner, links, &cursor, form)
}

async fn made<S: Platform>(cx: &PageContext<'_, S>, partner: &Partner) -> Result<String, PageError> {
    let form = &cx.form;
    let utm: Map<String, Value> =
        UTM.iter().filter_map(|(name, _)| Some(((*name).to_owned(), json!(form.given(name)?)))).collect();
    let mut body = json!({"partner": partner.id, "utm": utm});
    let context = cx.context(&partner.session);
    if form.given("code").is_some() {
        choose::by_partner(&context, &partner.id).await?;
    }
    for name in ["destination", "campaign", "code"] {
        if let Some(value) = form.given(name) {
            body[name] = json!(value);
        }
    }
    // The same limits as in the API. Partners cannot set a link's source, since it can decide the rate.
    let mut new = operator::link(body.to_string().as_bytes(), cx.now()).map_err(AppError::from)?;
    new.code.iter_mut().for_each(|chosen| chosen.by_partner = true);
    let (_, answer) = enroll::own_link(&context, &new, &cx.base_url()).await?;
    Ok(answer["code"].as_str().unwrap_or_default().to_owned())
}

/// Whether a destination is a page of the site. Operators' links may lead anywhere; partners' may not, since they carry
/// the program's name.
pub fn on_site<S: Platform>(cx: &PageContext<'_, S>, to: &str) -> Result<(), String> {
    let to = &destination::normal(to).map_err(|why| text::invalid_destination(&why.to_string()))?;
    let site = crate::pages::link::share_templates::site(cx);
    let same = |a: &str, b: &str| origin(a) == origin(b);
    if to.starts_with('/') || same(to, &site) {
        return Ok(());
    }
    Err(text::foreign_destination(&site))
}

/// Scheme and host of a URL, normalized to compare.
fn origin(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next().unwrap_or("").to_ascii_lowercase();
    let port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", host.strip_suffix(port).unwrap_or(&host))
}

pub fn find<S: Platform>(cx: &PageContext<'_, S>, code: &LinkCode) -> First<OwnLink> {
    // An empty code would find the partner's default link.
    let none = LinkCode::from("-");
    reads::link_own(cx.claimed_partner(), if code.is_empty() { &none } else { code }, 0).first()
}

pub fn found(link: Option<OwnLink>) -> Result<OwnLink, AppError> {
    link.ok_or_else(|| AppError::not_found("link"))
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, code: LinkCode) -> PageResult {
    shown(cx, gate, code, None).await
}

/// A link's page. `sent` is a change that was refused.
pub async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Partner>,
    code: LinkCode,
    sent: Option<&SubmittedForm>,
) -> PageResult {
    let first = reads::day_of(cx.now()) - CHART_DAYS + 1;
    let may_choose = may_choose(cx.claimed_partner(), cx.now()).first();
    let reads = (find(cx, &code), reads::link_day_list(cx.claimed_partner(), &code, first), may_choose);
    let (partner, (link, days, may)) = gate.open(cx, reads).await?;
    let link = found(link)?;
    let locale = cx.locale.as_ref();
    let at = format!("/partner/links/{}", percent::escaped(&link.code));
    let url = format!("{}/r/{}", cx.base_url(), link.code);
    let works = state(cx, &link) == "active";
    let content = html! {
        (components::heading(&link.code, "", components::state(state(cx, &link))))
        (components::copyable(text::LINK, &url))
        div.columns {
            div { (facts(locale, &link)) }
            div {
                img.qr src={ (at) "/qr.svg" } alt=(text::qr_of(&url)) width="176" height="176";
                p { a href={ (at) "/qr.svg" } { (text::QR_SVG) } " · " a href={ (at) "/qr.png" } { (text::QR_PNG) } }
            }
        }
        h2 { (text::ALL_TIME) }
        (components::figures(&[
            Figure { label: text::CLICKS, value: html! { (locale.number(link.clicks)) }, note: html! { (text::CLICKS_NOTE) @if link.limited > 0 { br; (text::limited(&locale.number(link.limited))) } } },
            Figure { label: text::SIGN_UPS, value: html! { (locale.number(link.signups)) }, note: html! {} },
            Figure { label: text::PAYING_CUSTOMERS, value: html! { (locale.number(link.conversions)) }, note: html! { (text::PAYING_NOTE) } },
        ]))
        h2 { (text::LAST_30_DAYS) }
        (overview::course(locale, &days, first))
        @if works {
            p {
                a.button href={ "/partner/share?link=" (percent::escaped(&link.code)) } { (text::SHARE) }
                " " a.button.second href=(url) { (text::OPEN) }
                @if link.own == 0 { " " a.button.second href={ (at) "/disable" } { (text::TURN_OFF) } }
            }
            @if partner.session.left_at_ms.is_none() { (change_form::section(cx, &link, MayChoose::holds(may), sent)) }
        }
    };
    let page = Page { title: text::LINK, area: Area::Partner(&partner), here: "/partner/links", content };
    Ok(layout::show(cx, if sent.is_some() { 422 } else { 200 }, page))
}

fn facts(locale: &dyn Locale, link: &OwnLink) -> Markup {
    let utm: Map<String, Value> = link.utm.as_deref().and_then(|u| serde_json::from_str(u).ok()).unwrap_or_default();
    let mut list = vec![
        (text::DESTINATION, html! { (link.destination.as_deref().unwrap_or(text::HOME_PAGE)) }),
        (text::CAMPAIGN, html! { (link.campaign.as_deref().unwrap_or(text::NONE)) }),
        (text::CREATED, components::day(locale, link.created_at_ms)),
    ];
    for (name, label) in UTM {
        list.extend(utm.get(name).and_then(Value::as_str).map(|value| (label, html! { (value) })));
    }
    list.extend(link.expires_at_ms.map(|at| (text::EXPIRES, components::instant(locale, at))));
    list.extend(link.disabled_at_ms.map(|at| (text::TURNED_OFF, components::instant(locale, at))));
    components::facts(&list)
}

async fn drawn<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Partner>,
    code: &LinkCode,
) -> Result<(OwnLink, Qr), PageError> {
    let (_, link) = gate.open(cx, find(cx, code)).await?;
    let link = found(link)?;
    let qr = Qr::of(&format!("{}/r/{}", cx.base_url(), link.code));
    let long = || AppError::new(ErrorKind::Unprocessable, "too_long", text::TOO_LONG_FOR_QR);
    Ok((link, qr.ok_or_else(long)?))
}

fn file(link: &OwnLink, kind: &'static str, ending: &str, body: Vec<u8>) -> Response {
    let name: String = link.code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect();
    let mut response = Response::text(kind, String::new());
    response.body = body;
    response.headers.push(("content-disposition", format!("attachment; filename=\"{name}.{ending}\"")));
    response
}

pub async fn qr_svg<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, code: LinkCode) -> PageResult {
    let (link, qr) = drawn(cx, gate, &code).await?;
    Ok(file(&link, "image/svg+xml", "svg", qr.svg().into_bytes()))
}

pub async fn qr_png<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, code: LinkCode) -> PageResult {
    let (link, qr) = drawn(cx, gate, &code).await?;
    let fault = |why: png::EncodingError| AppError::new(ErrorKind::Fault, "png", why.to_string());
    Ok(file(&link, "image/png", "png", qr.png().map_err(fault)?))
}

pub async fn confirm<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, code: LinkCode) -> PageResult {
    let (partner, link) = gate.open(cx, find(cx, &code)).await?;
    let link = found(link)?;
    let content = html! {
        (components::heading(text::TURN_OFF_HEADING, "", html! {}))
        p { strong { (link.code) } (text::TURN_OFF_EFFECT) }
        form method="post" action={ "/partner/links/" (percent::escaped(&link.code)) "/disable" } {
            (layout::csrf(cx))
            div.actions {
                button.danger { (text::TURN_OFF) }
                a href={ "/partner/links/" (percent::escaped(&link.code)) } { (component::CANCEL) }
            }
        }
    };
    let page = Page { title: text::TURN_OFF, area: Area::Partner(&partner), here: "/partner/links", content };
    Ok(layout::show(cx, 200, page))
}

pub async fn disable<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, code: LinkCode) -> PageResult {
    let (partner, link) = gate.open(cx, find(cx, &code)).await?;
    let link = found(link)?;
    if link.own == 1 {
        let detail = text::DEFAULT_STAYS;
        return Err(AppError::new(ErrorKind::Conflict, "own_link", detail).into());
    }
    enroll::disable(&cx.context(&partner.session), &link.code).await?;
    cx.app.site.forget_link(&link.code).await;
    Ok(cx.redirect_after_post("/partner/links?done=link-disabled"))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn origins_are_compared_whole() {
        assert_eq!(origin("HTTPS://Shop.Example:443/x"), origin("https://shop.example"));
        for other in [
            "http://shop.example/",
            "https://shop.example.evil.example/",
            "https://shop.example:8443/",
            "https://evil.example/https://shop.example",
            "https://evil.example?https://shop.example",
        ] {
            assert_ne!(origin(other), origin("https://shop.example"), "{other}");
        }
    }
}
