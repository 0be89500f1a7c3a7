//! What the database refuses, and why: a race that another write won, or a rule that no retry satisfies.
//!
//! A trigger names itself: its message is `guard:` and the name of a [`Guard`]. SQLite names the constraints that fail
//! by their table and columns, or by their expression.

/// What a trigger's message begins with.
const MARK: &str = "guard:";

/// Longest name of a failed CHECK that is kept. SQLite gives its expression.
const CHECK_MAX: usize = 80;

/// Why a batch was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another write was first. A fresh read leads to another batch.
    LostRace(String),
    /// A rule does not allow it, however often it is tried.
    Violation(String),
}

macro_rules! guards {
    ($($guard:ident $name:literal $class:ident,)+) => {
        /// The triggers that refuse something, by what they refuse.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Guard { $($guard),+ }

        impl Guard {
            pub const ALL: &'static [Guard] = &[$(Guard::$guard),+];

            pub fn name(self) -> &'static str {
                match self { $(Guard::$guard => $name),+ }
            }

            fn refusal(self) -> fn(String) -> Refusal {
                match self { $(Guard::$guard => Refusal::$class),+ }
            }
        }
    };
}

guards! {
    AccountStale "account_stale" LostRace,
    RewardBudgetStale "reward_budget_stale" LostRace,
    // A code that looks like it was made since they were compared.
    LinkCodeLooksAlike "link_code_looks_alike" LostRace,
    RunStepTaken "run_step_taken" LostRace,
    PreviewStepTaken "preview_step_taken" LostRace,
    StripeCustomerStale "stripe_customer_stale" LostRace,
    MagicLinkUsed "magic_link_used" LostRace,
    // Others were made since they were counted: a fresh count refuses it with a sentence.
    WebhookEndpointLimit "webhook_endpoint_limit" LostRace,
    LinkLimit "link_limit" LostRace,
    ResourceLimit "resource_limit" LostRace,
    // It was sent or replied to since it was read.
    QuestionSettled "question_settled" LostRace,
    LedgerImmutable "ledger_immutable" Violation,
    LedgerAccountNotNew "ledger_account_not_new" Violation,
    LedgerIdReused "ledger_id_reused" Violation,
    LedgerAlreadyResolved "ledger_already_resolved" Violation,
    LedgerAccountsDiffer "ledger_accounts_differ" Violation,
    LedgerNotPending "ledger_not_pending" Violation,
    LedgerAboveAccrual "ledger_above_accrual" Violation,
    // Another sweep has sealed the rows.
    LedgerBlockStale "ledger_block_stale" LostRace,
    // The balance was another one when it was read.
    LedgerAboveBalance "ledger_above_balance" LostRace,
    PayoutNotNew "payout_not_new" Violation,
    PayoutStale "payout_stale" LostRace,
    PayoutFinal "payout_final" Violation,
    PayoutRequestFixed "payout_request_fixed" Violation,
    PayoutAmountFixed "payout_amount_fixed" Violation,
    PayoutImmutable "payout_immutable" Violation,
    // It was sent while it was being reduced.
    PayoutAccrualsFixed "payout_accruals_fixed" LostRace,
    PayoutBalanceChanged "payout_balance_changed" LostRace,
    PayeeClosed "payee_closed" Violation,
    PayeeClosedImmutable "payee_closed_immutable" Violation,
    ReversalNotNew "reversal_not_new" Violation,
    ReversalStale "reversal_stale" LostRace,
    // Two reversals of one payout at once: a fresh read finds less to reverse, here and for redemptions.
    ReversalAbovePayout "reversal_above_payout" LostRace,
    ReversalFinal "reversal_final" Violation,
    ReversalRequestFixed "reversal_request_fixed" Violation,
    ReversalImmutable "reversal_immutable" Violation,
    CreditNotNew "credit_not_new" Violation,
    CreditStale "credit_stale" LostRace,
    CreditFinal "credit_final" Violation,
    CreditRequestFixed "credit_request_fixed" Violation,
    CreditImmutable "credit_immutable" Violation,
    RedemptionAboveBalance "redemption_above_balance" LostRace,
    RedemptionAboveRedeemed "redemption_above_redeemed" LostRace,
    RedemptionImmutable "redemption_immutable" Violation,
    AdjustmentNotNew "adjustment_not_new" Violation,
    // Somebody else decided it, or took what it names, since it was read.
    AdjustmentDecided "adjustment_decided" LostRace,
    AdjustmentAboveAccrual "adjustment_above_accrual" LostRace,
    AdjustmentAboveChange "adjustment_above_change" LostRace,
    // Its partner was banned since it was read.
    AdjustmentBanned "adjustment_banned" LostRace,
    AdjustmentImmutable "adjustment_immutable" Violation,
    PromotionStale "promotion_stale" LostRace,
    PromotionSetOnce "promotion_set_once" Violation,
    PromotionImmutable "promotion_immutable" Violation,
    RestorationImmutable "restoration_immutable" Violation,
}

/// Tables whose rows two requests may insert at once, under an id or key that both know: the second one finds the first
/// one's row. In every other table, two rows of one key are a fault.
pub const INSERTED_BY_ANYONE: &[&str] = &[
    "api_token",
    "audit",
    "credit_transfer",
    "event",
    "idempotency",
    "link",
    "magic_link",
    "partner",
    "payee",
    "payout_approval",
    "payout_reversal",
    "program_version",
    "promotion_code",
    "redemption",
    "redemption_return",
    "resource",
    "session",
    "suspension",
    "webhook_endpoint",
];

impl Refusal {
    /// Reads the database's message, SQLite's own or D1's with SQLite's inside. `None` if no rule refused anything.
    pub fn of(words: &str) -> Option<Refusal> {
        let after = |mark: &str| words.split_once(mark).map(|(_, rest)| rest);
        // D1 puts the error's code behind the name.
        let first = |rest: &str| rest.split([':', ' ', ',']).find(|part| !part.is_empty()).unwrap_or("").to_owned();
        if let Some(rest) = after(MARK) {
            let name = first(rest);
            let guard = Guard::ALL.iter().find(|guard| guard.name() == name);
            return Some(guard.map_or(Refusal::Violation as fn(String) -> Refusal, |g| g.refusal())(format!(
                "{MARK}{name}"
            )));
        }
        if let Some(rest) = after("UNIQUE constraint failed") {
            let column = first(rest);
            let table = column.split('.').next().unwrap_or("");
            let code = format!("unique:{column}");
            let is_raced = INSERTED_BY_ANYONE.contains(&table);
            return Some(if is_raced { Refusal::LostRace(code) } else { Refusal::Violation(code) });
        }
        if let Some(rest) = after("CHECK constraint failed: ") {
            let rule = rest.split(": SQLITE").next().unwrap_or(rest);
            return Some(Refusal::Violation(format!("check:{}", rule.chars().take(CHECK_MAX).collect::<String>())));
        }
        let others = [
            ("FOREIGN KEY constraint failed", "foreign_key"),
            ("NOT NULL constraint failed", "not_null"),
            ("cannot store", "datatype"),
        ];
        let found = others.iter().find(|(words_of, _)| words.contains(words_of));
        match found {
            Some((mark, code)) => {
                let column = after(mark).filter(|_| *code == "not_null").map(first).unwrap_or_default();
                let code = if column.is_empty() { (*code).to_owned() } else { format!("{code}:{column}") };
                Some(Refusal::Violation(code))
            }
            None if words.contains("SQLITE_CONSTRAINT") || words.contains("constraint failed") => {
                Some(Refusal::Violation("constraint".to_owned()))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_understood_in_sqlites_words_and_in_d1s() {
        let race = |code: &str| Some(Refusal::LostRace(code.to_owned()));
        let rule = |code: &str| Some(Refusal::Violation(code.to_owned()));
        for (words, is) in [
            ("guard:account_stale", race("guard:account_stale")),
            ("guard:ledger_above_accrual", rule("guard:ledger_above_accrual")),
            ("guard:of_a_later_version", rule("guard:of_a_later_version")),
            ("UNIQUE constraint failed: event.id", race("unique:event.id")),
            ("UNIQUE constraint failed: run_item.run_id, run_item.accrual_id", rule("unique:run_item.run_id")),
            ("UNIQUE constraint failed: index 'partner_name'", rule("unique:index")),
            ("CHECK constraint failed: net_cents >= 0", rule("check:net_cents >= 0")),
            ("FOREIGN KEY constraint failed", rule("foreign_key")),
            ("NOT NULL constraint failed: event.type", rule("not_null:event.type")),
            ("cannot store REAL value in INTEGER column run.step", rule("datatype")),
            ("no such table: run", None),
            ("Network connection lost.", None),
        ] {
            assert_eq!(Refusal::of(words), is, "{words}");
            let of_d1 = [
                format!("D1_ERROR: {words}: SQLITE_CONSTRAINT"),
                format!("D1_ERROR: {words}: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)"),
            ];
            for words in of_d1.iter().filter(|_| is.is_some()) {
                assert_eq!(Refusal::of(words), is, "{words}");
            }
        }
    }
}
