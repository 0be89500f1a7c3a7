-- Data from Stripe: its events, its customers and their accounts, the invoices of each payment, facts that wait for
-- an invoice, and what partners' connected accounts can do.

-- A host may name an account's Stripe customer.
ALTER TABLE event_person ADD COLUMN stripe_customer TEXT; -- immutable until erased, cus_…
CREATE INDEX event_person_stripe ON event_person (stripe_customer) WHERE stripe_customer IS NOT NULL;
CREATE INDEX event_person_email ON event_person (lower(email)) WHERE email IS NOT NULL;
CREATE INDEX event_person_host ON event_person (lower(substr(email, instr(email, '@') + 1))) WHERE email IS NOT NULL;
CREATE INDEX event_person_address ON event_person (address) WHERE address IS NOT NULL;

-- Stripe events that were processed. The facts made from them are in event.
CREATE TABLE stripe_event (
  id TEXT PRIMARY KEY,                   -- immutable, evt_…
  type TEXT NOT NULL,                    -- immutable
  body_sha256 TEXT NOT NULL,             -- immutable, hex, of the values that were read: bytes differ between deliveries
  outcome TEXT NOT NULL,                 -- immutable, JSON: the first response
  received_at_ms INTEGER NOT NULL        -- immutable
) STRICT;

-- Events that Stripe lists and that could not be taken in. They are tried again until they are, or until an operator has
-- dealt with one: then nothing fetches it again.
CREATE TABLE stripe_failure (
  id TEXT PRIMARY KEY,                   -- immutable, evt_…, or list_after_evt_… for a list that can't be read from there on
  type TEXT NOT NULL,                    -- immutable
  reason TEXT NOT NULL,                  -- mutable: what refused it last: a guard or constraint, or the code of an error
  tries INTEGER NOT NULL,                -- mutable
  due_at_ms INTEGER NOT NULL,            -- mutable: when it is tried again
  failed_at_ms INTEGER NOT NULL,         -- immutable: when it was first tried
  acknowledged_at_ms INTEGER,            -- set once: an operator dealt with it
  acknowledged_by TEXT,                  -- set once
  acknowledged_reason TEXT,              -- set once
  CHECK ((acknowledged_at_ms IS NULL) = (acknowledged_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_failure_due ON stripe_failure (due_at_ms) WHERE acknowledged_at_ms IS NULL;
CREATE INDEX stripe_failure_age ON stripe_failure (failed_at_ms);
CREATE TRIGGER stripe_failure_over AFTER INSERT ON stripe_event BEGIN DELETE FROM stripe_failure WHERE id = NEW.id; END;

-- A customer and its account. Until the account is known, the customer has an account of its own, under its own id.
CREATE TABLE stripe_customer (
  id TEXT PRIMARY KEY,                   -- immutable, cus_…
  account_id TEXT NOT NULL,              -- mutable: the account that has its facts
  matched_by TEXT NOT NULL CHECK (matched_by IN ('id', 'email', 'nobody')), -- mutable
  revision INTEGER NOT NULL,             -- mutable, incremented by each change
  needs_recompute_since_ms INTEGER,                -- mutable: when a fact arrived that may change its account
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX stripe_customer_account ON stripe_customer (account_id);
CREATE INDEX stripe_customer_stale ON stripe_customer (needs_recompute_since_ms) WHERE needs_recompute_since_ms IS NOT NULL;
CREATE TRIGGER stripe_customer_update BEFORE UPDATE OF revision ON stripe_customer WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:stripe_customer_stale'); END;

-- Addresses of customers, by which accounts are matched. The addresses themselves are not stored.
CREATE TABLE stripe_customer_person (
  customer_id TEXT NOT NULL,             -- immutable
  address TEXT NOT NULL,                 -- immutable, salted digest
  at_ms INTEGER NOT NULL,                -- mutable: the earliest event that named it
  PRIMARY KEY (customer_id, address)
) STRICT;
CREATE INDEX stripe_customer_person_address ON stripe_customer_person (address);

-- The customer of each fact. When the customer turns out to be another account, its facts move there. Only this changes
-- event.account_id and event_person.account_id.
CREATE TABLE stripe_fact (
  event_id TEXT PRIMARY KEY,             -- immutable, an id in event
  customer_id TEXT NOT NULL              -- immutable
) STRICT;
CREATE INDEX stripe_fact_customer ON stripe_fact (customer_id);

-- The invoices of each payment. One payment can pay several.
CREATE TABLE stripe_payment (
  id TEXT NOT NULL,                      -- immutable, pi_… or ch_…, or cn_… for what a credit note gave back
  invoice_id TEXT NOT NULL,              -- immutable
  paid_cents INTEGER,                    -- mutable, minor units: what it paid of the invoice; NULL until known
  noted_at_ms INTEGER NOT NULL,          -- mutable: when the row changed last
  PRIMARY KEY (id, invoice_id)
) STRICT;
CREATE INDEX stripe_payment_invoice ON stripe_payment (invoice_id);

-- The payment of each fact about one: refunds and disputes. Each of its invoices gets a share.
CREATE TABLE stripe_payment_fact (
  event_id TEXT PRIMARY KEY,             -- immutable, an id in event
  payment_intent TEXT,                   -- immutable
  charge TEXT                            -- immutable
) STRICT;
CREATE INDEX stripe_payment_fact_intent ON stripe_payment_fact (payment_intent);
CREATE INDEX stripe_payment_fact_charge ON stripe_payment_fact (charge);

-- A further invoice of a payment, or its amount, changes the shares of the others: their accounts are recomputed. A
-- changed row is replaced, so this covers changes.
CREATE TRIGGER stripe_payment_insert AFTER INSERT ON stripe_payment
WHEN EXISTS (SELECT 1 FROM stripe_payment_fact WHERE payment_intent = NEW.id OR charge = NEW.id)
BEGIN
  UPDATE account SET revision = revision + 1, needs_recompute_since_ms = NEW.noted_at_ms
  WHERE id IN (SELECT e.account_id FROM stripe_payment_fact f
                 CROSS JOIN stripe_payment p ON p.id IN (f.payment_intent, f.charge)
                 CROSS JOIN event e ON e.invoice_id = p.invoice_id
               WHERE (f.payment_intent = NEW.id OR f.charge = NEW.id) AND e.type = 'invoice.paid');
END;

-- Refunds and disputes for which only the payment is known. They are processed once its invoice is known.
CREATE TABLE stripe_waiting (
  id TEXT PRIMARY KEY,                   -- immutable, the event's id
  type TEXT NOT NULL,                    -- immutable, canonical
  payment_intent TEXT,                   -- immutable
  charge TEXT,                           -- immutable
  customer_id TEXT,                      -- immutable: the customer who paid, if the event names it
  payload TEXT NOT NULL,                 -- immutable, JSON, with an empty invoice_id
  body_sha256 TEXT NOT NULL,             -- immutable, hex
  occurred_at_ms INTEGER NOT NULL,       -- immutable
  -- Mutable: when the invoice was last requested from Stripe, or when the wait started; NULL once Stripe has none. A
  -- checkout without an invoice can still name the payment.
  requested_at_ms INTEGER
) STRICT;
CREATE INDEX stripe_waiting_intent ON stripe_waiting (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX stripe_waiting_charge ON stripe_waiting (charge) WHERE charge IS NOT NULL;
CREATE INDEX stripe_waiting_customer ON stripe_waiting (customer_id) WHERE customer_id IS NOT NULL;

-- A partner's connected account.
CREATE TABLE payee (
  partner_id TEXT PRIMARY KEY REFERENCES partner (id), -- immutable
  stripe_account_id TEXT NOT NULL UNIQUE, -- immutable, acct_…
  country TEXT,                          -- mutable, ISO 3166 alpha-2
  currency TEXT,                         -- mutable, ISO 4217 in lower case: its default
  transfers_active INTEGER NOT NULL,     -- mutable: 1 if transfers can reach it
  payouts_enabled INTEGER NOT NULL,      -- mutable: 1 if Stripe pays it out
  currently_due TEXT NOT NULL,           -- mutable, JSON array: what Stripe still needs from the partner
  disabled_reason TEXT,                  -- mutable
  updated_at_ms INTEGER NOT NULL         -- mutable: when Stripe reported it
) STRICT;
