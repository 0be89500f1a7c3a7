//! A world behind the routes, as in the Worker.

use crate::support::openapi as described;

use crate::support::clicks::written;
use crate::support::world::{World, at, now};
use manicule::base::time::UtcMillis;
use manicule::codec::attribution::cookie;
use manicule::codec::attribution::cookie::SignedCookie;
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::engine::link::LinkRecord;
use manicule::engine::link::click::{Address, Click, Salt, Visitor};
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::{Request, Response};
use manicule::http::route;
use serde_json::{Value, json};
use std::rc::Rc;

pub const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const OPERATOR: &str = "Bearer mop_of_the_tests";

pub struct FunnelFixture {
    pub world: World,
    pub config: Config,
}

impl FunnelFixture {
    pub fn new(seed: u64) -> FunnelFixture {
        let operator = manicule::http::auth::hex_sha256(b"mop_of_the_tests");
        let config = Config::read(|name| match name {
            "COOKIE_KEYS" => "k1:11d11faf5b49adf4d0b3475e73ba5e749786dd260f8503b74e7132b251b9bb82".to_owned(),
            "OPERATOR_BOOTSTRAP_TOKEN_SHA256" => operator.clone(),
            _ => String::new(),
        });
        FunnelFixture { world: World::new(seed), config }
    }

    /// Id and code.
    pub fn partner(&self, program: &str, who: &str) -> (String, String) {
        let email = format!("{}@partners.example", who.replace(' ', "").to_lowercase());
        self.world.partner(at("2026-01-01T00:00:00Z"), program, who, &email).unwrap()
    }

    pub fn operator(&self) -> (&'static str, &'static str) {
        ("authorization", OPERATOR)
    }

    pub fn send(
        &self,
        when: UtcMillis,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> Response {
        let mut all: Vec<(String, String)> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        if !headers.iter().any(|(name, _)| *name == "user-agent") {
            all.push(("user-agent".to_owned(), BROWSER.to_owned()));
        }
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            origin: "https://site.example".to_owned(),
            headers: all,
            body: body.to_vec(),
        };
        self.world.request(when);
        let app = RequestContext { site: &self.world, config: &self.config, now: when };
        now(route::answer(&app, &request)).expect("an address of ours")
    }

    pub fn post(&self, when: UtcMillis, body: &[u8], headers: &[(&str, &str)]) -> Response {
        self.send(when, "POST", "/v1/collect", "", body, headers)
    }

    #[track_caller]
    pub fn collect(&self, when: UtcMillis, body: Value, headers: &[(&str, &str)], status: u16) {
        let response = self.post(when, body.to_string().as_bytes(), headers);
        assert_eq!((response.status, response.body, response.fault), (status, Vec::new(), None), "{body}");
    }

    /// An event of the visitor in the cookie, or of an unknown visitor if the name is empty.
    pub fn visitor_event(&self, when: UtcMillis, event: &str, code: &str, campaign: &str, visitor: &str) {
        let body = json!({"event": event, "partner": code, "campaign": campaign});
        let cookie = self.cookie(visitor, &[]);
        let headers = [("cookie", cookie.as_str())];
        self.collect(when, body, if visitor.is_empty() { &[] } else { &headers }, 204);
    }

    /// A Cookie header with these touches: program, code, campaign, instant.
    pub fn cookie(&self, visitor: &str, touches: &[(&str, &str, &str, UtcMillis)]) -> String {
        let keys = self.config.cookie_keys.as_ref().expect("keys");
        let touches = touches.iter().map(|(program, code, campaign, at)| Touch {
            program: (*program).into(),
            code: (*code).into(),
            campaign: (*campaign).to_owned(),
            click_id: "clk_0".to_owned(),
            at: *at,
        });
        let touchpoints = TouchHistory { visitor: visitor.to_owned(), touches: touches.collect() };
        let signed = SignedCookie::of(touchpoints, at("2027-01-01T00:00:00Z"));
        format!("{}={}", keys.name(), cookie::write(keys, &signed))
    }

    pub fn click(&self, program: &str, partner: &(String, String), campaign: &str, visitor: &str, when: UtcMillis) {
        let id = format!("clk_{}", self.world.next());
        self.write(Click { campaign: campaign.to_owned(), ..click_of(program, partner, &id, visitor, when) });
    }

    pub fn bot(&self, program: &str, partner: &(String, String), visitor: &str, when: UtcMillis) {
        self.write(Click { bot: true, ..click_of(program, partner, "clk_bot", visitor, when) });
    }

    pub fn tagged_click(&self, program: &str, partner: &(String, String), id: &str, source: &str, when: UtcMillis) {
        self.write(Click { utm_source: Some(source.to_owned()), ..click_of(program, partner, id, "v", when) });
    }

    fn write(&self, one: Click) {
        written(&self.world, vec![one], &Salt::new("2026-06", b"s"));
    }

    /// An operator's response, long after the events.
    pub fn read(&self, path: &str, query: &str, accept: Option<&str>) -> String {
        let mut headers = vec![self.operator()];
        headers.extend(accept.map(|accept| ("accept", accept)));
        let response = self.send(at("2026-07-10T00:00:00Z"), "GET", path, query, b"", &headers);
        assert_eq!(response.status, 200, "{path}?{query}: {}", String::from_utf8_lossy(&response.body));
        if response.headers[0].1 == "application/json" {
            let body: Value = serde_json::from_slice(&response.body).expect("JSON");
            let faults = described::faults(&described::document(), "GET", path, 200, &body);
            assert!(faults.is_empty(), "{path}?{query}: {faults:#?}");
        }
        String::from_utf8(response.body).expect("a text")
    }

    /// A week of the funnel.
    pub fn funnel(&self, week: &str) -> Value {
        let text = self.read("/v1/reports/funnel", &format!("program=partner-funnel&week={week}"), None);
        serde_json::from_str(&text).expect("JSON")
    }
}

fn click_of(program: &str, (partner, code): &(String, String), id: &str, visitor: &str, when: UtcMillis) -> Click {
    let link = LinkRecord {
        code: code.clone().into(),
        partner_id: partner.clone().into(),
        program_id: program.into(),
        ..LinkRecord::default()
    };
    Click {
        id: id.to_owned(),
        link: Rc::new(link),
        campaign: String::new(),
        visitor: Visitor::Known(visitor.to_owned()),
        address: Address::default(),
        at: when,
        ..Click::default()
    }
}

/// Compares with a reviewed page. `UPDATE_TRANSCRIPTS=1` writes it.
pub fn golden(name: &str, page: &str) {
    let path = format!("{}/tests/transcripts/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, page).expect("the transcript is written");
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == reviewed, "{path} differs; UPDATE_TRANSCRIPTS=1 rewrites it for review:\n{page}");
}
