//! The form that changes a link: where it leads, its campaign and, where the program lets partners choose, its code.

use crate::base::percent;
use crate::codec::link::destination::DESTINATION_BYTES_MAX;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::PageContext;
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::text::partner::link as text;
use crate::store::partner::page::OwnLink;
use maud::{Markup, html};

/// The form. `sent` is what was refused.
pub fn section<S: Platform>(
    cx: &PageContext<'_, S>,
    link: &OwnLink,
    may_choose: bool,
    sent: Option<&SubmittedForm>,
) -> Markup {
    let stored = SubmittedForm::filled(&[
        ("destination", link.destination.as_deref().unwrap_or_default()),
        ("campaign", link.campaign.as_deref().unwrap_or_default()),
        ("code", &link.code),
    ]);
    let form = sent.unwrap_or(&stored);
    let own = Field { max: 200, autocomplete: "off", ..Field::default() };
    html! {
        details open[sent.is_some()] {
            summary { (text::CHANGE_HEADING) }
            (components::problems(form))
            form.stack method="post" action={ "/partner/links/" (percent::escaped(&link.code)) } {
                (layout::csrf(cx))
                (components::field(form, Field {
                    name: "destination",
                    label: text::DESTINATION,
                    hint: text::DESTINATION_HINT,
                    max: DESTINATION_BYTES_MAX,
                    ..own
                }))
                (components::field(form, Field { name: "campaign", label: text::CAMPAIGN, hint: text::CAMPAIGN_HINT, ..own }))
                @if may_choose {
                    (components::field(form, Field { name: "code", label: text::CODE, hint: text::CHANGE_CODE_HINT, max: 64, ..own }))
                }
                button { (text::CHANGE) }
            }
        }
    }
}
