//! Self-referrals: many accounts from one browser, the partner's own account, and two or more partners who refer each
//! other.

use super::world::assert_unharmed;
use crate::client::step;
use crate::facts::{Partner, ahead, merge, paid, signed_up};
use crate::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "agency-partner";

fn sign_up(account: &str, email: &str, attribution: Value) -> Value {
    let mut event = signed_up(account, &ahead(-1_000), attribution);
    merge(&mut event, json!({"account": {"email": email}}));
    event
}

/// The rules with an open review for an account.
fn held_by(server: &Server, account: &str) -> Vec<String> {
    let list = server.read("/v1/reviews?limit=200");
    let mine = list["data"].as_array().expect("reviews").iter().filter(|r| r["account"] == account);
    let mut rules: Vec<String> = mine.filter_map(|r| r["rule"].as_str().map(str::to_owned)).collect();
    rules.sort();
    rules.dedup();
    rules
}

/// The account pays. Returns whether the partner's earning is available without a review.
fn earns(server: &Server, partner: &Partner, account: &str) -> bool {
    server.tell(&[paid(account, &format!("in-{account}"), &ahead(0), 10_000)]);
    let lines = server.entries(partner);
    let mine: Vec<&Value> = lines.iter().filter(|line| line["account"] == account).collect();
    assert_eq!(mine.len(), 1, "{lines:?}");
    mine[0]["state"] != "held"
}

fn partner(server: &Server, external_id: &str, email: &str) -> Partner {
    let body = json!({"program": PROGRAM, "external_id": external_id, "email": email, "disclosure_accepted": true});
    let made = server.post("/v1/partners", &body).operator().send().expect(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    Partner { id: text("id"), code: text("code") }
}

#[test]
fn self_referrals_are_held() {
    let server = Server::start();
    one_browser(&server);
    own_accounts(&server);
    rings(&server);
    assert_unharmed(&server);
}

fn one_browser(server: &Server) {
    step("the sixth account of one browser within thirty days is held, whatever its program or address");
    let ann = partner(server, "ann", "ann@ann-studio.example");
    let cookie = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    let token = || server.get("/v1/attribution").header("cookie", &*cookie).send().json()["token"].clone();
    for n in 1..=5 {
        let account = format!("puppet-{n}");
        server.tell(&[sign_up(&account, &format!("p{n}@mail-{n}.example"), json!({"token": token()}))]);
        assert_eq!((held_by(server, &account), earns(server, &ann, &account)), (Vec::new(), true), "{account}");
    }
    for n in 6..=8 {
        let account = format!("puppet-{n}");
        server.tell(&[sign_up(&account, &format!("p{n}@mail-{n}.example"), json!({"token": token()}))]);
        assert_eq!(held_by(server, &account), ["one_visitor"], "{account}");
        assert!(!earns(server, &ann, &account), "{account}");
    }
    step("neither a new click in the same browser nor another partner's link changes that");
    let bob = partner(server, "bob", "bob@bob-studio.example");
    let cookie =
        server.visit(&format!("/r/{}", bob.code)).header("cookie", &*cookie).send().cookie().expect("the cookie");
    let told = server.get("/v1/attribution").header("cookie", cookie).send().json();
    server.tell(&[sign_up("puppet-9", "p9@mail-9.example", json!({"token": told["token"]}))]);
    assert_eq!(held_by(server, "puppet-9"), ["one_visitor"]);
    assert!(!earns(server, &bob, "puppet-9"));
    step("another browser's account is not suspected");
    let other = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    let told = server.get("/v1/attribution").header("cookie", other).send().json();
    server.tell(&[sign_up("guest", "guest@guest.example", json!({"token": told["token"]}))]);
    assert_eq!((held_by(server, "guest"), earns(server, &ann, "guest")), (Vec::new(), true));
}

fn own_accounts(server: &Server) {
    step("a partner's own account is held, whatever its address, and however it signs up");
    let owner = partner(server, "owner", "owner@owner-studio.example");
    server.tell(&[sign_up("owner", "somebody@else.example", json!({"code": owner.code}))]);
    assert!(held_by(server, "owner").contains(&"own_account".to_owned()), "{:?}", held_by(server, "owner"));
    assert!(!earns(server, &owner, "owner"));
    step("also by address: case, tag, dots at Gmail");
    let dotty = partner(server, "dotty", "do.tty@gmail.com");
    for (n, email) in ["dotty@gmail.com", "D.O.T.T.Y+x@GoogleMail.com", "DO.TTY@GMAIL.COM"].into_iter().enumerate() {
        let account = format!("dotty-{n}");
        server.tell(&[sign_up(&account, email, json!({"code": dotty.code}))]);
        assert!(!held_by(server, &account).is_empty() && !earns(server, &dotty, &account), "{email}");
    }
}

fn rings(server: &Server) {
    step("rings of two and of four are held where they close, in the order of the sign-ups or in reverse");
    for (size, name) in [(2, "two"), (4, "four")] {
        let ring: Vec<(String, Partner)> = (0..size)
            .map(|n| {
                let id = format!("{name}-{n}");
                let made = partner(server, &id, &format!("{id}@{id}.example"));
                (id, made)
            })
            .collect();
        for n in 0..size {
            // Each partner's own account signs up through the next partner's link. The last one closes the ring.
            let (account, referrer) = (&ring[n].0, &ring[(n + 1) % size].1);
            server.tell(&[sign_up(account, &format!("x@{account}-other.example"), json!({"code": referrer.code}))]);
            let closes = n == size - 1;
            assert_eq!(
                held_by(server, account),
                if closes { vec!["referral_ring".to_owned()] } else { vec![] },
                "{account}"
            );
            assert_eq!(earns(server, referrer, account), !closes, "{account}");
        }
    }
    step("a ring found by addresses, if the host has other names for the accounts");
    let (a, b) = (partner(server, "host-a", "a@a-shop.example"), partner(server, "host-b", "b@b-shop.example"));
    server.tell(&[sign_up("cust-1", "A@a-shop.example", json!({"code": b.code}))]);
    assert!(earns(server, &b, "cust-1"));
    server.tell(&[sign_up("cust-2", "B@B-shop.example", json!({"code": a.code}))]);
    assert_eq!((held_by(server, "cust-2"), earns(server, &a, "cust-2")), (vec!["referral_ring".to_owned()], false));
}
