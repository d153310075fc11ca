/**
 * The tables, step by step: entry n brings a database from `user_version` n to n + 1. A step that was released
 * is never changed. Times are ISO 8601, UTC; `hash` is the SHA-256 of the text beside it.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  -- Devices and workers share one table: an id belongs to one role alone, since it is the MQTT client id.
  CREATE TABLE members (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('device', 'worker')),
    hardware_class TEXT NOT NULL,
    labels TEXT NOT NULL,
    processor_factor REAL NOT NULL,
    threads INTEGER NOT NULL,
    registered_at TEXT NOT NULL,
    online INTEGER NOT NULL DEFAULT 0,
    boot INTEGER NOT NULL DEFAULT 0,
    presence_at TEXT,
    worker_id TEXT REFERENCES members (id),
    reported TEXT,
    reported_at TEXT,
    load TEXT,
    load_at TEXT,
    frames INTEGER NOT NULL DEFAULT 0,
    met INTEGER NOT NULL DEFAULT 0,
    missed INTEGER NOT NULL DEFAULT 0,
    fallbacks INTEGER NOT NULL DEFAULT 0,
    upload_bytes INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX members_by_role ON members (role, id);

  -- What each member is to run, as references; the hash covers version, issued_at and content.
  CREATE TABLE configurations (
    member_id TEXT PRIMARY KEY REFERENCES members (id),
    version INTEGER NOT NULL,
    issued_at TEXT NOT NULL,
    content TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;

  CREATE TABLE models (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    manifest TEXT NOT NULL,
    hash TEXT NOT NULL,
    imported_at TEXT NOT NULL,
    -- Rises with each import: the newest package of a name is the one in force.
    import_order INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX models_by_name ON models (name, import_order);

  CREATE TABLE profiles (
    tier TEXT NOT NULL CHECK (tier IN ('device', 'worker')),
    hardware_class TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    measured_by TEXT NOT NULL,
    stored_at TEXT NOT NULL,
    PRIMARY KEY (tier, hardware_class, model_digest)
  ) STRICT;

  CREATE TABLE profile_leases (
    tier TEXT NOT NULL,
    hardware_class TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    holder TEXT NOT NULL,
    expires_ms REAL NOT NULL,
    PRIMARY KEY (tier, hardware_class, model_digest)
  ) STRICT;

  CREATE TABLE policies (
    version INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE samples (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL REFERENCES members (id),
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (device_id, boot, sequence)
  ) STRICT;
  CREATE INDEX samples_by_device ON samples (device_id, position);
  CREATE INDEX samples_by_age ON samples (received_at);

  CREATE TABLE summaries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL REFERENCES members (id),
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (device_id, boot, sequence)
  ) STRICT;
  CREATE INDEX summaries_by_device ON summaries (device_id, position);
  CREATE INDEX summaries_by_age ON summaries (received_at);
  `,
  `
  -- Configuration maps without their revision, which is the SHA-256 of the body.
  CREATE TABLE maps (revision TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  `,
  `
  -- Layers and cuts of each model file, as a run of it showed them.
  CREATE TABLE descriptions (model_digest TEXT PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;

  -- Latency tables of classes that have no measured profile of a model.
  CREATE TABLE predictions (
    tier TEXT NOT NULL CHECK (tier IN ('device', 'worker')),
    hardware_class TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    stored_at TEXT NOT NULL,
    PRIMARY KEY (tier, hardware_class, model_digest)
  ) STRICT;
  `,
  `
  -- Drift of classes, and when a new profile was asked for; wall-clock times, ms since 1970.
  CREATE TABLE reprofilings (
    tier TEXT NOT NULL,
    hardware_class TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    since_ms REAL,
    asked_ms REAL,
    replaces TEXT,
    PRIMARY KEY (tier, hardware_class, model_digest)
  ) STRICT;
  `,
  `
  -- Bandwidth states that an operator put in force, as JSON; null: the default.
  CREATE TABLE bandwidth_states (
    version INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Whether a worker that is not online went by itself.
  ALTER TABLE members ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
  -- Since when a device is where it is (ms since 1970), why, and where it was before.
  ALTER TABLE members ADD COLUMN placed_ms REAL;
  ALTER TABLE members ADD COLUMN placed_because TEXT;
  ALTER TABLE members ADD COLUMN placed_from TEXT;
  CREATE INDEX members_by_worker ON members (worker_id, id) WHERE role = 'device';

  CREATE TABLE worker_conditions (
    worker_id TEXT PRIMARY KEY REFERENCES members (id),
    available_since_ms REAL,
    reported_ms REAL,
    utilisation REAL NOT NULL,
    refused_share REAL NOT NULL,
    queue_ms REAL NOT NULL,
    overload_since_ms REAL,
    overload_ended_ms REAL,
    moved_ms REAL
  ) STRICT;
  `,
  `
  -- Which reports of a device's boot are stored or known to be lost: ranges of their numbers, as JSON.
  CREATE TABLE deliveries (
    device_id TEXT NOT NULL REFERENCES members (id),
    boot INTEGER NOT NULL,
    held TEXT NOT NULL,
    -- Rises with each change of a device's: the boot whose last change is oldest goes first.
    touched INTEGER NOT NULL,
    PRIMARY KEY (device_id, boot)
  ) STRICT;
  CREATE INDEX deliveries_by_age ON deliveries (device_id, touched);

  -- Single frames in brief.
  CREATE TABLE results (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL REFERENCES members (id),
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (device_id, boot, sequence)
  ) STRICT;
  CREATE INDEX results_by_device ON results (device_id, position);
  CREATE INDEX results_by_age ON results (received_at);

  -- Reports that a device had and nobody will ever see.
  ALTER TABLE members ADD COLUMN reports_lost INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- Frames of which an exit that the head had passed was asked, and those that ended there.
  ALTER TABLE members ADD COLUMN early_exits_asked INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE members ADD COLUMN early_exits_answered INTEGER NOT NULL DEFAULT 0;
  `,
];
