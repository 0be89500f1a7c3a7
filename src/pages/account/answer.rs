//! What a partner reads about its code and the accounts that carried it. Others' names, codes and accounts, and operators'
//! reasons, have no way into it: it is made from names of reasons and the partner's own codes.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::engine::review::ReviewState;
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::text::partner::{account, why_not as text};
use crate::service::attribution::search::{CodeState, Explained};

/// The most accounts that an answer speaks of.
pub const ACCOUNTS_MAX: usize = 10;
/// The most touches of one account that it explains.
const TOUCHES_MAX: usize = 5;

/// The sentences, in order. `day`: the day whose visits count.
pub fn sentences(
    locale: &dyn Locale,
    partner: &PartnerId,
    code: Option<&CodeState>,
    day: Option<UtcMillis>,
    accounts: &[Explained],
) -> Vec<String> {
    let mut all = vec![match code.map(|code| code.why_not) {
        None => text::NOT_YOUR_CODE.to_owned(),
        Some(None) => text::CODE_WORKS.to_owned(),
        Some(Some(why)) => text::code_does_not_work(why),
    }];
    if let (Some(code), Some(day)) = (code, day) {
        all.push(text::visits(&locale.number(code.row.clicks), &locale.day(day)));
    }
    all.extend(accounts.iter().take(ACCOUNTS_MAX).map(|found| about(locale, partner, found)));
    if accounts.is_empty() {
        all.push(text::NOTHING.to_owned());
    }
    if accounts.len() > ACCOUNTS_MAX {
        all.push(text::MORE.to_owned());
    }
    all
}

fn about(locale: &dyn Locale, partner: &PartnerId, found: &Explained) -> String {
    let name = wording::client_name(partner, &found.account);
    let first = match found.signed_up_at {
        Some(at) => text::signed_up(&name, &locale.day(at)),
        None => text::not_signed_up(&name),
    };
    let mut parts = vec![first];
    let own = found.programs.iter().find(|p| p.result.binding.as_ref().is_some_and(|b| b.partner == *partner));
    if let Some((program, binding)) = own.and_then(|p| Some((p, p.result.binding.as_ref()?))) {
        parts.push(text::CREDITED.to_owned());
        parts.push(account::why(Some(binding.method.name())).to_owned());
        match program.review {
            Some(ReviewState::Rejected) => parts.push(text::REJECTED.to_owned()),
            _ if program.held => parts.push(text::UNDER_REVIEW.to_owned()),
            _ => {}
        }
    } else {
        parts.push(text::NOT_CREDITED.to_owned());
        let touches = found.touches.iter().filter(|t| t.partner.as_ref() == Some(partner));
        let reasons: Vec<String> = touches
            .filter_map(|t| {
                let day = t.at.map(|at| locale.day(at));
                Some(text::your_code(&t.code, day.as_deref()) + text::why(t.why?))
            })
            .take(TOUCHES_MAX)
            .collect();
        if reasons.is_empty() {
            parts.push(text::ELSEWHERE.to_owned());
        }
        parts.extend(reasons);
    }
    if found.is_undecided {
        parts.push(text::UNDECIDED.to_owned());
    }
    parts.join(" ")
}
