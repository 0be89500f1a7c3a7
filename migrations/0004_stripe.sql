-- What Stripe says: its events, its customers and the accounts they are, which payment is for which invoice, facts that
-- wait, and what partners' connected accounts can do.

-- A host may say who an account is at Stripe.
ALTER TABLE event_person ADD COLUMN stripe_customer TEXT; -- immutable until erased, cus_…
CREATE INDEX event_person_stripe ON event_person (stripe_customer) WHERE stripe_customer IS NOT NULL;
CREATE INDEX event_person_email ON event_person (lower(email)) WHERE email IS NOT NULL;

-- Events of Stripe's that were dealt with. The facts they became are in event.
CREATE TABLE stripe_event (
  id TEXT PRIMARY KEY,                   -- immutable, evt_…
  type TEXT NOT NULL,                    -- immutable
  body_sha256 TEXT NOT NULL,             -- immutable, hex, of what was understood of it: bytes differ between deliveries
  outcome TEXT NOT NULL,                 -- immutable, JSON: the first answer
  received_at_ms INTEGER NOT NULL        -- immutable
) STRICT;

-- A customer and the account it is. Until an account is known it stands for itself, as an account under its own id.
CREATE TABLE stripe_customer (
  id TEXT PRIMARY KEY,                   -- immutable, cus_…
  account_id TEXT NOT NULL,              -- mutable: where its facts are booked
  matched_by TEXT NOT NULL CHECK (matched_by IN ('id', 'email', 'nobody')), -- mutable
  revision INTEGER NOT NULL,             -- mutable, one more with each change
  needs_recompute_since_ms INTEGER,                -- mutable: something was said since that may make it another account
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX stripe_customer_account ON stripe_customer (account_id);
CREATE INDEX stripe_customer_stale ON stripe_customer (needs_recompute_since_ms) WHERE needs_recompute_since_ms IS NOT NULL;
CREATE TRIGGER stripe_customer_update BEFORE UPDATE OF revision ON stripe_customer WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'stripe_customer: stale revision'); END;

-- Personal data of customers, apart so that it can be erased: it is what an account is found by.
CREATE TABLE stripe_customer_person (
  customer_id TEXT NOT NULL,             -- immutable
  email TEXT NOT NULL,                   -- immutable, in lower case
  at_ms INTEGER NOT NULL,                -- mutable: the earliest event that named it
  PRIMARY KEY (customer_id, email)
) STRICT;
CREATE INDEX stripe_customer_person_email ON stripe_customer_person (email);

-- Whose facts they are: when the customer turns out to be another account they move there, which is the one thing that
-- changes event.account_id and event_person.account_id.
CREATE TABLE stripe_fact (
  event_id TEXT PRIMARY KEY,             -- immutable, of event
  customer_id TEXT NOT NULL              -- immutable
) STRICT;
CREATE INDEX stripe_fact_customer ON stripe_fact (customer_id);

-- Which invoice a payment is for.
CREATE TABLE stripe_payment (
  id TEXT PRIMARY KEY,                   -- immutable, pi_… or ch_…
  invoice_id TEXT NOT NULL               -- immutable
) STRICT;

-- Refunds and disputes of which only the payment is known. They are taken in when its invoice is.
CREATE TABLE stripe_waiting (
  id TEXT PRIMARY KEY,                   -- immutable, the event's id
  type TEXT NOT NULL,                    -- immutable, canonical
  payment_intent TEXT,                   -- immutable
  charge TEXT,                           -- immutable
  payload TEXT NOT NULL,                 -- immutable, JSON, its invoice_id empty
  body_sha256 TEXT NOT NULL,             -- immutable, hex
  occurred_at_ms INTEGER NOT NULL,       -- immutable
  requested_at_ms INTEGER NOT NULL           -- mutable: when Stripe was last asked for the invoice, or it began to wait
) STRICT;
CREATE INDEX stripe_waiting_intent ON stripe_waiting (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX stripe_waiting_charge ON stripe_waiting (charge) WHERE charge IS NOT NULL;

-- A partner's connected account.
CREATE TABLE payee (
  partner_id TEXT PRIMARY KEY REFERENCES partner (id), -- immutable
  stripe_account_id TEXT NOT NULL UNIQUE, -- immutable, acct_…
  country TEXT,                          -- mutable, ISO 3166 alpha-2
  currency TEXT,                         -- mutable, ISO 4217 in lower case: its default
  transfers_active INTEGER NOT NULL,     -- mutable: 1 where transfers reach it
  payouts_enabled INTEGER NOT NULL,      -- mutable: 1 where Stripe pays it out
  currently_due TEXT NOT NULL,           -- mutable, JSON array: what Stripe still wants of the partner
  disabled_reason TEXT,                  -- mutable
  updated_at_ms INTEGER NOT NULL         -- mutable: when Stripe said so
) STRICT;
