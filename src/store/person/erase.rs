//! Erasing what is known of a person. Rows stay, because decisions and the ledger rest on them: what they say of a person
//! becomes NULL or [`ERASED`], and digests stay, by which accounts are compared. Triggers of rows that never change let
//! exactly that pass.

use crate::base::ids::{AccountId, ActorId, PartnerId};
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// What stands where a person's words or data were.
pub const ERASED: &str = "erased";

/// The actor of what an erased person did.
const NOBODY: &str = "person:erased";

/// Whose rows are looked for: the column that names them; conditions of what was sent to Stripe for them alone; and what else
/// the audit log knows them by.
struct Whose {
    column: &'static str,
    payouts: &'static str,
    reversals: &'static str,
    credits: &'static str,
    /// Accounts whose reports may repeat what was written.
    accounts: &'static str,
    also: &'static str,
}

const PARTNER: Whose = Whose {
    column: "partner_id",
    payouts: "partner_id = ?1",
    reversals: "payout_id IN (SELECT id FROM payout WHERE partner_id = ?1)",
    credits: "partner_id = ?1",
    accounts: "SELECT account_id FROM review WHERE partner_id = ?1 UNION SELECT account_id FROM adjustment WHERE partner_id = ?1",
    also: "SELECT code FROM link WHERE partner_id = ?1 UNION ALL SELECT id FROM credit_question WHERE partner_id = ?1
           UNION ALL SELECT id FROM redemption WHERE partner_id = ?1",
};
const ACCOUNT: Whose = Whose {
    column: "account_id",
    // A payout is for many accounts: none.
    payouts: "id = NULLIF(?1, ?1)",
    reversals: "id = NULLIF(?1, ?1)",
    credits: "accrual_id IN (SELECT id FROM accrual WHERE account_id = ?1)",
    accounts: "SELECT ?1",
    also: "SELECT NULL",
};

/// What partners and accounts have in common: the words of operators about them, wherever they were copied to. `?1`: the
/// partner or account.
fn words(whose: &Whose) -> Vec<String> {
    let Whose { column, payouts, reversals, credits, accounts, also } = whose;
    let reviewed = format!("SELECT id FROM review WHERE {column} = ?1");
    let adjusted = format!("SELECT id FROM adjustment WHERE {column} = ?1");
    // Accruals whose reason is what somebody wrote: adjustments and what a review rejected, now or before.
    let accruals = format!(
        "SELECT a.id FROM accrual a WHERE a.{column} = ?1 AND (a.source GLOB 'adjustment:*' OR a.reason GLOB 'rejected in review:*'
           OR EXISTS (SELECT 1 FROM adjustment j WHERE j.accrual_id = a.id)
           OR EXISTS (SELECT 1 FROM review v WHERE v.account_id = a.account_id AND v.partner_id = a.partner_id AND v.state = 'rejected'))"
    );
    let sent =
        [("payout", payouts), ("payout_reversal", reversals), ("credit_transfer", credits)].map(|(table, of)| {
            format!(
                "UPDATE {table} SET reason = '{ERASED}' WHERE {of}
               AND EXISTS (SELECT 1 FROM audit d WHERE d.subject = {table}.id AND instr({table}.reason, d.reason) > 0)"
            )
        });
    let mut statements = vec![
        format!(
            "UPDATE outbox SET payload = json_replace(payload, '$.reason', '{ERASED}', '$.evidence', '{ERASED}')
             WHERE id IN (SELECT 'adjustment.approval:' || id FROM adjustment WHERE {column} = ?1 UNION ALL SELECT 'review.opened:' || id FROM review WHERE {column} = ?1)
               OR id IN (SELECT o.id FROM ({accruals}) k CROSS JOIN outbox o ON o.id > 'accrual:' || k.id || '.' AND o.id < 'accrual:' || k.id || '/')"
        ),
        format!(
            "UPDATE transfer SET reason = '{ERASED}' WHERE accrual_id IN ({accruals})
               AND (code IN ('adjust', 'deduct') OR reason GLOB 'rejected in review:*' OR actor NOT IN ('', 'cron'))"
        ),
        format!(
            "UPDATE accrual SET reason = IIF(reason GLOB 'rejected in review:*', 'rejected in review: {ERASED}', '{ERASED}')
             WHERE id IN ({accruals}) AND (source GLOB 'adjustment:*' OR reason GLOB 'rejected in review:*')"
        ),
    ];
    statements.extend(reports(accounts));
    statements.extend(sent);
    // A compound of at most five terms, as D1 takes it.
    let subjects = [
        format!("SELECT ?1 UNION ALL {reviewed} UNION ALL {adjusted}"),
        (*also).to_owned(),
        format!(
            "SELECT id FROM payout WHERE {payouts} UNION ALL SELECT id FROM payout_reversal WHERE {reversals}
             UNION ALL SELECT id FROM credit_transfer WHERE {credits}"
        ),
    ];
    let scrub = |condition: &str| {
        let (before, after) = (kept("before"), kept("after"));
        format!(
            "UPDATE audit SET reason = IIF(reason IS NULL, NULL, '{ERASED}'), before = {before}, after = {after} WHERE {condition}"
        )
    };
    let among = subjects.map(|subjects| format!("subject IN ({subjects})"));
    statements.push(scrub(&among.join(" OR ")));
    statements.push(scrub(&format!(
        "action = 'outbox.replay' AND EXISTS (SELECT 1 FROM outbox o WHERE o.id = audit.subject AND o.{column} = ?1)"
    )));
    statements.push(format!(
        "UPDATE adjustment SET note = '{ERASED}', reason = '{ERASED}', decision_reason = IIF(decision_reason IS NULL, NULL, '{ERASED}') WHERE {column} = ?1"
    ));
    statements.push(format!("UPDATE organization_domain SET reason = '{ERASED}' WHERE review_id IN ({reviewed})"));
    // Other evidence names accounts and counts.
    statements.push(format!(
        "UPDATE review SET evidence = IIF(rule = 'same_domain', '{ERASED}', evidence), reason = IIF(reason IS NULL, NULL, '{ERASED}') WHERE {column} = ?1"
    ));
    statements
}

/// What was reported of accounts: why they are whose, and what earned what.
fn reports(accounts: &str) -> [String; 2] {
    let known = |reason: &str| {
        let marks = ["moved by an operator: ", "rejected in review: "];
        let [moved, rejected] = marks.map(|mark| format!("{reason} GLOB '{mark}*', '{mark}{ERASED}'"));
        format!("IIF({moved}, IIF({rejected}, {reason}))")
    };
    let list = |column: &str, path: &str, reason: &str| {
        format!(
            "(SELECT json_group_array(json_replace(value, '$.reason', {reason})) FROM json_each({column}, '{path}'))"
        )
    };
    let said = known("value ->> '$.reason'");
    let adjusted = format!(
        "IIF(EXISTS (SELECT 1 FROM adjustment j WHERE j.accrual_id = value ->> '$.id' AND j.makes_accrual = 1), '{ERASED}', {said})"
    );
    [
        format!(
            "UPDATE event SET outcome = json_replace(outcome, '$.attribution', {}, '$.accruals', {})
             WHERE account_id IN ({accounts}) AND (instr(outcome, 'moved by an operator: ') > 0 OR instr(outcome, 'rejected in review: ') > 0
               OR instr(outcome, '\"adjustment\"') > 0)",
            list("outcome", "$.attribution", &said),
            list("outcome", "$.accruals", &adjusted)
        ),
        format!(
            "UPDATE binding SET receipt = json_replace(receipt, '$.reason', {}, '$.candidates', {})
             WHERE account_id IN ({accounts}) AND instr(receipt, 'moved by an operator: ') > 0",
            known("receipt ->> '$.reason'"),
            list("receipt", "$.candidates", &said)
        ),
    ]
}

/// Questions, and the messages about them.
fn questions(condition: &str) -> [String; 2] {
    [
        format!(
            "UPDATE outbox SET payload = json_replace(payload, '$.about', '{ERASED}', '$.answer', json_array('{ERASED}'), '$.message', '{ERASED}',
               '$.reply', '{ERASED}')
             WHERE id IN (SELECT k.value || ':' || q.id FROM credit_question q, json_each('[\"attribution.question\",\"attribution.reply\"]') k
               WHERE {condition})"
        ),
        format!(
            "UPDATE credit_question AS q SET about = '{ERASED}', answer = '[\"{ERASED}\"]', message = IIF(message IS NULL, NULL, '{ERASED}'),
               reply = IIF(reply IS NULL, NULL, '{ERASED}') WHERE {condition}"
        ),
    ]
}

/// What an email service said of an email may repeat its address. There is an index of what was said and is not settled.
fn delivery_errors(target: &str) -> String {
    format!(
        "UPDATE delivery SET last_error = NULL WHERE channel = 'email' AND target = '{target}' AND last_error IS NOT NULL
           AND (SELECT o.{target}_id FROM outbox o WHERE o.id = delivery.outbox_id) = ?1"
    )
}

/// A column of the audit log without what may be a person's: numbers, ids and states stay.
fn kept(column: &str) -> String {
    format!(
        "IIF({column} IS NULL OR json_type({column}) <> 'object', IIF({column} IS NULL, NULL, '{{}}'),
           (SELECT json_group_object(key, json(IIF(type IN ('integer', 'true', 'false', 'null'), IIF(type = 'integer', atom, type),
              IIF(key IN ('id', 'program', 'partner', 'account', 'code', 'unit', 'state', 'standing', 'type', 'payout', 'accrual', 'transfer', 'balance',
                'created_at', 'decided_at', 'expires_at', 'disabled_at', 'left_at', 'country') AND type = 'text', json_quote(atom), '\"{ERASED}\"')))) FROM json_each({column})))"
    )
}

/// What is looked for before a partner is erased.
#[derive(Clone, Debug, Deserialize)]
pub struct ErasablePartner {
    pub email: Option<String>,
    pub external_id: String,
}

pub fn partner_erasable(partner: &PartnerId) -> Query<ErasablePartner> {
    Stmt::new(
        "SELECT x.email, p.external_id FROM partner p LEFT JOIN partner_person x ON x.partner_id = p.id WHERE p.id = ?1",
    )
    .bind(partner)
    .query()
}

/// The partner's row and everything that says something of its person. `actor`: as whom it acted; `external_id`: the id
/// that it has from now on.
pub fn partner_erase(partner: &PartnerId, (actor, external_id): (&ActorId, &str), now: UtcMillis) -> Vec<Stmt> {
    // Another partner of the same person keeps the person's sessions and preferences.
    let alone = "NOT EXISTS (SELECT 1 FROM partner_person x, partner_person o WHERE x.partner_id = ?1 AND o.partner_id <> ?1 AND lower(o.email) = lower(x.email))";
    let email = "(SELECT lower(x.email) FROM partner_person x WHERE x.partner_id = ?1)";
    let mut statements = words(&PARTNER);
    statements.extend([
        format!("DELETE FROM session WHERE operator = 0 AND email = {email} AND {alone}"),
        "DELETE FROM session WHERE operator = 0 AND site_user = (SELECT external_id FROM partner WHERE id = ?1)
           AND NOT EXISTS (SELECT 1 FROM partner p, partner o WHERE p.id = ?1 AND o.id <> ?1 AND o.external_id = p.external_id)"
            .to_owned(),
        format!("DELETE FROM magic_link WHERE email = {email} OR (purpose = 'change_email' AND detail ->> '$.partner' = ?1)"),
        format!(
            "DELETE FROM unsubscribe WHERE address_sha256 = (SELECT email_sha256 FROM partner_person WHERE partner_id = ?1) AND {alone}"
        ),
        delivery_errors("partner"),
        format!("UPDATE suspension SET reason = '{ERASED}' WHERE partner_id = ?1"),
        format!("UPDATE redemption SET reason = '{ERASED}' WHERE partner_id = ?1"),
        format!(
            "UPDATE redemption_return SET reason = '{ERASED}' WHERE redemption_id IN (SELECT id FROM redemption WHERE partner_id = ?1)"
        ),
    ]);
    // Payouts, their returns and redemptions: no accrual is theirs.
    statements.extend(["debit", "credit"].map(|side| {
        format!(
            "UPDATE transfer SET reason = '{ERASED}' WHERE accrual_id IS NULL AND actor NOT IN ('', 'cron')
               AND {side} IN (SELECT id FROM ledger_account WHERE partner_id = ?1 AND partner_id <> '')"
        )
    }));
    statements.extend(questions("q.partner_id = ?1"));
    let mut all: Vec<Stmt> = statements.into_iter().map(|sql| Stmt::new(sql).bind(partner)).collect();
    all.extend([
        Stmt::new(format!("UPDATE audit SET actor = '{NOBODY}' WHERE actor = ?2 AND {alone}")).bind(partner).bind(actor),
        Stmt::new(
            "UPDATE link SET destination = NULL, campaign = NULL, utm = NULL, disabled_at_ms = COALESCE(disabled_at_ms, ?2), updated_at_ms = ?2
             WHERE partner_id = ?1",
        )
        .bind(partner)
        .bind(now),
        Stmt::new(
            "UPDATE partner SET website = NULL, external_id = ?3, left_at_ms = COALESCE(left_at_ms, ?2), updated_at_ms = ?2 WHERE id = ?1",
        )
        .bind(partner)
        .bind(now)
        .bind(external_id),
        Stmt::new(
            "UPDATE partner_person SET name = NULL, email = NULL, email_sha256 = NULL, notes = NULL, display_name = NULL WHERE partner_id = ?1",
        )
        .bind(partner),
    ]);
    all
}

/// An address of an account.
#[derive(Clone, Debug, Deserialize)]
pub struct KnownAddress {
    pub email: String,
}

/// More addresses than one account has.
const ADDRESSES_MAX: i64 = 200;

pub fn account_addresses(account: &AccountId) -> Query<KnownAddress> {
    Stmt::new(
        "SELECT DISTINCT lower(email) AS email FROM event_person WHERE account_id = ?1 AND email IS NOT NULL LIMIT ?2",
    )
    .bind(account)
    .bind(ADDRESSES_MAX)
    .query()
}

/// An account's person, and what operators and partners wrote about it. `hashes`: of its addresses, as preferences have
/// them.
pub fn account_erase(account: &AccountId, hashes: &[String]) -> Vec<Stmt> {
    let mut statements = words(&ACCOUNT);
    let address = "SELECT lower(email) FROM event_person WHERE account_id = ?1 AND email IS NOT NULL";
    statements.extend([
        format!(
            "UPDATE event SET payload = json_replace(payload, '$.\"operator.reassigned\".reason', '{ERASED}')
             WHERE account_id = ?1 AND type = 'operator.reassigned'"
        ),
        delivery_errors("account"),
        format!(
            "DELETE FROM magic_link WHERE email IN ({address}) AND email NOT IN (SELECT lower(x.email) FROM partner_person x WHERE lower(x.email) IN ({address}))"
        ),
    ]);
    // A partner looks for a customer by its id, its address or its domain. An index finds them by their lower case.
    let [domain, of_account] =
        ["lower(substr(p.email, instr(p.email, '@') + 1))", "FROM event_person p WHERE p.account_id = ?1"];
    statements.extend(questions(&format!(
        "lower(q.about) IN (SELECT lower(?1) UNION ALL SELECT lower(p.email) {of_account} UNION ALL SELECT {domain} {of_account})
         AND (q.about = ?1 OR EXISTS (SELECT 1 {of_account} AND lower(q.about) IN (lower(p.email), {domain})))"
    )));
    let mut all: Vec<Stmt> = statements.into_iter().map(|sql| Stmt::new(sql).bind(account)).collect();
    all.extend([
        Stmt::new(
            "DELETE FROM unsubscribe WHERE address_sha256 IN (SELECT value FROM json_each(?1))
               AND address_sha256 NOT IN (SELECT email_sha256 FROM partner_person WHERE email_sha256 IN (SELECT value FROM json_each(?1)))",
        )
        .json(&hashes),
        Stmt::new("UPDATE event_person SET email = NULL, name = NULL WHERE account_id = ?1").bind(account),
    ]);
    all
}
