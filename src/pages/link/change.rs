//! What the form of a link's page changes.

use crate::base::ids::LinkCode;
use crate::base::percent;
use crate::codec::operator;
use crate::http::context::Platform;
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::link::links;
use crate::pages::refusal::with_refusal;
use crate::pages::text::partner::link as text;
use crate::pages::viewer::Partner;
use crate::service::error::{AppError, ErrorKind};
use crate::service::link::choose;
use crate::service::partner::link_change;
use serde_json::json;

pub async fn change<S: Platform>(cx: &PageContext<'_, S>, partner: Partner, code: LinkCode) -> PageResult {
    if partner.session.left_at_ms.is_some() {
        return Err(AppError::new(ErrorKind::Conflict, "left", text::LEFT_NO_CHANGE).into());
    }
    let mut form = cx.form.clone();
    if let Some(Err(why)) = form.given("destination").map(|to| links::on_site(cx, to)) {
        form.refuse("destination", why);
        return links::shown(cx, partner.into(), code, Some(&form)).await;
    }
    match changed(cx, &partner, &code).await {
        Ok(code) => {
            let path = format!("/partner/links/{}?done=link-changed", percent::escaped(&code));
            Ok(cx.redirect_after_post(&path))
        }
        Err(PageError::Error(error)) => links::shown(cx, partner.into(), code, Some(&with_refusal(cx, error)?)).await,
        Err(stop) => Err(stop),
    }
}

async fn changed<S: Platform>(
    cx: &PageContext<'_, S>,
    partner: &Partner,
    code: &LinkCode,
) -> Result<LinkCode, PageError> {
    let context = cx.context(&partner.session);
    let link = links::found(context.read(links::find(cx, code)).await?)?;
    let mut body = json!({"destination": cx.form.given("destination"), "campaign": cx.form.given("campaign")});
    if let Some(wanted) = cx.form.given("code").filter(|wanted| *wanted != link.code.as_str()) {
        choose::by_partner(&context, &partner.id).await?;
        body["code"] = json!(wanted);
    }
    let mut change = operator::link_change(body.to_string().as_bytes()).map_err(AppError::from)?;
    change.code.iter_mut().for_each(|chosen| chosen.by_partner = true);
    let (answer, codes) = link_change::change(&context, &link.code, &change, &cx.base_url()).await?;
    cx.app.site.forget_links(codes).await;
    Ok(answer.1["code"].as_str().unwrap_or_default().into())
}
