-- Why an account was credited to somebody else or to nobody: how it is looked up, and the partners' questions about it.

-- What an account presented in a span of time.
CREATE INDEX event_presented ON event (occurred_at_ms) WHERE type = 'account.signed_up' OR codes <> '[]';

-- A partner's question, with what the page answered. It may be sent on to the operators, once.
CREATE TABLE credit_question (
  id TEXT PRIMARY KEY,                   -- immutable, que_…
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  program_id TEXT NOT NULL,              -- immutable
  day INTEGER NOT NULL,                  -- immutable, days since 1970: the day (UTC) of the question
  place INTEGER NOT NULL CHECK (place BETWEEN 1 AND 10), -- immutable: a partner has ten questions a day
  code TEXT NOT NULL,                    -- immutable: the code that it is about
  about TEXT NOT NULL,                   -- immutable: the day, email domain or account
  answer TEXT NOT NULL,                  -- set once, JSON: the sentences that the partner read; []: not answered
  message TEXT,                          -- set once: the partner's words to the operators
  sent_at_ms INTEGER,                    -- set once: when it was sent on
  reply TEXT,                            -- set once: an operator's answer
  replied_by TEXT,                       -- set with the reply
  replied_at_ms INTEGER,                 -- set with the reply
  created_at_ms INTEGER NOT NULL,        -- immutable
  UNIQUE (partner_id, day, place),
  CHECK ((message IS NULL) = (sent_at_ms IS NULL)),
  CHECK ((reply IS NULL) = (replied_at_ms IS NULL) AND (reply IS NULL) = (replied_by IS NULL)),
  CHECK (reply IS NULL OR message IS NOT NULL)
) STRICT;
CREATE INDEX credit_question_sent ON credit_question (sent_at_ms, id) WHERE sent_at_ms IS NOT NULL;
CREATE INDEX credit_question_open ON credit_question (sent_at_ms, id) WHERE sent_at_ms IS NOT NULL AND replied_at_ms IS NULL;
-- Who erases an account finds the questions about it.
CREATE INDEX credit_question_about ON credit_question (lower(about));
-- What was answered, sent and replied stays, until it is erased.
CREATE TRIGGER credit_question_once BEFORE UPDATE ON credit_question
WHEN NEW.about <> 'erased' AND ((OLD.sent_at_ms IS NOT NULL AND (NEW.message, NEW.sent_at_ms) IS NOT (OLD.message, OLD.sent_at_ms))
  OR (OLD.replied_at_ms IS NOT NULL AND (NEW.reply, NEW.replied_by, NEW.replied_at_ms) IS NOT (OLD.reply, OLD.replied_by, OLD.replied_at_ms))
  OR (OLD.answer <> '[]' AND NEW.answer <> OLD.answer))
BEGIN SELECT RAISE(ABORT, 'guard:question_settled'); END;
