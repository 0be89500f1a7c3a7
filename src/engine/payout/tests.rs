use crate::engine::payout::*;

const NOW: UtcMillis = UtcMillis(1_800_000_000_000);

fn planned() -> OutboundTransfer {
    OutboundTransfer {
        kind: TransferKind::Payout,
        id: "po_1".into(),
        parent: "run_1".to_owned(),
        program_id: "p".into(),
        partner_id: "ptn_1".into(),
        unit: "cash:usd".to_owned(),
        currency: "usd".to_owned(),
        planned_cents: Cents(500),
        amount_cents: Cents(500),
        carried_cents: None,
        target: "acct_1".to_owned(),
        revision: 1,
        state: PayoutState::Planned,
        held: 0,
        request: None,
        attempt: 0,
        tries: 0,
        first_sent_at_ms: None,
        due_at_ms: NOW,
        refusal: None,
        reason: String::new(),
        stripe_id: None,
        done_at_ms: None,
        created_at_ms: NOW,
        look_first: 0,
    }
}

fn submitting() -> OutboundTransfer {
    begin_attempt(&planned(), "amount=500", NOW)
}

fn made() -> StripeObject {
    StripeObject {
        id: "tr_1".to_owned(),
        amount_cents: 500,
        currency: "usd".to_owned(),
        target: "acct_1".to_owned(),
        reversed_cents: 0,
        at: NOW,
    }
}

fn refused(status: u16, code: &str) -> TransferResult {
    TransferResult::Refused { status, code: code.to_owned(), message: "no".to_owned() }
}

fn becomes(s: &OutboundTransfer, result: &TransferResult) -> (PayoutState, Option<PayoutNotice>) {
    let change = after(s, s.attempt, result, NOW).expect("a change");
    (change.to.state, change.notice)
}

#[test]
fn a_new_attempt_asks_for_what_is_left_and_a_retry_for_the_same() {
    let sent = submitting();
    let waits = OutboundTransfer { state: PayoutState::Planned, amount_cents: Cents(300), ..sent.clone() };
    let next = begin_attempt(&waits, "amount=300", NOW);
    assert_eq!((next.request.as_deref(), key(&next).as_str()), (Some("amount=300"), "po_1-a2"));
    assert_eq!(again(&sent, NOW).request, sent.request);
    let credit = OutboundTransfer { kind: TransferKind::Credit, ..waits };
    assert_eq!(begin_attempt(&credit, "amount=300", NOW).request, sent.request, "its amount never changes");
}

#[test]
fn a_payout_is_claimed_sent_again_and_after_23_hours_looked_up() {
    assert_eq!(next(&planned(), NOW), TransferStep::Claim);
    assert_eq!(next(&planned(), NOW.plus_ms(-1)), TransferStep::Wait);
    let sent = submitting();
    assert_eq!((key(&sent), sent.request.as_deref()), ("po_1-a1".to_owned(), Some("amount=500")));
    assert_eq!(next(&sent, NOW), TransferStep::Wait, "somebody has it");
    assert_eq!(next(&sent, NOW.plus_ms(LEASE_MS)), TransferStep::Send);
    assert_eq!(next(&sent, NOW.plus_ms(KEY_TRUSTED_MS - 1)), TransferStep::Send);
    assert_eq!(next(&sent, NOW.plus_ms(KEY_TRUSTED_MS)), TransferStep::LookUp);
    let resent = again(&sent, NOW);
    assert_eq!((key(&resent), resent.first_sent_at_ms), (key(&sent), sent.first_sent_at_ms));
}

#[test]
fn what_is_held_is_not_sent_but_looked_up() {
    let held = |s: OutboundTransfer| OutboundTransfer { held: 1, ..s };
    assert_eq!(next(&held(planned()), NOW), TransferStep::Wait);
    assert_eq!(next(&held(submitting()), NOW.plus_ms(LEASE_MS)), TransferStep::Wait);
    assert_eq!(next(&held(submitting()), NOW.plus_ms(KEY_TRUSTED_MS)), TransferStep::LookUp);
}

#[test]
fn answers_decide() {
    let s = submitting();
    assert_eq!(becomes(&s, &TransferResult::Done(made())), (PayoutState::Paid, Some(PayoutNotice::Sent)));
    assert_eq!(becomes(&s, &TransferResult::Unsure("500".to_owned())), (PayoutState::Submitting, None));
    assert_eq!(becomes(&s, &refused(400, "balance_insufficient")), (PayoutState::Planned, Some(PayoutNotice::Funds)));
    assert_eq!(becomes(&s, &refused(402, "balance_insufficient")), (PayoutState::Planned, Some(PayoutNotice::Funds)));
    assert_eq!(becomes(&s, &refused(400, "idempotency_error")), (PayoutState::Review, Some(PayoutNotice::Review)));
    assert_eq!(becomes(&s, &refused(401, "api_key_expired")), (PayoutState::Planned, Some(PayoutNotice::Access)));
    let change = after(&s, 1, &refused(400, "no_account"), NOW).unwrap();
    assert_eq!(next(&change.to, NOW), TransferStep::LookUp, "a refusal is confirmed before money is given back");
    assert!(looked_up(&change.to, &[], NOW).is_some_and(|c| c.to.state == PayoutState::Failed));
    assert!(looked_up(&change.to, &[made()], NOW).is_some_and(|c| c.to.state == PayoutState::Paid));
    let reversal = OutboundTransfer { kind: TransferKind::Reversal, ..s };
    let change = after(&reversal, 1, &refused(400, "balance_insufficient"), NOW).unwrap();
    assert_eq!(change.to.refusal.as_deref(), Some("balance_insufficient: no"), "nothing is waited for");
}

#[test]
fn an_answer_to_another_attempt_changes_nothing_unless_money_moved() {
    let second = OutboundTransfer { attempt: 2, ..submitting() };
    assert_eq!(after(&second, 1, &TransferResult::Unsure(String::new()), NOW), None);
    assert_eq!(after(&second, 1, &refused(400, "no_account"), NOW), None);
    assert_eq!(after(&second, 1, &TransferResult::Done(made()), NOW).unwrap().to.state, PayoutState::Review);
    let planned_again = OutboundTransfer { state: PayoutState::Planned, ..submitting() };
    assert_eq!(after(&planned_again, 1, &TransferResult::Done(made()), NOW).unwrap().to.state, PayoutState::Paid);
    let over = OutboundTransfer { state: PayoutState::Paid, ..submitting() };
    assert_eq!(after(&over, 1, &TransferResult::Done(made()), NOW), None);
}

#[test]
fn silence_is_unknown_and_waits_for_a_person_with_what_was_asked() {
    for kind in [TransferKind::Payout, TransferKind::Reversal, TransferKind::Credit, TransferKind::Debit] {
        let silent = OutboundTransfer { kind, ..submitting() };
        let change = looked_up(&silent, &[], NOW).expect("not clear");
        assert_eq!((change.to.state, change.notice), (PayoutState::Review, Some(PayoutNotice::Review)), "{kind:?}");
        for part in ["500 usd", "acct_1", "po_1-a1", "2027-01-15T08:00:00Z"] {
            assert!(change.to.reason.contains(part), "{part}: {}", change.to.reason);
        }
        assert_eq!(next(&change.to, NOW.plus_ms(10 * KEY_TRUSTED_MS)), TransferStep::Wait);
    }
}

/// A person decided, or Stripe's refusal was an answer: too little balance.
#[test]
fn a_new_key_needs_an_answer_and_a_look_up_that_finds_nothing() {
    let short = after(&submitting(), 1, &refused(400, "balance_insufficient"), NOW).expect("a change").to;
    let due = NOW.plus_ms(FUNDS_WAIT_MS);
    assert_eq!((short.state, next(&short, due)), (PayoutState::Planned, TransferStep::LookUp));
    assert_eq!(looked_up(&short, &[], NOW), None);
    let second = begin_attempt(&short, "other", due);
    assert_eq!((key(&second), second.request.as_deref()), ("po_1-a2".to_owned(), Some("other")));
}

#[test]
fn every_refusal_that_is_stripe_s_and_about_the_request_is_an_answer() {
    for (status, code) in [
        (400, "resource_missing"),
        (402, "card_declined"),
        (403, "account_invalid"),
        (404, "resource_missing"),
        (405, "invalid_request_error"),
        (410, "api_error"),
        (422, "parameter_invalid"),
        (424, "external_dependency_failed"),
    ] {
        let change = after(&submitting(), 1, &refused(status, code), NOW).expect("a change");
        assert_eq!(next(&change.to, NOW), TransferStep::LookUp, "{status}: confirmed first");
        let over = looked_up(&change.to, &[], NOW).expect("a change");
        assert_eq!(over.to.state, PayoutState::Failed, "{status}: the amount is free");
        assert_eq!(looked_up(&change.to, &[made()], NOW).expect("a change").to.state, PayoutState::Paid, "{status}");
    }
    for (status, code) in
        [(400, ""), (404, ""), (401, ""), (403, ""), (408, "timeout"), (409, "lock_timeout"), (429, "rate_limit")]
    {
        let change = after(&submitting(), 1, &refused(status, code), NOW).expect("a change");
        assert_eq!(
            (change.to.state, change.to.refusal, change.to.tries),
            (PayoutState::Submitting, None, 1),
            "{status}"
        );
    }
}

/// What is known not to have reached Stripe is no silence: it keeps its key for as long as that takes. A payout is planned
/// again, since less may be left of it; the others have what they are for.
#[test]
fn what_never_reached_stripe_is_sent_with_its_key_whenever_that_is() {
    let late = NOW.plus_ms(40 * KEY_TRUSTED_MS);
    for result in [
        TransferResult::Unsent("the balance is used up".to_owned()),
        refused(401, "api_key_expired"),
        refused(403, "more_permissions_required"),
    ] {
        let waits = after(&submitting(), 1, &result, NOW).expect("a change").to;
        assert_eq!((waits.state, next(&waits, late)), (PayoutState::Planned, TransferStep::Claim), "{result:?}");
        assert_eq!((&waits.request, waits.first_sent_at_ms), (&None, None));
        let sent = begin_attempt(&OutboundTransfer { amount_cents: Cents(400), ..waits }, "amount=400", late);
        assert_eq!((key(&sent), sent.first_sent_at_ms, sent.tries), ("po_1-a1".to_owned(), Some(late), 1));
        assert_eq!(sent.request.as_deref(), Some("amount=400"));
        for kind in [TransferKind::Reversal, TransferKind::Credit, TransferKind::Debit] {
            let of = OutboundTransfer { kind, ..submitting() };
            let waits = after(&of, 1, &result, NOW).expect("a change").to;
            assert_eq!((waits.state, next(&waits, late)), (PayoutState::Submitting, TransferStep::Send), "{result:?}");
            assert_eq!(again(&waits, late).request, of.request);
        }
        // An attempt after one that was answered is looked up first, as ever.
        let second = OutboundTransfer { attempt: 2, ..submitting() };
        let waits = after(&second, 2, &result, NOW).expect("a change").to;
        assert_eq!((waits.attempt, next(&waits, late)), (1, TransferStep::LookUp), "{result:?}");
        assert_eq!(
            next(&sent, late.plus_ms(KEY_TRUSTED_MS)),
            TransferStep::LookUp,
            "the key is as old as its first use"
        );
        // After one try without an answer the key may have been used.
        let silent = after(&again(&submitting(), NOW), 1, &result, NOW).expect("a change").to;
        assert_eq!(next(&silent, late), TransferStep::LookUp, "{result:?}");
    }
}

#[test]
fn what_does_not_fit_is_for_a_person() {
    for wrong in [
        vec![made(), made()],
        vec![StripeObject { amount_cents: 501, ..made() }],
        vec![StripeObject { currency: "eur".to_owned(), ..made() }],
        vec![StripeObject { target: "acct_2".to_owned(), ..made() }],
        vec![StripeObject { reversed_cents: 1, ..made() }],
    ] {
        assert!(looked_up(&submitting(), &wrong, NOW).is_some_and(|c| c.to.state == PayoutState::Review), "{wrong:?}");
    }
    let other = TransferResult::Done(StripeObject { amount_cents: 1, ..made() });
    assert_eq!(becomes(&submitting(), &other), (PayoutState::Review, Some(PayoutNotice::Review)));
}

#[test]
fn pauses_grow_and_stay_well_below_a_key_s_life() {
    let mut s = submitting();
    let mut last = 0;
    for _ in 0..20 {
        s = again(&s, NOW);
        let pause = after(&s, 1, &TransferResult::Unsure(String::new()), NOW).unwrap().to.due_at_ms.0 - NOW.0;
        assert!(pause >= last && pause * 4 < KEY_TRUSTED_MS, "{pause}");
        last = pause;
    }
}
