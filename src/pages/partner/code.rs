//! The form by which an operator gives a partner a chosen code.

use crate::base::percent;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::PageContext;
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::text::operator::{common, partner as wording};
use crate::pages::viewer::Operator;
use crate::store::partner::PartnerRow;
use maud::{Markup, html};

pub fn section<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    partner: &PartnerRow,
    form: &SubmittedForm,
) -> Markup {
    html! {
        @if operator.may(Scope::Partners) {
            details open[form.given("code").is_some()] {
                summary { (wording::CHANGE_CODE) }
                form.stack method="post" action={ "/operator/partners/" (percent::escaped(&partner.id)) "/code" } {
                    (csrf(cx))
                    (components::field(form, Field {
                        name: "code",
                        label: common::CODE,
                        hint: wording::CHANGE_CODE_HINT,
                        required: true,
                        autocomplete: "off",
                        max: 64,
                        ..Field::default()
                    }))
                    button { (wording::CHANGE_CODE) }
                }
            }
        }
    }
}
