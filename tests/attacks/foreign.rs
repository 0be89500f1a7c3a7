//! One partner tries to see or change another partner's data: every page and form in the tables, with the rival's valid
//! session and the victim's ids in the URL, the fields and the cookie. Also checks what a partner sees of the host's
//! own ids.

use super::browser::Browser;
use super::fixture::{self, ApiFixture};
use super::tables::{self, Page};
use super::world::{Outside, assert_unharmed};
use crate::client::{Reply, step};
use crate::server::Server;
use crate::stripe::Stripe;

const SESSION: &str = "__Host-manicule_session";

/// Asserts that the response contains nothing of the victim, except what the URL itself contained.
#[track_caller]
fn nothing_of(fixture: &ApiFixture, reply: &Reply, named: &str, what: &str) {
    assert!(reply.status < 500, "{what}: {}", reply.status);
    let told: Vec<&str> = reply.headers.iter().map(|(_, value)| value.as_str()).chain([reply.text.as_str()]).collect();
    for mark in fixture.marks.iter().filter(|mark| !named.contains(mark.as_str())) {
        assert!(!told.iter().any(|text| text.contains(mark.as_str())), "{what} tells {mark}");
    }
}

fn with_ids<'p>(page: &'p Page, fixture: &'p ApiFixture) -> impl Iterator<Item = (String, String)> + 'p {
    let one = |id: &str| (page.path(&[id]), id.to_owned());
    let ids: Vec<&str> =
        if page.parameters() == 0 { vec!["none"] } else { fixture.ids.iter().map(String::as_str).collect() };
    ids.into_iter().map(one)
}

#[test]
fn partners_cannot_read_or_change_each_others_data() {
    let outside = Outside::start();
    let stripe = Stripe::start();
    let vars = outside.vars();
    let mut vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    vars.push(("PAYOUT_APPROVAL", "manual"));
    let server = Server::with(&stripe.vars(&vars));
    stripe.post_to(&server);
    let mut fixture = fixture::fill(&server, &stripe);
    let victim = Browser::of_site(&server, "victim.10");
    fixture.ids.extend(server.database_texts("SELECT id FROM session"));
    let rival = Browser::of_site(&server, "rival.10");
    let before = fixture::state_of(&server, &fixture.victim);
    let sees = victim.get("/partner/earnings");
    assert!(
        sees.status == 200 && victim.get("/partner/payouts").text.contains(&fixture.marks[fixture.marks.len() - 1])
    );

    pages(&rival, &fixture);
    by_cookie(&rival, &fixture);
    at_the_operators(&[&rival, &Browser::new(&server)], &fixture);
    forms(&rival, &fixture);
    assert_eq!(fixture::state_of(&server, &fixture.victim), before);
    assert_eq!(victim.get("/partner").status, 200, "the victim's session lives");
    its_own_view(&victim, &fixture);
    assert_unharmed(&server);
}

fn pages(rival: &Browser<'_>, fixture: &ApiFixture) {
    step("the victim's ids in the URL of every page");
    let mut tried = 0;
    for page in tables::partners().iter().chain(&tables::sign_in()).filter(|page| page.method == "GET") {
        for (path, id) in with_ids(page, fixture) {
            // One network that sends many wrong tokens is refused without a look.
            let reply = rival.visit(&path).elsewhere().send();
            nothing_of(fixture, &reply, &id, &path);
            assert!(
                page.parameters() == 0 || [404, 410].contains(&reply.status) || is_own(&id),
                "{path}: {}",
                reply.status
            );
            tried += 1;
        }
        let path = page.path(&["none"]);
        let asking = format!(
            "{path}?partner={0}&id={0}&claim={0}&cursor=0.{1}&code={2}",
            fixture.victim.id, fixture.ids[6], fixture.victim.code
        );
        nothing_of(fixture, &rival.visit(&asking).elsewhere().send(), &asking, &asking);
    }
    assert!(tried > 200, "{tried}");
}

/// The id may be one of the rival's own rows.
fn is_own(id: &str) -> bool {
    id.len() == 1
}

fn by_cookie(rival: &Browser<'_>, fixture: &ApiFixture) {
    step("the victim's partner id beside the rival's own token");
    let own = rival.cookie(SESSION).expect("a session");
    let token = own.split('.').next().expect("a token").to_owned();
    let claims = [
        fixture.victim.id.clone(),
        format!("{}.{}", fixture.rival.id, fixture.victim.id),
        format!("{}.{}", fixture.victim.id, fixture.rival.id),
        fixture.victim.id.to_uppercase(),
        format!("{}%00", fixture.victim.id),
        format!("' OR p.id = '{}", fixture.victim.id),
        "%".to_owned(),
    ];
    for page in tables::partners().iter().filter(|page| page.method == "GET") {
        for claim in &claims {
            for id in [&fixture.victim.code, &fixture.ids[6], &fixture.ids[8]] {
                let path = page.path(&[id]);
                let cookie = format!("{SESSION}={token}.{claim}");
                let reply = rival.visit(&path).header("cookie", cookie).elsewhere().send();
                nothing_of(fixture, &reply, &format!("{id}{claim}"), &format!("{path} as {claim}"));
                if page.parameters() == 0 {
                    break;
                }
            }
        }
    }
}

fn at_the_operators(browsers: &[&Browser<'_>], fixture: &ApiFixture) {
    step("operators' pages and forms, with a partner's session and without one");
    for page in tables::operators() {
        let ids: &[String] = if page.parameters() == 0 { &fixture.ids[..1] } else { &fixture.ids };
        for (n, id) in ids.iter().enumerate() {
            let path = page.path(&[if path_names_a_program(&page) { fixture::PROGRAM } else { id }, id]);
            for browser in browsers {
                let reply = match page.method {
                    "GET" => browser.visit(&path).send(),
                    // The refusal does not depend on the id, so a few are enough.
                    _ if n > 2 => continue,
                    _ => browser.send(
                        &path,
                        &[("partner", &fixture.rival.id), ("reason", "mine"), ("decision", "release"), ("amount", "5")],
                    ),
                };
                assert!(
                    reply.header("location").is_some_and(|to| to.starts_with("/sign-in?to=")),
                    "{path}: {}",
                    reply.status
                );
                assert_eq!((reply.status, reply.text.as_str()), (303, ""), "{path}");
            }
        }
    }
}

fn path_names_a_program(page: &Page) -> bool {
    page.path(&["x"]).starts_with("/operator/programs/")
}

fn forms(rival: &Browser<'_>, fixture: &ApiFixture) {
    step("every form of the rival, with the victim's ids in its URL and in every field");
    let mut forms: Vec<Page> =
        tables::partners().into_iter().chain(tables::sign_in()).filter(|page| page.method == "POST").collect();
    // Forms that end the rival's own session or membership come last.
    forms.sort_by_key(|page| (page.path(&[]).contains("sign"), page.path(&[]).contains("leave")));
    for page in &forms {
        if page.path(&[]) == "/sign-out" {
            continue;
        }
        for (path, id) in with_ids(page, fixture) {
            let fields =
                ["partner", "session", "code", "id", "link", "payout", "program", "account", "to", "email", "row"];
            let mut sent: Vec<(&str, &str)> = fields.iter().map(|name| (*name, id.as_str())).collect();
            sent.extend([
                ("confirm", "yes"),
                ("leave", "yes"),
                ("name", "Rival"),
                ("destination", "/x"),
                ("message", "hello"),
            ]);
            let reply = rival.send(&path, &sent);
            nothing_of(fixture, &reply, &id, &path);
        }
        for id in &fixture.ids {
            let sent = [("partner", id.as_str()), ("session", id), ("code", id), ("program", fixture::PROGRAM)];
            let path = page.path(&[&fixture.rival.code]);
            if page.parameters() == 0 && !path.ends_with("/leave") {
                nothing_of(fixture, &rival.send(&path, &sent), id, &path);
            }
        }
    }
}

/// The host's ids may reveal who a client is.
fn its_own_view(victim: &Browser<'_>, fixture: &ApiFixture) {
    step("a partner's own pages, files and data export contain no host ids and do not reveal clients");
    let mut shown = 0;
    for page in tables::partners().iter().filter(|page| page.method == "GET") {
        for (path, id) in with_ids(page, fixture) {
            let reply = victim.visit(&path).send();
            assert!(reply.status < 500, "{path}");
            shown += usize::from(reply.status == 200);
            if id.contains(fixture::HOSTS) {
                continue;
            }
            for mark in [fixture::HOSTS, "friends.example", "self_of", "evt_"] {
                assert!(!reply.text.contains(mark), "{path} tells {mark}: {}", around(&reply.text, mark));
            }
        }
    }
    assert!(shown > 30, "{shown} pages");
}

fn around(text: &str, mark: &str) -> String {
    let at = text.find(mark).unwrap_or(0);
    text.chars().skip(at.saturating_sub(120)).take(240).collect()
}
