//! The building blocks of pages: figures, fields, states. Tables are in `columns.rs`.

use crate::base::percent::escaped;
use crate::base::time::UtcMillis;
use crate::pages::form::SubmittedForm;
use crate::pages::locale::Locale;
use crate::pages::text::shared::state::shown;
use crate::pages::text::shared::{component, field as wording};
use maud::{Markup, html};

/// A page's heading, with a sentence about the page and its actions.
pub fn heading(title: &str, lead: &str, actions: Markup) -> Markup {
    html! {
        div.heading {
            div { h1 { (title) } @if !lead.is_empty() { p.lead { (lead) } } }
            div.actions { (actions) }
        }
    }
}

/// A day in UTC, with a machine-readable form.
pub fn day(locale: &dyn Locale, at: UtcMillis) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (locale.day(at)) } }
}

pub fn instant(locale: &dyn Locale, at: UtcMillis) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (locale.instant(at)) } }
}

/// An amount; a negative one is marked. `unit` is a ledger unit: `cash:usd`, `credit:usd`.
pub fn amount(locale: &dyn Locale, cents: i64, unit: &str) -> Markup {
    let (kind, currency) = unit.split_once(':').unwrap_or(("", unit));
    html! {
        span.money.minus[cents < 0] { (locale.money(cents, currency)) }
        @if kind == "credit" { " " span.quiet { (component::CREDIT) } }
    }
}

/// One figure in a row of figures.
pub struct Figure<'a> {
    pub label: &'a str,
    pub value: Markup,
    /// Explains the figure or says what happens next.
    pub note: Markup,
}

pub fn figures(list: &[Figure<'_>]) -> Markup {
    html! {
        dl.figures {
            @for figure in list { div { dt { (figure.label) } dd.value { (figure.value) } dd.note { (figure.note) } } }
        }
    }
}

/// A state as a word and a color, so that it never relies on color alone.
pub fn state(name: &str) -> Markup {
    let tone = match name {
        "paid" | "available" | "sent" | "active" | "done" | "released" | "redeemed" => "good",
        "pending" | "planned" | "submitting" | "queued" | "trial" | "waiting" | "open" | "settled" => "calm",
        "held" | "disputed" | "review" | "suspended" => "wait",
        "failed" | "void" | "reversed" | "cancelled" | "rejected" | "suppressed" | "banned" => "bad",
        _ => "calm",
    };
    html! { span class={ "state " (tone) } { (shown(name)) } }
}

/// A state with its reason, if the reason adds anything.
pub fn state_with(name: &str, reason: &str) -> Markup {
    html! { (state(name)) @if reason != name { " " span.quiet { (reason) } } }
}

/// An empty list: says that it is empty, and what to do.
pub fn empty(title: &str, hint: Markup) -> Markup {
    html! { div.empty { p.title { (title) } p { (hint) } } }
}

/// Names and values that describe one thing.
pub fn facts(list: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (name, value) in list { div { dt { (name) } dd { (value) } } } } }
}

/// Links to the first and next page of a list. `path` may have a query.
pub fn pager(path: &str, next: Option<&str>, first: bool) -> Markup {
    let separator = if path.contains('?') { '&' } else { '?' };
    html! {
        @if next.is_some() || !first {
            nav.pager aria-label=(component::PAGES) {
                @if !first { a href=(path) { (component::FIRST_PAGE) } }
                @if let Some(cursor) = next { a href={ (path) (separator) "cursor=" (escaped(cursor)) } rel="next" { (component::NEXT_PAGE) } }
            }
        }
    }
}

/// A form field.
#[derive(Clone, Copy, Default)]
pub struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub hint: &'a str,
    /// `text` if empty; `textarea` for several lines.
    pub kind: &'a str,
    pub required: bool,
    /// What the browser may fill in: `email`, `organization`, `off`, …
    pub autocomplete: &'a str,
    pub max: usize,
}

/// A labeled field with its value, its hint and its problem.
pub fn field(form: &SubmittedForm, f: Field<'_>) -> Markup {
    let problem = form.problem(f.name);
    let described = describes(f.name, !f.hint.is_empty(), problem.is_some());
    let max = (f.max > 0).then(|| f.max.to_string());
    html! {
        div.field.wrong[problem.is_some()] {
            label for=(f.name) { (f.label) @if !f.required { " " span.quiet { (wording::OPTIONAL) } } }
            @if f.kind == "textarea" {
                textarea id=(f.name) name=(f.name) rows="8" required[f.required] maxlength=[max] aria-describedby=[described]
                    aria-invalid=[problem.map(|_| "true")] { "\n" (form.get(f.name)) }
            } @else {
                input id=(f.name) name=(f.name) type=(if f.kind.is_empty() { "text" } else { f.kind }) value=(form.get(f.name))
                    required[f.required] maxlength=[max] autocomplete=[(!f.autocomplete.is_empty()).then_some(f.autocomplete)]
                    aria-describedby=[described] aria-invalid=[problem.map(|_| "true")];
            }
            (about(f.name, f.hint, problem))
        }
    }
}

/// A select with the value and title of each option.
pub fn select(form: &SubmittedForm, f: Field<'_>, choices: &[(&str, &str)]) -> Markup {
    let problem = form.problem(f.name);
    let described = describes(f.name, !f.hint.is_empty(), problem.is_some());
    html! {
        div.field.wrong[problem.is_some()] {
            label for=(f.name) { (f.label) @if !f.required { " " span.quiet { (wording::OPTIONAL) } } }
            select id=(f.name) name=(f.name) required[f.required] aria-describedby=[described] aria-invalid=[problem.map(|_| "true")] {
                @for (value, title) in choices { option value=(value) selected[form.get(f.name) == *value] { (title) } }
            }
            (about(f.name, f.hint, problem))
        }
    }
}

pub fn checkbox(form: &SubmittedForm, name: &str, label: Markup) -> Markup {
    let problem = form.problem(name);
    html! {
        div.field.check.wrong[problem.is_some()] {
            input id=(name) name=(name) type="checkbox" value="yes" checked[form.is_checked(name)]
                aria-describedby=[describes(name, false, problem.is_some())] aria-invalid=[problem.map(|_| "true")];
            label for=(name) { (label) }
            (about(name, "", problem))
        }
    }
}

/// The problems of a form, listed above it.
pub fn problems(form: &SubmittedForm) -> Markup {
    html! {
        @if !form.is_good() {
            div.problems role="alert" {
                p { strong { (wording::PROBLEM) } " " (wording::NOTHING_SAVED) }
                ul {
                    @for (field, what) in form.problems() {
                        li { @if field.is_empty() { (what) } @else { a href={ "#" (field) } { (what) } } }
                    }
                }
            }
        }
    }
}

fn describes(name: &str, hint: bool, problem: bool) -> Option<String> {
    let mut ids = Vec::new();
    if hint {
        ids.push(format!("{name}-hint"));
    }
    if problem {
        ids.push(format!("{name}-problem"));
    }
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn about(name: &str, hint: &str, problem: Option<&str>) -> Markup {
    html! {
        @if !hint.is_empty() { p.hint id={ (name) "-hint" } { (hint) } }
        @if let Some(problem) = problem { p.problem id={ (name) "-problem" } { (problem) } }
    }
}

/// A text to copy. The button needs a script; without one, the text can be selected.
pub fn copyable(label: &str, value: &str) -> Markup {
    html! {
        div.copy {
            input type="text" readonly value=(value) aria-label=(label);
            button type="button" data-copy=(value) hidden { (component::COPY) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::locale::Plain;

    #[test]
    fn strangers_words_are_never_markup() {
        let evil = "\"><script>alert(1)</script>";
        let mut form = SubmittedForm::filled(&[("name", evil)]);
        form.refuse("name", evil);
        let shown = [
            field(&form, Field { name: "name", label: evil, hint: evil, ..Field::default() }),
            select(&form, Field { name: "name", label: evil, ..Field::default() }, &[(evil, evil)]),
            checkbox(&form, "name", html! { (evil) }),
            problems(&form),
            copyable(evil, evil),
            state(evil),
            heading(evil, evil, html! {}),
            pager("/x", Some(evil), true),
        ];
        for part in shown {
            assert!(!part.0.contains("<script"), "{}", part.0);
        }
    }

    #[test]
    fn amounts_say_their_unit() {
        assert_eq!(amount(&Plain, -150, "cash:usd").0, "<span class=\"money minus\">-USD 1.50</span>");
        assert!(amount(&Plain, 150, "credit:eur").0.ends_with("<span class=\"quiet\">credit</span>"));
        assert_eq!(escaped("a b/é"), "a%20b%2F%C3%A9");
    }
}
