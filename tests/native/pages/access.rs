//! Every page of the tables, asked by everybody there is: who is let in is what the table says, and nobody else learns or
//! does anything.

use super::fixture::{Browser, ORIGIN, PagesFixture, Shown};
use super::operator_fixture::OperatorFixture;
use crate::support::world::World;
use manicule::engine::identity::access::{Role, Scope, Scopes};
use manicule::pages::route::{Viewers, all};
use manicule::pages::table::Entry;
use std::collections::BTreeSet;

/// Somebody who asks.
enum Caller {
    Nobody,
    /// The session of a partner's person, and the partner that its cookie claims.
    Person(&'static str, String),
    Role(Role),
    Token(Scopes),
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    LetIn,
    SignsIn,
    ChoosesPartner,
    Forbidden,
}

const ROLES: [Role; 3] = [Role::Viewer, Role::Finance, Role::Admin];

impl Caller {
    fn name(&self) -> String {
        match self {
            Caller::Nobody => "nobody".to_owned(),
            Caller::Person(email, partner) => format!("{email} as {partner}"),
            Caller::Role(role) => role.name().to_owned(),
            Caller::Token(scopes) => format!("a token for {scopes}"),
        }
    }

    /// A new session each time: some forms end theirs.
    fn browser<'a>(&self, pages: &'a PagesFixture) -> Browser<'a> {
        match self {
            Caller::Nobody => pages.browser(),
            Caller::Person(email, partner) => pages.signed_in(email, partner),
            Caller::Role(role) => pages.operator_by_email(&address(*role)),
            Caller::Token(scopes) => pages.operator_with(&scopes.to_string()),
        }
    }

    fn scopes(&self) -> Option<Scopes> {
        match self {
            Caller::Role(role) => Some(role.scopes()),
            Caller::Token(scopes) => Some(*scopes),
            _ => None,
        }
    }

    /// What the table says.
    fn expected(&self, own: &str, whose: Viewers, entry: &Entry) -> Answer {
        match (whose, self) {
            (Viewers::Anybody, _) => Answer::LetIn,
            (_, Caller::Nobody) => Answer::SignsIn,
            (Viewers::Persons, _) => Answer::LetIn,
            (Viewers::Partners, Caller::Person(_, partner)) if partner == own => Answer::LetIn,
            (Viewers::Partners, _) => Answer::ChoosesPartner,
            (Viewers::Operators, Caller::Person(..)) => Answer::SignsIn,
            (Viewers::Operators, _) => {
                let is_met = self.scopes().is_some_and(|scopes| entry.need.is_met_by(scopes));
                if is_met { Answer::LetIn } else { Answer::Forbidden }
            }
        }
    }
}

fn address(role: Role) -> String {
    format!("{}@site.example", role.name())
}

fn asked(browser: &Browser<'_>, entry: &Entry) -> Shown {
    let parts = entry.path.split('/').map(|part| match part {
        "{row}" => "1",
        part if part.starts_with('{') => "none",
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    if entry.method == "GET" {
        return browser.get(&path);
    }
    if browser.cookie("__Host-manicule_session").is_none() {
        // A form that anybody sees.
        browser.get("/sign-in/token");
        return browser.post(&path, &[]);
    }
    browser.ask("POST", &path, &[("origin", ORIGIN)], &format!("form_token={}", browser.form_token()))
}

fn answered(shown: &Shown) -> Answer {
    match shown.status {
        303 if shown.location.starts_with("/sign-in?to=") => Answer::SignsIn,
        303 if shown.location == "/partner/programs" => Answer::ChoosesPartner,
        403 => Answer::Forbidden,
        _ => Answer::LetIn,
    }
}

#[test]
fn pages_let_in_whom_their_table_names() {
    let mut fixture = OperatorFixture::new();
    fixture.pages.config.operators = ROLES.map(|role| (address(role), role)).into();
    let (own, other) = (fixture.partner.clone(), fixture.suspect.clone());
    let mut callers = vec![
        Caller::Nobody,
        Caller::Person("boss@acme.example", own.clone()),
        // Another partner's person who claims to be the first.
        Caller::Person("boss@sly.example", own.clone()),
        Caller::Person("boss@acme.example", other.clone()),
        Caller::Person("boss@acme.example", String::new()),
    ];
    callers.extend(ROLES.map(Caller::Role));
    callers.extend(Scope::ALL.iter().map(|scope| Caller::Token(Scopes::of(&[*scope]))));
    callers.push(Caller::Token(Scopes::of(&[Scope::Read, Scope::Programs])));
    for (whose, entry) in all::<World>() {
        for caller in &callers {
            let name = format!("{} {} by {}", entry.method, entry.path, caller.name());
            let is_own = !matches!(caller, Caller::Person("boss@sly.example", _));
            let expected = caller.expected(if is_own { &own } else { "" }, whose, &entry);
            let audited = fixture.count("SELECT COUNT(*) FROM audit");
            let shown = asked(&caller.browser(&fixture.pages), &entry);
            assert_eq!(answered(&shown), expected, "{name}: {} {}", shown.status, shown.location);
            assert!(shown.status < 500, "{name}: {}", shown.text());
            if expected != Answer::LetIn {
                assert_eq!(fixture.count("SELECT COUNT(*) FROM audit"), audited, "{name}: something was done");
                assert!(shown.html.is_empty() || expected == Answer::Forbidden, "{name}: {}", shown.html);
            }
        }
    }
}

#[test]
fn the_tables_name_each_page_once() {
    let pages = all::<World>();
    let mut seen = BTreeSet::new();
    for (whose, entry) in &pages {
        assert!(seen.insert((entry.method, entry.path)), "{} {} twice", entry.method, entry.path);
        assert!(entry.title.is_none() || entry.method == "GET", "{} is no page to go to", entry.path);
        let area = if *whose == Viewers::Operators { "/operator" } else { "/" };
        assert!(entry.path.starts_with(area), "{} is not its area's", entry.path);
    }
    // The first page that fits answers: one that comes after it would never be seen.
    for (n, (whose, entry)) in pages.iter().enumerate() {
        let fits = |other: &Entry| {
            let (a, b): (Vec<&str>, Vec<&str>) = (other.path.split('/').collect(), entry.path.split('/').collect());
            other.method == entry.method
                && a.len() == b.len()
                && a.iter().zip(&b).all(|(a, b)| a.starts_with('{') || a == b)
        };
        let before = pages.iter().take(n).find(|(_, other)| fits(other));
        assert!(before.is_none(), "{whose:?} {} is hidden by {before:?}", entry.path);
    }
}

#[test]
fn the_navigation_is_what_an_operator_may_see() {
    let mut fixture = OperatorFixture::new();
    fixture.pages.config.operators = ROLES.map(|role| (address(role), role)).into();
    for role in ROLES {
        let shown = fixture.pages.operator_by_email(&address(role)).get("/operator");
        shown.is_page();
        for (whose, entry) in all::<World>() {
            let Some(title) = entry.title.filter(|_| whose == Viewers::Operators) else { continue };
            let link = format!(">{title}</a></li>");
            let is_there =
                shown.html.contains(&format!("<li><a href=\"{}\"", entry.path)) && shown.html.contains(&link);
            assert_eq!(is_there, entry.need.is_met_by(role.scopes()), "{title} for {}", role.name());
        }
    }
}
