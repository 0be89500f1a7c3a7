//! An attacker joins a program that is not open to them, impersonates someone through an email that anyone can request,
//! locks others out by requesting in their name, or finds out which addresses are known.

use super::browser::Browser;
use super::world::{ADMIN, FINANCE, Outside, VIEWER, assert_unharmed};
use crate::client::{Reply, step};
use crate::server::Server;
use serde_json::{Value, json};

/// Text that anyone can type into the form. An email must not carry it to someone else.
const TYPED: &str = "Visit evil.example now";

fn join(browser: &Browser<'_>, email: &str, program: &str) -> Reply {
    browser.send(
        "/partner/join",
        &[
            ("program", program),
            ("name", TYPED),
            ("email", email),
            ("website", "https://evil.example/x"),
            ("country", "US"),
            ("disclosure", "yes"),
        ],
    )
}

fn request_link(browser: &Browser<'_>, email: &str) -> Reply {
    browser.send("/sign-in", &[("email", email), ("to", "/partner")])
}

/// A browser on a different network for each number.
fn network(server: &Server, n: usize) -> Browser<'_> {
    Browser::from(server, &format!("198.51.100.{n}"))
}

#[test]
fn nobody_joins_or_signs_in_as_somebody_else() {
    let outside = Outside::start();
    let mut server = outside.worker(&[]);
    one_list(&server);
    operators_cannot_join(&outside, &server);
    no_text_of_the_requester(&outside, &server);
    locked_out(&outside, &server);
    known_addresses_are_not_revealed(&outside, &server);
    links_are_used_once(&outside, &server);
    closed_meanwhile(&outside, &mut server);
    assert_unharmed(&server);
}

fn one_list(server: &Server) {
    step("a program on neither list cannot be joined by form or by link, however it is spelled");
    let all = server.read("/v1/programs");
    let all: Vec<&str> =
        all["data"].as_array().or(all.as_array()).expect("programs").iter().filter_map(|p| p["id"].as_str()).collect();
    assert!(all.len() >= 5, "{all:?}");
    let open = ["user-referral", "agency-partner"];
    let odd = ["User-Referral", "user-referral\u{0}", "user-referral/", "%75ser-referral", "*", "none"];
    let closed: Vec<&str> = all.into_iter().filter(|id| !open.contains(id)).chain(odd).collect();
    assert!(closed.contains(&"tiered-credits"));
    let generate = |program: &str| {
        let ask = server.ask("POST", "/api/referral/generate").header("cookie", "astro-session=insider.10");
        ask.body(json!({"program": program, "disclosure_accepted": true}).to_string()).send()
    };
    let somebody = Browser::new(server);
    for program in closed {
        let reply = generate(program);
        assert!([404, 422].contains(&reply.status), "{program:?}: {} {}", reply.status, reply.text);
        let path = format!("/partner/join?program={}", super::browser::escaped(program));
        assert_eq!(somebody.get(&path).status, 404, "{program:?}");
        assert_eq!(join(&somebody, "insider@people.example", program).status, 404, "{program:?}");
        let insider = Browser::new(server);
        insider.keep("astro-session", "insider.10");
        assert_eq!(join(&insider, "insider@people.example", program).status, 404, "{program:?}");
    }
    for program in open {
        generate(program).expect(201);
        assert_eq!(somebody.get(&format!("/partner/join?program={program}")).status, 200);
    }
    let two = "{\"program\":\"user-referral\",\"program\":\"tiered-credits\"}";
    let ask = server.ask("POST", "/api/referral/generate").header("cookie", "astro-session=insider.10").body(two);
    ask.send().problem(400, "duplicate_field");
    assert_eq!(
        server
            .database_rows("SELECT COUNT(*) FROM partner WHERE program_id NOT IN ('user-referral', 'agency-partner')"),
        0
    );
}

fn operators_cannot_join(outside: &Outside, server: &Server) {
    step("a join link never makes an operator's session, nor a partner of an operator");
    let before = server.database_rows("SELECT COUNT(*) FROM partner");
    for (n, address) in [ADMIN, FINANCE, VIEWER, "BOSS@SITE.example"].into_iter().enumerate() {
        let stranger = network(server, n);
        let had = outside.mails_to(address, 0).len();
        assert_eq!(join(&stranger, address, "agency-partner").status, 303);
        let mail = outside.mails_to(address, had + 1).pop().expect("the mail");
        // The operator opens the link out of curiosity.
        let operator = Browser::new(server);
        assert_eq!(operator.get(&mail.link).status, 200);
        let reply = operator.send(&mail.link, &[]);
        assert_eq!(reply.status, 403, "{address}: {}", reply.text);
        assert_eq!(operator.cookie("__Host-manicule_session"), None, "{address}");
        step("the link is not valid at the other page either");
        let token = mail.link.rsplit('/').next().expect("a token");
        for path in [format!("/sign-in/mail/{token}"), format!("/sign-in/mail/{}", token.to_ascii_uppercase())] {
            assert_eq!((operator.get(&path).status, operator.send(&path, &[]).status), (410, 410));
        }
    }
    assert_eq!(server.database_rows("SELECT COUNT(*) FROM partner"), before);
    assert_eq!(server.database_rows("SELECT COUNT(*) FROM session WHERE way = 'email'"), 0);
    step("a partner's join link opens a partner's session, even for an existing partner");
    let stranger = network(server, 9);
    for _ in 0..2 {
        join(&stranger, "new@people.example", "agency-partner").expect(303);
    }
    for mail in outside.mails_to("new@people.example", 2) {
        let person = Browser::new(server);
        assert!(
            person.send(&mail.link, &[]).expect(303).header("location").is_some_and(|to| to.starts_with("/partner"))
        );
        assert_eq!((person.get("/partner").status, person.get("/operator").status), (200, 303));
    }
    assert_eq!(server.database_rows("SELECT COUNT(*) FROM session WHERE way = 'email' AND operator = 1"), 0);
}

fn no_text_of_the_requester(outside: &Outside, server: &Server) {
    step("the confirmation email contains nothing that the requester typed");
    for address in ["new@people.example", "else@people.example", ADMIN] {
        let had = outside.mails_to(address, 0).len();
        join(&network(server, 20), address, "agency-partner").expect(303);
        let mail = outside.mails_to(address, had + 1).pop().expect("the mail");
        for word in ["evil", "Visit", "now\"", "{{"] {
            assert!(!mail.whole.contains(word), "{word}: {}", mail.whole);
        }
    }
    step("an address cannot smuggle in further recipients");
    for email in [
        "a@b.example, c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example%0aBcc:c@d.example",
        "<a@b.example>",
        "\"a\n\"@b.example",
    ] {
        assert_eq!(join(&network(server, 21), email, "agency-partner").status, 422, "{email:?}");
        assert_eq!(request_link(&network(server, 21), email).status, 422, "{email:?}");
    }
}

fn locked_out(outside: &Outside, server: &Server) {
    step("requesting emails in another person's name does not lock them out");
    server.enrol("agency-partner", "partner");
    for (nth, address) in ["partner@partners.example", ADMIN].into_iter().enumerate() {
        let had = outside.mails_to(address, 0).len();
        // From five networks, each up to its limit, for both purposes, and with the address in any letter case.
        for n in 0..5 {
            let stranger = network(server, 30 + 5 * nth + n);
            for typed in [address.to_owned(), address.to_ascii_uppercase(), address.replace('e', "E")] {
                join(&stranger, &typed, "agency-partner");
                request_link(&stranger, &typed).expect(303);
            }
        }
        let flood = outside.mails_to(address, had + 30).len() - had;
        assert!((20..=40).contains(&flood), "{flood}");
        request_link(&network(server, 40), address).expect(303);
        let mails = outside.mails_to(address, had + flood + 1);
        assert_eq!(mails.len(), had + flood + 1, "the person's own mail for {address}");
        let own = mails.last().expect("a mail");
        let person = network(server, 40);
        let led = person.send(&own.link, &[]).expect(303).header("location").map(str::to_owned);
        assert!(led.is_some_and(|to| to.starts_with("/partner") || to.starts_with("/operator")));
    }
    step("the emails to one address are still limited");
    let had = outside.mails_to("victim@people.example", 0).len();
    for n in 0..40 {
        join(&network(server, 50 + n), "victim@people.example", "agency-partner");
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let flood = outside.mails_to("victim@people.example", 0).len() - had;
    assert!(flood <= 20, "{flood} mails");
}

/// Statement counts of the page requests logged from `since` on, forms only.
fn statements(server: &Server, since: usize) -> Vec<i64> {
    let log = server.log();
    let pages = log[since..].lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let pages = pages.filter(|line| line["message"] == "page" && line["status"] == 303);
    pages.filter_map(|line| line["statements"].as_i64()).collect()
}

fn known_addresses_are_not_revealed(outside: &Outside, server: &Server) {
    step("known and unknown addresses: the same response, the same statements, the same rows");
    let known = ["partner@partners.example", ADMIN];
    let unknown = ["nobody@people.example", "none@site.example"];
    type Asking = fn(&Browser<'_>, &str) -> Reply;
    let ask_to_join: Asking = |browser, email| join(browser, email, "agency-partner");
    for (n, asking) in [request_link as Asking, ask_to_join].into_iter().enumerate() {
        let mut seen = Vec::new();
        for (m, address) in known.into_iter().chain(unknown).enumerate() {
            let browser = network(server, 120 + 10 * n + m);
            let since = server.log().len();
            let before = server.database_sizes();
            let reply = asking(&browser, address);
            outside.mails_to(address, 0);
            let grown: Vec<(String, i64)> = server
                .database_sizes()
                .into_iter()
                .zip(before)
                .filter(|(a, b)| a != b)
                .map(|(a, b)| (a.0, a.1 - b.1))
                .collect();
            let headers: Vec<String> =
                reply.headers.iter().map(|(name, _)| name.clone()).filter(|n| n != "date").collect();
            seen.push((
                reply.status,
                reply.header("location").map(str::to_owned),
                reply.text,
                headers,
                statements(server, since),
                grown,
            ));
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
        assert_eq!(seen[0].5, [("magic_link".to_owned(), 1)]);
    }
}

fn links_are_used_once(outside: &Outside, server: &Server) {
    step("viewing a link does not use it; of twenty concurrent uses one succeeds");
    let had = outside.mails_to("partner@partners.example", 0).len();
    request_link(&network(server, 150), "partner@partners.example").expect(303);
    let link = outside.mails_to("partner@partners.example", had + 1).pop().expect("the mail").link;
    for _ in 0..3 {
        server.visit(&link).send().expect(200);
        server.ask("HEAD", &link).send().expect(200);
    }
    let one = |n: usize| network(server, 200 + n).send(&link, &[]).status;
    let one = &one;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let using: Vec<_> = (0..20).map(|n| scope.spawn(move || one(n))).collect();
        using.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 19, "{statuses:?}");
    step("an altered link is invalid");
    let token = link.rsplit('/').next().expect("a token");
    for changed in [&token[1..], &format!("{token}0"), &"0".repeat(64), &"g".repeat(64), "%00", "' OR 1=1--"] {
        let path = format!("/sign-in/mail/{}", super::browser::escaped(changed));
        assert_eq!(network(server, 160).get(&path).status, 410, "{changed}");
    }
}

fn closed_meanwhile(outside: &Outside, server: &mut Server) {
    step("a link emailed while the program was open is invalid once it is closed");
    let stranger = Browser::from(server, "203.0.113.9");
    join(&stranger, "late@people.example", "agency-partner").expect(303);
    let link = outside.mails_to("late@people.example", 1).pop().expect("the mail").link;
    let vars = outside.vars();
    let mut vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    vars.push(("JOIN_PROGRAM", "developer-affiliate"));
    server.restart(&vars);
    let person = Browser::new(server);
    assert_eq!(person.get(&link).status, 410);
    assert_eq!(person.send(&link, &[]).status, 410);
    assert_eq!(server.database_rows("SELECT COUNT(*) FROM partner_person WHERE email = 'late@people.example'"), 0);
}
