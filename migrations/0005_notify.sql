-- Notifications: the recipients of each outbox message, the channel, and the state of each delivery.

-- The recipients of a message are determined once. From then on, its deliveries show what is left to do.
ALTER TABLE outbox ADD COLUMN addressed_at_ms INTEGER; -- set once
CREATE INDEX outbox_unaddressed ON outbox (addressed_at_ms) WHERE addressed_at_ms IS NULL;
CREATE INDEX outbox_failed ON outbox (state) WHERE state = 'failed';
CREATE INDEX outbox_undelivered ON outbox (state) WHERE state = 'undelivered';
ALTER TABLE outbox ADD COLUMN is_emailed INTEGER NOT NULL DEFAULT 1; -- immutable; 0: by webhook alone, even if its type is emailed

-- One row per message and recipient, without addresses: those are looked up for each attempt.
CREATE TABLE delivery (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  outbox_id TEXT NOT NULL REFERENCES outbox (id), -- immutable
  channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')), -- immutable
  target TEXT NOT NULL,                  -- immutable: the partner, account or operator that an email is for, or a webhook's endpoint
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'suppressed')), -- mutable; suppressed: the recipient does not want it
  round INTEGER NOT NULL,                -- mutable, incremented each time an operator replays it
  attempts INTEGER NOT NULL,             -- mutable: in this round, counted before each attempt
  next_attempt_at_ms INTEGER NOT NULL,   -- mutable: the earliest next attempt; during an attempt, when that attempt counts as lost
  claim TEXT,                            -- mutable: which worker is making an attempt
  last_error TEXT,                       -- mutable: why the last attempt failed
  sent_at_ms INTEGER,                    -- mutable
  UNIQUE (outbox_id, channel, target)
) STRICT;
CREATE INDEX delivery_due ON delivery (channel, next_attempt_at_ms) WHERE state = 'queued';
-- What email services said of emails that are not delivered: it may name a person, and is erased with it.
CREATE INDEX delivery_error ON delivery (target) WHERE channel = 'email' AND last_error IS NOT NULL;
CREATE INDEX delivery_claim ON delivery (claim) WHERE claim IS NOT NULL;

-- Where the host receives webhooks. The secret signs them and is therefore stored in plain text.
CREATE TABLE webhook_endpoint (
  id TEXT PRIMARY KEY,                   -- immutable, whe_…
  url TEXT NOT NULL,                     -- immutable
  secret TEXT NOT NULL,                  -- immutable, whsec_…
  types TEXT NOT NULL,                   -- immutable, JSON array of message types or their prefixes up to a dot; [] for all
  created_at_ms INTEGER NOT NULL,        -- immutable: earlier messages are not sent to it, except for credits that nobody received
  disabled_at_ms INTEGER,                -- set once; nothing is sent to it after that
  disabled_reason TEXT                   -- set once
) STRICT;
CREATE TRIGGER webhook_endpoint_limit BEFORE INSERT ON webhook_endpoint
WHEN (SELECT COUNT(*) FROM webhook_endpoint WHERE disabled_at_ms IS NULL) >= 20
BEGIN SELECT RAISE(ABORT, 'guard:webhook_endpoint_limit'); END;

-- What live endpoints subscribe to: a message type, its beginning up to a dot, or '' for all.
CREATE VIEW subscription AS
  SELECT e.id AS endpoint_id, e.created_at_ms, k.value AS type
  FROM webhook_endpoint e, json_each(IIF(e.types = '[]', '[""]', e.types)) k WHERE e.disabled_at_ms IS NULL;

-- Messages about partners and accruals. They are triggers so that a change never goes without its message, and never
-- costs a row if nobody subscribed.
CREATE TRIGGER partner_joined AFTER INSERT ON partner
WHEN EXISTS (SELECT 1 FROM subscription WHERE type IN ('', 'partner', 'partner.joined')) BEGIN
  INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms)
  VALUES ('partner.joined:' || NEW.id, 'partner.joined', NEW.program_id, NEW.id,
    json_object('code', NEW.code, 'type', NEW.kind, 'country', NEW.country), 'queued', NEW.created_at_ms);
END;

-- An accrual's next message. It names the base and the rate if they alone give the amount. The partner gets an email about
-- news: what was earned in the last three days, unless another message announces it, as it does for rewards that are
-- available at once or handed over by webhook.
CREATE VIEW accrual_message AS
  SELECT l.id AS accrual_id, l.program_id, l.partner_id, l.account_id, l.changed_at_ms, l.sequence, 'accrual:' || l.id || '.' AS prefix,
    json_object('accrual_id', l.id, 'sequence', l.sequence, 'unit', l.unit, 'amount_cents', l.net_cents, 'gross_cents', l.gross_cents,
      'base_cents', IIF(l.base_cents * l.rate_bps / 10000 = l.gross_cents, l.base_cents, NULL),
      'rate_bps', IIF(l.base_cents * l.rate_bps / 10000 = l.gross_cents, l.rate_bps, NULL),
      'state', l.state, 'reason', l.reason, 'reward_id', l.reward_id, 'source', l.source, 'event', l.event_id, 'period', l.period,
      'occurred_at_ms', l.at_ms) AS payload,
    l.net_cents > 0 AND l.state IN ('pending', 'available') AND l.changed_at_ms BETWEEN l.at_ms - 300000 AND l.at_ms + 259200000
      AND (l.source GLOB 'invoice:*' OR l.source GLOB 'adjustment:*' OR (l.source GLOB 'event:*' AND l.balance = 'pending'))
      AND (l.unit GLOB 'cash:*' OR NOT EXISTS (SELECT 1 FROM program_version v WHERE v.program_id = l.program_id
        AND v.version = l.program_version AND v.document ->> '$.settlement.delivery' = 'webhook')) AS is_emailed
  FROM (SELECT a.*,
      (SELECT COUNT(*) + 1 FROM outbox o WHERE o.id > 'accrual:' || a.id || '.' AND o.id < 'accrual:' || a.id || '/') AS sequence,
      (SELECT e.payload -> ('$."' || e.type || '"') ->> '$.amount.cents' FROM event e WHERE e.id = a.event_id) AS base_cents,
      (SELECT w.value ->> '$.amount.rate_bps' FROM program_version v, json_each(v.document, '$.rewards') w
       WHERE v.program_id = a.program_id AND v.version = a.program_version AND w.value ->> '$.id' = a.reward_id) AS rate_bps
    FROM accrual a) l;
CREATE TRIGGER accrual_created AFTER INSERT ON accrual WHEN NEW.partner_id <> '' AND NEW.quiet_at_ms IS NOT NEW.changed_at_ms BEGIN
  INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms, is_emailed)
  SELECT m.prefix || m.sequence, 'accrual.created', m.program_id, m.partner_id, m.account_id, m.payload, 'queued', m.changed_at_ms, m.is_emailed
  FROM accrual_message m WHERE m.accrual_id = NEW.id
    AND (m.is_emailed OR EXISTS (SELECT 1 FROM subscription WHERE type IN ('', 'accrual', 'accrual.created')));
END;
CREATE TRIGGER accrual_changed AFTER UPDATE OF state, gross_cents, cap_reduction_cents, net_cents ON accrual
WHEN NEW.partner_id <> '' AND NEW.quiet_at_ms IS NOT NEW.changed_at_ms AND (OLD.state, OLD.gross_cents, OLD.cap_reduction_cents, OLD.net_cents)
  IS NOT (NEW.state, NEW.gross_cents, NEW.cap_reduction_cents, NEW.net_cents)
  AND EXISTS (SELECT 1 FROM subscription WHERE type IN ('', 'accrual',
    IIF(NEW.state IN ('void', 'reversed') AND OLD.state NOT IN ('void', 'reversed'), 'accrual.voided', 'accrual.updated'))) BEGIN
  INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
  SELECT m.prefix || m.sequence, IIF(NEW.state IN ('void', 'reversed') AND OLD.state NOT IN ('void', 'reversed'), 'accrual.voided', 'accrual.updated'),
    m.program_id, m.partner_id, m.account_id, m.payload, 'queued', m.changed_at_ms
  FROM accrual_message m WHERE m.accrual_id = NEW.id;
END;

-- Unsubscribed message types by address. The address itself is not stored.
CREATE TABLE unsubscribe (
  address_sha256 TEXT NOT NULL,          -- immutable, hex, of the address in lower case
  kind TEXT NOT NULL,                    -- immutable
  created_at_ms INTEGER NOT NULL,        -- immutable
  PRIMARY KEY (address_sha256, kind)
) STRICT;
