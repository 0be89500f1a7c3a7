//! Every text column of every table, with whether it may say something of a person. A new column has to be said here.

use crate::support::sqlite::Sqlite;
use Holds::{Nobody, Operators, Person, Pseudonym};
use std::collections::{BTreeMap, BTreeSet};

/// What a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// A person's data, or words about a person. Erased with the person.
    Person,
    /// An id or a digest that stands for a person: it compares rows, and names nobody.
    Pseudonym,
    /// Who an operator is, and what operators write about programs, runs and pages.
    Operators,
    /// What says nothing of a person.
    Nobody,
}

const COLUMNS: &[(&str, Holds, &str)] = &[
    ("account", Pseudonym, "id"),
    ("account", Nobody, "refused_by written closed usage_questions invoices"),
    ("accrual", Person, "reason"),
    ("accrual", Pseudonym, "partner_id account_id"),
    ("accrual", Nobody, "id program_id reward_id event_id source period unit balance funding_account state"),
    ("adjustment", Person, "note reason decision_reason"),
    ("adjustment", Pseudonym, "partner_id account_id"),
    ("adjustment", Operators, "actor decided_by"),
    ("adjustment", Nobody, "id program_id accrual_id undoes_id invoice_id unit balance state"),
    ("api_token", Operators, "name"),
    ("api_token", Nobody, "id sha256 scopes"),
    ("audit", Person, "reason before after"),
    ("audit", Pseudonym, "actor subject"),
    ("audit", Nobody, "id action"),
    ("ban_kept", Pseudonym, "account_id"),
    ("ban_kept", Nobody, "accrual_id"),
    ("binding", Person, "receipt"),
    ("binding", Pseudonym, "account_id partner_id code click_id visitor domain event_id signup_event_id"),
    ("binding", Nobody, "group_id program_id method source qualified_quarter states"),
    ("campaign_week", Nobody, "code campaign visitors"),
    ("cap_reduction", Pseudonym, "account_id"),
    ("cap_reduction", Nobody, "accrual_id program_id changed_run seen_run"),
    ("click", Pseudonym, "id code partner_id visitor fingerprint"),
    ("channel_sum", Pseudonym, "partner_id"),
    ("channel_sum", Nobody, "program_id channel"),
    ("click", Nobody, "program_id campaign country utm_source utm_medium referrer_host"),
    ("click_flush", Nobody, "writer"),
    ("click_source", Pseudonym, "click_id"),
    ("click_source", Nobody, "utm_source"),
    ("credit_question", Person, "about answer message reply"),
    ("credit_question", Pseudonym, "partner_id code"),
    ("credit_question", Operators, "replied_by"),
    ("credit_question", Nobody, "id program_id"),
    ("credit_transfer", Person, "reason"),
    ("credit_transfer", Pseudonym, "partner_id customer_id request"),
    ("credit_transfer", Nobody, "id kind accrual_id program_id unit currency state refusal transaction_id"),
    ("delivery", Person, "last_error"),
    ("delivery", Nobody, "outbox_id channel target state claim"),
    ("earned_day", Pseudonym, "partner_id"),
    ("earned_day", Nobody, "unit"),
    ("event", Person, "payload outcome"),
    ("event", Pseudonym, "id account_id invoice_id email_domain domain body_sha256 credential codes"),
    ("event", Nobody, "source type state"),
    ("event_person", Person, "email name"),
    ("event_person", Pseudonym, "event_id account_id mailbox address stripe_customer"),
    ("funnel_event", Pseudonym, "partner_id code visitor"),
    ("funnel_event", Nobody, "id program_id campaign stage event path week"),
    ("funnel_sum", Pseudonym, "partner_id"),
    ("funnel_sum", Nobody, "program_id week campaign stage"),
    ("heartbeat", Nobody, "job refused_by"),
    ("idempotency", Pseudonym, "key body_sha256"),
    ("idempotency", Nobody, "route answer"),
    ("invoice_status", Pseudonym, "account_id"),
    ("invoice_status", Nobody, "invoice_id state"),
    ("job_cursor", Nobody, "job cursor"),
    ("kept_report", Nobody, "kind subject body"),
    ("leaderboard", Pseudonym, "partner_id"),
    ("leaderboard", Nobody, "program_id unit"),
    ("ledger_account", Pseudonym, "partner_id"),
    ("ledger_account", Nobody, "id program_id unit kind"),
    ("ledger_block", Nobody, "previous_hash hash"),
    ("link", Person, "destination campaign utm"),
    ("link", Pseudonym, "code skeleton partner_id"),
    ("link", Nobody, "program_id source"),
    ("link_day", Pseudonym, "partner_id"),
    ("link_day", Nobody, "code"),
    ("magic_link", Person, "email detail"),
    ("magic_link", Pseudonym, "token_sha256 requested_by"),
    ("magic_link", Nobody, "purpose"),
    ("organization_domain", Person, "reason"),
    ("organization_domain", Pseudonym, "domain"),
    ("organization_domain", Operators, "actor"),
    ("organization_domain", Nobody, "review_id"),
    ("outbox", Person, "payload"),
    ("outbox", Pseudonym, "partner_id account_id"),
    ("outbox", Nobody, "id kind program_id state"),
    ("partner", Person, "website"),
    ("partner", Pseudonym, "id external_id code"),
    ("partner", Nobody, "program_id kind country standing"),
    ("partner_modifier", Pseudonym, "partner_id"),
    ("partner_modifier", Nobody, "program_id modifier_id quarter changed_run seen_run"),
    ("partner_person", Person, "name email notes email_sha256 display_name"),
    ("partner_person", Pseudonym, "partner_id mailbox address"),
    ("partner_total", Pseudonym, "partner_id"),
    ("partner_total", Nobody, "program_id unit"),
    ("partner_word", Person, "word"),
    ("partner_word", Pseudonym, "partner_id"),
    ("payee", Pseudonym, "partner_id stripe_account_id"),
    ("payee", Nobody, "country currency currently_due disabled_reason"),
    ("payee_closed", Pseudonym, "stripe_account_id partner_id"),
    ("payee_closed", Operators, "actor"),
    ("payee_closed", Nobody, "country reason detail"),
    ("payout", Person, "reason"),
    ("payout", Pseudonym, "partner_id destination request"),
    ("payout", Nobody, "id run_id program_id unit currency reserved_id state refusal transfer_id"),
    ("payout_accrual", Nobody, "payout_id accrual_id change event_id"),
    ("payout_approval", Operators, "actor reason"),
    ("payout_approval", Nobody, "run_id program_id"),
    ("payout_return", Nobody, "id payout_id"),
    ("payout_reversal", Person, "reason"),
    ("payout_reversal", Pseudonym, "partner_id request"),
    ("payout_reversal", Operators, "actor"),
    ("payout_reversal", Nobody, "id payout_id program_id unit currency transfer_id state refusal reversal_id"),
    ("person_salt", Nobody, "salt"),
    ("preview", Operators, "request actor"),
    ("preview", Nobody, "id kind program_id group_id cursor"),
    ("preview_modifier", Pseudonym, "partner_id"),
    ("preview_modifier", Nobody, "preview_id modifier_id quarter"),
    ("preview_referral", Pseudonym, "account_id partner_id"),
    ("preview_referral", Nobody, "preview_id qualified_quarter revenue"),
    ("preview_room", Pseudonym, "account_id partner_id"),
    ("preview_room", Nobody, "preview_id accrual_id reward_id source"),
    ("preview_row", Pseudonym, "partner_id"),
    ("preview_row", Nobody, "preview_id part unit reward_id"),
    ("program_version", Operators, "document actor"),
    ("program_version", Nobody, "program_id document_sha256"),
    ("promotion_code", Pseudonym, "visitor_id account_id code"),
    ("promotion_code", Nobody, "id program_id coupon_id promotion_id"),
    ("promotion_coupon", Nobody, "id program_id"),
    ("redemption", Person, "reason"),
    ("redemption", Pseudonym, "partner_id"),
    ("redemption", Operators, "actor"),
    ("redemption", Nobody, "id program_id unit"),
    ("redemption_return", Person, "reason"),
    ("redemption_return", Operators, "actor"),
    ("redemption_return", Nobody, "id redemption_id"),
    ("reported_transfer", Pseudonym, "destination"),
    ("reported_transfer", Operators, "acknowledged_by acknowledged_reason"),
    ("reported_transfer", Nobody, "id transfer_group currency"),
    ("resource", Operators, "title body"),
    ("resource", Nobody, "id program_id"),
    ("revenue_span", Pseudonym, "account_id partner_id"),
    ("revenue_span", Nobody, "program_id"),
    ("review", Person, "evidence reason"),
    ("review", Pseudonym, "partner_id account_id"),
    ("review", Operators, "actor"),
    ("review", Nobody, "id program_id rule subject state"),
    ("reward_budget", Nobody, "program_id"),
    ("run", Operators, "actor"),
    ("run", Nobody, "id program_id cadence period state cursor refused_by"),
    ("run_item", Pseudonym, "account_id partner_id"),
    ("run_item", Nobody, "run_id kind accrual_id unit accrual"),
    ("run_partner", Pseudonym, "partner_id"),
    ("run_partner", Nobody, "run_id unit"),
    ("session", Person, "email site_user agent"),
    ("session", Pseudonym, "id token_sha256 before_sha256 credential_sha256 actor"),
    ("session", Nobody, "way"),
    ("stripe_customer", Pseudonym, "id account_id"),
    ("stripe_customer", Nobody, "matched_by"),
    ("stripe_customer_person", Pseudonym, "customer_id address"),
    ("stripe_event", Nobody, "id type body_sha256 outcome"),
    ("stripe_fact", Nobody, "event_id customer_id"),
    ("stripe_payment", Nobody, "id invoice_id"),
    ("stripe_payment_fact", Nobody, "event_id payment_intent charge"),
    ("stripe_platform", Nobody, "id country key_sha256"),
    ("stripe_waiting", Nobody, "id type payment_intent charge customer_id payload body_sha256"),
    ("suspension", Person, "reason"),
    ("suspension", Pseudonym, "partner_id"),
    ("suspension", Operators, "actor"),
    ("suspension", Nobody, "id standing"),
    ("terms_mark", Pseudonym, "partner_id"),
    ("terms_mark", Nobody, "program_id part period"),
    ("terms_search", Nobody, "program_id part sought"),
    ("transfer", Person, "reason"),
    ("transfer", Operators, "actor"),
    ("transfer", Nobody, "id accrual_id code phase debit credit pending_id program_id event_id run_id"),
    ("unsubscribe", Pseudonym, "address_sha256"),
    ("unsubscribe", Nobody, "kind"),
    ("visitor_erasure", Person, "visitor"),
    ("visitor_erasure", Pseudonym, "replacement"),
    ("visitor_erasure", Nobody, "program_id"),
    ("visitor_salt", Nobody, "month salt"),
    ("week_removal", Nobody, "program_id week"),
    ("webhook_endpoint", Operators, "url secret"),
    ("webhook_endpoint", Nobody, "id types disabled_reason"),
];

/// What each column holds, by table and column.
pub fn columns() -> BTreeMap<(String, String), Holds> {
    let mut all = BTreeMap::new();
    for (table, holds, names) in COLUMNS {
        for name in names.split(' ') {
            let before = all.insert(((*table).to_owned(), name.to_owned()), *holds);
            assert_eq!(before, None, "{table}.{name} is said twice");
        }
    }
    all
}

/// The text columns of a database.
pub fn text_columns(db: &Sqlite) -> BTreeSet<(String, String)> {
    let rows = db.look(
        "SELECT m.name AS tab, c.name AS col FROM sqlite_master m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type = 'TEXT'",
    );
    let text = |value: &serde_json::Value| value.as_str().expect("a name").to_owned();
    rows.iter().map(|row| (text(&row["tab"]), text(&row["col"]))).collect()
}

#[test]
fn every_text_column_says_whether_it_may_hold_personal_data() {
    let said: BTreeSet<(String, String)> = columns().into_keys().collect();
    assert_eq!(text_columns(&Sqlite::new()), said);
}
