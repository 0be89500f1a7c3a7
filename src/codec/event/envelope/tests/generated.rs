//! Generated bodies: valid ones are read in full, broken ones never panic.

use crate::codec::event::envelope::tests::*;
use proptest::prelude::*;

fn id() -> impl Strategy<Value = String> {
    "[!-~]{1,255}"
}

/// An envelope and the expected event, written independently of the parser.
fn envelopes() -> impl Strategy<Value = (Value, Event)> {
    let texts = (id(), id(), id(), prop::option::of(id()));
    let labels = (prop::option::of("\\PC{1,200}"), prop::option::of("[a-z.+]{1,64}@[a-z]{1,63}\\.example"), "[a-z]{3}");
    let numbers = (OCCURRED_AT_MIN.0..=NOW.0 + 300_000, 0..=CENTS_MAX, 1..=MONTHS_MAX, 0..=CENTS_MAX);
    (texts, labels, numbers).prop_map(|(ids, (name, email, currency), (at, cents, months, discount))| {
        let (id, account_id, invoice_id, subscription_id) = ids;
        let occurred_at = UtcMillis(at);
        let body = json!({
            "id": id, "type": "invoice.paid", "occurred_at": occurred_at.to_rfc3339(),
            "account": {"id": account_id, "name": name, "email": email},
            "amount": {"cents": cents, "currency": currency.to_uppercase()},
            "data": {"invoice_id": invoice_id, "subscription_id": subscription_id, "months": months,
                "discount_cents": discount},
        });
        let amount = Amount { cents: Cents(cents), currency };
        let payload = Payload::InvoicePaid(Invoice {
            invoice_id: invoice_id.into(),
            subscription_id,
            amount,
            months,
            discount_cents: Cents(discount),
            charged_cents: None,
            origin: InvoiceOrigin::Host,
        });
        let event = Event {
            id: id.into(),
            kind: "invoice.paid".to_owned(),
            occurred_at,
            account_id: Some(account_id.into()),
            person: Person { email, name, ..Person::default() },
            credential: Credential::default(),
            payload,
        };
        (body, event)
    })
}

proptest! {
    #[test]
    fn valid_envelopes_come_back_whole((body, event) in envelopes()) {
        prop_assert_eq!(read(&body), Ok(event));
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse(&body, NOW).is_err());
    }

    #[test]
    fn mutated_bodies_never_panic_nor_escape_the_limits(
        kind in prop::sample::select(vec!["invoice.paid", "dispute.lost", "workspace.invited", "account.active"]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<u8>()), 1..6),
    ) {
        let mut body = with(kind, "type", Some(json!(kind))).to_string().into_bytes();
        for (at, edit, byte) in edits {
            let at = at.index(body.len());
            match edit {
                0 => body[at] ^= byte,
                1 => drop(body.remove(at)),
                _ => body.insert(at, byte),
            }
        }
        if let Ok(event) = parse(&body, NOW) {
            prop_assert!(ID.allows(&event.id) && KIND.allows(&event.kind));
            prop_assert!(event.occurred_at >= OCCURRED_AT_MIN && event.occurred_at <= NOW.plus_ms(300_000));
            if let Payload::InvoicePaid(Invoice { amount, .. }) | Payload::DisputeLost(Dispute { amount, .. }) = event.payload {
                prop_assert!((0..=CENTS_MAX).contains(&amount.cents.0) && CURRENCY.allows(&amount.currency));
            }
        }
    }
}
