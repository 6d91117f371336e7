-- What was asked, by the payload that an approval is bound to. Times are nanoseconds since 1970.
CREATE TABLE asks (
  id          TEXT   COLLATE "C" PRIMARY KEY, -- UUIDv7, so that ids sort by time
  fingerprint TEXT   NOT NULL,
  needs       TEXT   NOT NULL,    -- who has to approve, in one order, as JSON
  state       TEXT   NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'revoked', 'expired', 'used')),
  tool        TEXT   NOT NULL,
  asker       TEXT,
  tenant      TEXT,
  ask         TEXT   NOT NULL,    -- the ask as everybody may see it, as JSON
  payload     TEXT,               -- its arguments unmasked, where some are masked, while it is open
  lifetime    BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  decided_at  BIGINT,
  used_at     BIGINT CHECK ((used_at IS NULL) = (state <> 'used'))
);
-- Two replicas cannot open the same ask twice.
CREATE UNIQUE INDEX asks_open ON asks (fingerprint, needs) WHERE state IN ('pending', 'approved');
CREATE INDEX asks_fingerprint ON asks (fingerprint, id);
CREATE INDEX asks_state ON asks (state, id);
CREATE INDEX asks_tool ON asks (tool, id);
CREATE INDEX asks_asker ON asks (asker, id);
CREATE INDEX asks_due ON asks (expires_at) WHERE state IN ('pending', 'approved');

-- Who may decide for which need: whom the policy names, and whom an escalation adds. `role:NAME`, or
-- `user`: the user of the call.
CREATE TABLE deciders (
  ask      TEXT NOT NULL REFERENCES asks (id) ON DELETE CASCADE,
  need     TEXT NOT NULL,
  approver TEXT NOT NULL,
  PRIMARY KEY (ask, need, approver)
);
CREATE INDEX deciders_approver ON deciders (approver, ask);

CREATE TABLE votes (
  ask          TEXT   NOT NULL REFERENCES asks (id) ON DELETE CASCADE,
  verdict      TEXT   NOT NULL CHECK (verdict IN ('approve', 'deny', 'revoke')),
  person       TEXT   NOT NULL,
  need         TEXT   NOT NULL,          -- for which it counts
  role         TEXT,                     -- by which they decide; NULL: none is needed
  on_behalf_of TEXT,                     -- who lent them the role
  at           BIGINT NOT NULL,
  reason       TEXT,
  PRIMARY KEY (ask, verdict, person)     -- nobody counts twice
);

-- Roles that people lend to others for a time.
CREATE TABLE delegations (
  id       TEXT   PRIMARY KEY, -- UUIDv7
  giver    TEXT   NOT NULL,
  role     TEXT   NOT NULL,
  delegate TEXT   NOT NULL,
  tenant   TEXT,               -- in which it holds: the giver's
  reason   TEXT   NOT NULL,
  from_at  BIGINT NOT NULL,
  until_at BIGINT NOT NULL     -- as given, or when it was taken back
);
CREATE INDEX delegations_delegate ON delegations (delegate, until_at);
CREATE INDEX delegations_giver ON delegations (giver, until_at);

-- Everything that happened. `entry` is JSON in canonical form, `hash` its SHA-256; each entry holds
-- the hash of the one before.
CREATE TABLE trail (
  seq   BIGINT PRIMARY KEY,
  ask   TEXT,            -- NULL: it concerns no ask
  entry TEXT   NOT NULL,
  hash  TEXT   NOT NULL
);
CREATE INDEX trail_ask ON trail (ask, seq);
CREATE FUNCTION refuse_edit() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$;
CREATE TRIGGER trail_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail
  EXECUTE FUNCTION refuse_edit();

-- The end of the trail. Whoever changes anything takes this row first, so that changes, and with
-- them the links of the chain, come one after the other.
CREATE TABLE chain (
  seq  BIGINT NOT NULL,
  hash TEXT   NOT NULL
);
INSERT INTO chain VALUES (0, '');

-- How far each webhook has come in the trail.
CREATE TABLE hooks (
  id  TEXT   PRIMARY KEY,
  seq BIGINT NOT NULL
);

-- Entries of the trail that a webhook is to be told of, until it has taken them.
CREATE TABLE deliveries (
  hook     TEXT   NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
  seq      BIGINT NOT NULL REFERENCES trail (seq),
  ask      TEXT   NOT NULL,
  since    BIGINT NOT NULL, -- the attempts began then
  attempts BIGINT NOT NULL DEFAULT 0,
  due_at   BIGINT,          -- the next one; NULL: a dead letter
  error    TEXT,            -- why the last one failed
  PRIMARY KEY (hook, seq)
);
CREATE INDEX deliveries_due ON deliveries (hook, due_at, seq);
CREATE INDEX deliveries_ask ON deliveries (hook, ask, seq);
