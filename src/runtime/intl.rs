//! Numbers, money and dates with the runtime's own `Intl`, which knows every locale.

use crate::base::currency;
use crate::base::time::UtcMillis;
use crate::pages::locale::{Locale, Plain};
use js_sys::{Array, Function, Intl, Object, Reflect};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use wasm_bindgen::{JsCast, JsValue};

/// How a viewer's values are formatted. If the runtime does not know the locale, English is used.
pub struct Viewer {
    locale: String,
    // Each is created on first use: a page needs two or three of them.
    /// By currency.
    money: RefCell<HashMap<String, Option<Function>>>,
    number: OnceCell<Option<Function>>,
    percent: OnceCell<Option<Function>>,
    date: OnceCell<Option<Function>>,
    day: OnceCell<Option<Function>>,
    instant: OnceCell<Option<Function>>,
}

impl Viewer {
    pub fn of(locale: &str) -> Viewer {
        // Throws if it is not a language tag.
        let known = make("Locale", locale, &[]).is_some();
        Viewer {
            locale: if known { locale } else { "en" }.to_owned(),
            money: RefCell::default(),
            number: OnceCell::new(),
            percent: OnceCell::new(),
            date: OnceCell::new(),
            day: OnceCell::new(),
            instant: OnceCell::new(),
        }
    }

    fn numbers(&self, options: &[(&str, JsValue)]) -> Option<Function> {
        let made = make("NumberFormat", &self.locale, options)?;
        Some(made.unchecked_into::<Intl::NumberFormat>().format())
    }

    fn dates(&self, more: &[(&str, &str)]) -> Option<Function> {
        let always = [("month", "short"), ("day", "numeric"), ("timeZone", "UTC")];
        let options: Vec<(&str, JsValue)> =
            always.iter().chain(more).map(|(key, value)| (*key, (*value).into())).collect();
        let made = make("DateTimeFormat", &self.locale, &options)?;
        Some(made.unchecked_into::<Intl::DateTimeFormat>().format())
    }
}

const YEAR: &[(&str, &str)] = &[("year", "numeric")];
const YEAR_AND_TIME: &[(&str, &str)] =
    &[("year", "numeric"), ("hour", "2-digit"), ("minute", "2-digit"), ("timeZoneName", "short")];

/// `new Intl.<name>(locale, options)`, or `None` if it throws.
fn make(name: &str, locale: &str, options: &[(&str, JsValue)]) -> Option<JsValue> {
    let intl = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
    let constructor: Function = Reflect::get(&intl, &name.into()).ok()?.dyn_into().ok()?;
    let object = Object::new();
    for (key, value) in options {
        Reflect::set(&object, &(*key).into(), value).ok()?;
    }
    Reflect::construct(&constructor, &Array::of2(&locale.into(), &object)).ok()
}

fn apply(format: Option<&Function>, value: JsValue) -> Option<String> {
    format?.call1(&JsValue::UNDEFINED, &value).ok()?.as_string()
}

impl Locale for Viewer {
    fn locale(&self) -> &str {
        &self.locale
    }

    fn money(&self, minor: i64, code: &str) -> String {
        let mut formats = self.money.borrow_mut();
        let decimals = currency::decimals(code);
        // The runtime's own number of decimals is not Stripe's for every currency.
        let format = formats.entry(code.to_owned()).or_insert_with(|| {
            self.numbers(&[
                ("style", "currency".into()),
                ("currency", code.to_uppercase().into()),
                ("minimumFractionDigits", decimals.into()),
                ("maximumFractionDigits", decimals.into()),
            ])
        });
        // For display only; calculations use integers.
        let amount = minor as f64 / f64::from(10_u32.pow(decimals));
        apply(format.as_ref(), JsValue::from(amount)).unwrap_or_else(|| Plain.money(minor, code))
    }

    fn number(&self, number: i64) -> String {
        let format = self.number.get_or_init(|| self.numbers(&[]));
        apply(format.as_ref(), JsValue::from(number as f64)).unwrap_or_else(|| Plain.number(number))
    }

    fn percent(&self, bps: i64) -> String {
        let options = [("style", JsValue::from("percent")), ("maximumFractionDigits", 2.into())];
        let format = self.percent.get_or_init(|| self.numbers(&options));
        apply(format.as_ref(), JsValue::from(bps as f64 / 10_000.0)).unwrap_or_else(|| Plain.percent(bps))
    }

    fn date(&self, at: UtcMillis) -> String {
        let format = self.date.get_or_init(|| self.dates(&[]));
        apply(format.as_ref(), JsValue::from(at.0 as f64)).unwrap_or_else(|| Plain.date(at))
    }

    fn day(&self, at: UtcMillis) -> String {
        let format = self.day.get_or_init(|| self.dates(YEAR));
        apply(format.as_ref(), JsValue::from(at.0 as f64)).unwrap_or_else(|| Plain.day(at))
    }

    fn instant(&self, at: UtcMillis) -> String {
        let format = self.instant.get_or_init(|| self.dates(YEAR_AND_TIME));
        apply(format.as_ref(), JsValue::from(at.0 as f64)).unwrap_or_else(|| Plain.instant(at))
    }
}
