//! How an earning was calculated, in one line: "20% of $290.00 = $58.00".

use crate::engine::accrual::payment;
use crate::engine::accrual::payment::{Calculation, ShownAccrual};
use crate::pages::locale::Locale;
use crate::pages::text::shared::accrual as text;
use crate::program::catalog::Catalog;

/// `None`: a flat amount. Its reward and source say what it is for.
pub fn of(locale: &dyn Locale, catalog: &Catalog, (accrual, shown): &ShownAccrual) -> Option<String> {
    let version = catalog.version(&accrual.program_id, accrual.program_version);
    let currency = accrual.unit.split_once(':').map_or("", |(_, currency)| currency);
    let money = |cents: i64| locale.money(cents, currency);
    let earned = money(accrual.gross_cents.0);
    Some(match payment::calculation(accrual, shown.base_cents, version)? {
        Calculation::Share(rate, base) => text::share(&locale.percent(rate.0), &money(base.0), &earned),
        Calculation::Difference(rate, own, base) => {
            text::difference(&locale.percent(rate.0), &locale.percent(own.0), &money(base.0), &earned)
        }
    })
}
