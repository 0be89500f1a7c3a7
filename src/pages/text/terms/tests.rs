//! The presets, as partners and operators read them.

use super::*;
use crate::pages::locale::Plain;
use crate::program::catalog::PRESETS;
use crate::program::check;

fn wording(id: &str) -> String {
    let text = PRESETS.iter().find(|(known, _)| *known == id).expect("a preset").1;
    let rows = rows(&check::read(text).expect("it is right"), &Plain);
    rows.into_iter().flat_map(|(_, sentences)| sentences).collect::<Vec<_>>().join("\n")
}

#[test]
fn partners_read_every_preset() {
    for (id, wanted) in [
        (
            "agency-partner",
            &[
                "20% of what a customer pays, for the first 12 months.",
                "10% of what a customer pays, from month 13 for as long as they pay.",
                "USD 500.00 when a customer starts a subscription of at least USD 5,000.00 a year.",
                "With 5 paying customers in a quarter: an extra 5% of what they pay.",
                "With 20 paying customers in total, or once your customers pay a total of USD 50,000.00 a year: 25% instead of 20%, and 15% instead of 10%.",
                "Until 60 days after the customer's first payment. If the customer cancels before then, you earn nothing.",
                "Every month, paid to your bank account through Stripe. There is no minimum.",
                "within 30 days of a click on your link, and yours was the last",
            ][..],
        ),
        (
            "user-referral",
            &[
                "USD 50.00 when a customer has been active for 14 days and has paid for 30 days.",
                "Every week, as credit. There is no minimum.",
                "20% off the first invoice.",
            ],
        ),
        (
            "tiered-credits",
            &[
                "USD 10.00 when a customer has viewed 3 listings within 30 days.",
                "10% of a customer's first purchase, up to USD 250.00 per customer.",
                "Immediately, as credit.",
            ],
        ),
        (
            "developer-affiliate",
            &[
                "15% of what a customer pays, if that is more than USD 500.00 a month, if the customer came through your link, for 6 months.",
                "Up to USD 2,000.00 a month for this reward: 15% of what",
                "Until the customer has been active for 90 days and has paid. If the customer cancels before then, or within 30 days of the first payment, you earn nothing.",
                "30 days after the hold period. Balances under USD 50.00 carry over.",
            ],
        ),
        ("partner-funnel", &["No money", "There are no payouts."]),
    ] {
        let wording = wording(id);
        for sentence in wanted {
            assert!(wording.contains(sentence), "{id}: {sentence:?} is not in {wording}");
        }
    }
}

#[test]
fn operators_read_the_same_about_their_accounts() {
    let document =
        check::read(PRESETS.iter().find(|(id, _)| *id == "agency-partner").expect("a preset").1).expect("it is right");
    let reader = Reader::new(&document, &Plain, Audience::Operator);
    let rewards: Vec<String> = document.rewards.iter().map(|r| reader.reward(r)).collect();
    assert_eq!(
        rewards,
        [
            "20% of what an account pays, for the first 12 months.",
            "10% of what an account pays, from month 13 for as long as they pay.",
            "USD 500.00 when an account starts a subscription of at least USD 5,000.00 a year.",
        ]
    );
    assert_eq!(
        reader.hold(),
        "Until 60 days after the account's first payment. If the account cancels before then, it earns nothing."
    );
}
