//! Messages waiting to be delivered. What is in the outbox is never lost; delivery is not done here.

use super::port::Stmt;
use crate::base::time::UtcMillis;
use crate::engine::line::Line;
use serde_json::json;

/// Queues, for each grant of a page of a run that was executed, a message to the referrer and one to the friend.
pub fn outbox_grants(run: &str, from_seq: i64, to_seq: i64, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
         SELECT side.value || ':' || i.line_id, 'reward.granted.' || side.value, r.program_id, i.partner_id, i.account_id,
                json_object('line', i.line_id, 'unit', i.unit, 'amount_cents', i.posted_cents, 'period', r.period), 'queued', ?4
         FROM run_item i JOIN run r ON r.id = i.run_id, json_each('[\"referrer\",\"referee\"]') side
         WHERE i.run_id = ?1 AND i.seq BETWEEN ?2 AND ?3 AND i.kind = 'grant' AND i.posted_cents > 0
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(run)
    .bind(from_seq)
    .bind(to_seq)
    .bind(now)
}

/// Queues the message that a reward was granted outside of a run.
pub fn outbox_reward(line: &Line, now: UtcMillis) -> Stmt {
    let payload = json!({"line": line.id, "unit": line.unit, "amount_cents": line.net_cents, "rule": line.rule_id});
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
         VALUES (?1, 'reward.granted.referrer', ?2, ?3, ?4, ?5, 'queued', ?6) ON CONFLICT (id) DO NOTHING",
    )
    .bind(format!("referrer:{}", line.id))
    .bind(&line.program_id)
    .bind(&line.partner_id)
    .bind(&line.account_id)
    .json(&payload)
    .bind(now)
}

/// Queues, once, the message that a program's funnel report of a week stands at `/v1/reports/funnel`.
pub fn outbox_funnel(program: &str, version: i64, week: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms)
         VALUES (?1, 'report.funnel', ?2, ?3, 'queued', ?4) ON CONFLICT (id) DO NOTHING",
    )
    .bind(format!("funnel:{program}:{week}"))
    .bind(program)
    .json(&json!({"week": week, "version": version, "report": format!("/v1/reports/funnel?program={program}&week={week}")}))
    .bind(now)
}

pub fn outbox_page(after: &str, limit: i64) -> Stmt {
    Stmt::new(
        "SELECT id, kind, program_id, partner_id, account_id, payload, state, created_at_ms FROM outbox
         WHERE id > ?1 ORDER BY id LIMIT ?2",
    )
    .bind(after)
    .bind(limit)
}

pub fn outbox_backlog() -> Stmt {
    Stmt::new("SELECT COUNT(*) AS queued, MIN(created_at_ms) AS oldest_ms FROM outbox WHERE state = 'queued'")
}
