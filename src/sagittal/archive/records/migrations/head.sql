CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE journal (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT DEFAULT '' NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	about INTEGER, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_instance_uid TEXT DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	note TEXT DEFAULT '' NOT NULL, 
	actor TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	seq BIGINT DEFAULT 0 NOT NULL, 
	instances BIGINT DEFAULT 0 NOT NULL, 
	FOREIGN KEY(about) REFERENCES journal (id)
);
CREATE INDEX ix_journal_about ON journal (about);
CREATE INDEX ix_journal_kind ON journal (kind, id);
CREATE TABLE journal_instances (
	entry INTEGER NOT NULL, 
	received_ns BIGINT NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_instance_uid TEXT DEFAULT '' NOT NULL, 
	digest BLOB NOT NULL, 
	is_conflict BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (entry, received_ns), 
	FOREIGN KEY(entry) REFERENCES journal (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_journal_instances_uid ON journal_instances (sop_instance_uid);
CREATE TABLE accounts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT DEFAULT '' NOT NULL, 
	name_key TEXT DEFAULT '' NOT NULL, 
	full_name TEXT DEFAULT '' NOT NULL, 
	person_names TEXT DEFAULT '' NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	password TEXT DEFAULT '' NOT NULL, 
	password_ns BIGINT DEFAULT 0 NOT NULL, 
	must_change_password BIGINT DEFAULT 0 NOT NULL, 
	is_disabled BIGINT DEFAULT 0 NOT NULL, 
	user_handle BLOB NOT NULL, 
	oidc_issuer TEXT DEFAULT '' NOT NULL, 
	oidc_subject TEXT DEFAULT '' NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	signed_in_ns BIGINT DEFAULT 0 NOT NULL
);
CREATE UNIQUE INDEX ix_accounts_name ON accounts (name_key);
CREATE UNIQUE INDEX ix_accounts_oidc ON accounts (oidc_issuer, oidc_subject) WHERE oidc_subject != '';
CREATE UNIQUE INDEX ix_accounts_user_handle ON accounts (user_handle);
CREATE TABLE account_roles (
	account INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	facility TEXT NOT NULL, 
	source TEXT NOT NULL, 
	PRIMARY KEY (account, role, facility, source), 
	FOREIGN KEY(account) REFERENCES accounts (id)
)
 WITHOUT ROWID

;
CREATE TABLE totp_secrets (
	account INTEGER NOT NULL, 
	secret BLOB NOT NULL, 
	confirmed_ns BIGINT DEFAULT 0 NOT NULL, 
	last_step BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (account), 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
CREATE TABLE recovery_codes (
	account INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	PRIMARY KEY (account, digest), 
	FOREIGN KEY(account) REFERENCES accounts (id)
)
 WITHOUT ROWID

;
CREATE TABLE passkeys (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account INTEGER NOT NULL, 
	credential_id BLOB NOT NULL, 
	public_key BLOB NOT NULL, 
	sign_count BIGINT DEFAULT 0 NOT NULL, 
	label TEXT DEFAULT '' NOT NULL, 
	transports TEXT DEFAULT '' NOT NULL, 
	is_backed_up BIGINT DEFAULT 0 NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	used_ns BIGINT DEFAULT 0 NOT NULL, 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
CREATE INDEX ix_passkeys_account ON passkeys (account);
CREATE UNIQUE INDEX ix_passkeys_credential ON passkeys (credential_id);
CREATE TABLE tokens (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account INTEGER NOT NULL, 
	label TEXT DEFAULT '' NOT NULL, 
	digest BLOB NOT NULL, 
	actions TEXT DEFAULT '' NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	created_by TEXT DEFAULT '' NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	used_ns BIGINT DEFAULT 0 NOT NULL, 
	used_address TEXT DEFAULT '' NOT NULL, 
	revoked_ns BIGINT DEFAULT 0 NOT NULL, 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
CREATE INDEX ix_tokens_account ON tokens (account);
CREATE UNIQUE INDEX ix_tokens_digest ON tokens (digest);
CREATE TABLE links (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account INTEGER, 
	digest BLOB NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	allows_download BIGINT DEFAULT 0 NOT NULL, 
	pin TEXT DEFAULT '' NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	openings_left BIGINT, 
	openings BIGINT DEFAULT 0 NOT NULL, 
	opened_ns BIGINT DEFAULT 0 NOT NULL, 
	revoked_ns BIGINT DEFAULT 0 NOT NULL, 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
CREATE INDEX ix_links_account ON links (account);
CREATE UNIQUE INDEX ix_links_digest ON links (digest);
CREATE INDEX ix_links_study ON links (study_instance_uid);
CREATE TABLE sessions (
	digest BLOB NOT NULL, 
	public TEXT DEFAULT '' NOT NULL, 
	account INTEGER, 
	link INTEGER, 
	method TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	agent TEXT DEFAULT '' NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	seen_ns BIGINT DEFAULT 0 NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	oidc_session TEXT DEFAULT '' NOT NULL, 
	oidc_id_token TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (digest), 
	FOREIGN KEY(account) REFERENCES accounts (id), 
	FOREIGN KEY(link) REFERENCES links (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_sessions_account ON sessions (account);
CREATE INDEX ix_sessions_expires ON sessions (expires_ns);
CREATE INDEX ix_sessions_link ON sessions (link);
CREATE UNIQUE INDEX ix_sessions_public ON sessions (public);
CREATE TABLE tickets (
	digest BLOB NOT NULL, 
	kind TEXT DEFAULT '' NOT NULL, 
	account INTEGER, 
	content TEXT DEFAULT '' NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (digest), 
	FOREIGN KEY(account) REFERENCES accounts (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_tickets_expires ON tickets (expires_ns);
CREATE TABLE attempts (
	"key" BLOB NOT NULL, 
	failures BIGINT DEFAULT 0 NOT NULL, 
	last_ns BIGINT DEFAULT 0 NOT NULL, 
	until_ns BIGINT DEFAULT 0 NOT NULL, 
	familiar_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID

;
CREATE INDEX ix_attempts_last ON attempts (last_ns);
CREATE TABLE access_state (
	id INTEGER NOT NULL, 
	version BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE ledger (
	seq INTEGER NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	until_ns BIGINT DEFAULT 0 NOT NULL, 
	outcome BIGINT DEFAULT 0 NOT NULL, 
	count BIGINT DEFAULT 0 NOT NULL, 
	kind TEXT DEFAULT '' NOT NULL, 
	actor_kind TEXT DEFAULT '' NOT NULL, 
	actor TEXT DEFAULT '' NOT NULL, 
	door TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	called TEXT DEFAULT '' NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	patient TEXT DEFAULT '' NOT NULL, 
	subject TEXT DEFAULT '' NOT NULL, 
	detail TEXT DEFAULT '' NOT NULL, 
	hash BLOB NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE INDEX ix_ledger_at ON ledger (at_ns);
CREATE INDEX ix_ledger_study ON ledger (study_instance_uid, seq);
CREATE INDEX ix_ledger_patient ON ledger (patient, seq);
CREATE INDEX ix_ledger_actor ON ledger (actor, seq);
CREATE TABLE ledger_open (
	id INTEGER NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	until_ns BIGINT DEFAULT 0 NOT NULL, 
	outcome BIGINT DEFAULT 0 NOT NULL, 
	count BIGINT DEFAULT 0 NOT NULL, 
	kind TEXT DEFAULT '' NOT NULL, 
	actor_kind TEXT DEFAULT '' NOT NULL, 
	actor TEXT DEFAULT '' NOT NULL, 
	door TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	called TEXT DEFAULT '' NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	patient TEXT DEFAULT '' NOT NULL, 
	subject TEXT DEFAULT '' NOT NULL, 
	detail TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_ledger_open_study ON ledger_open (study_instance_uid);
CREATE TABLE ledger_marks (
	reader TEXT NOT NULL, 
	seq BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (reader)
);
CREATE TABLE policy_rules (
	role TEXT NOT NULL, 
	relation TEXT NOT NULL, 
	actions TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (role, relation)
)
 WITHOUT ROWID

;
CREATE TABLE facilities (
	name TEXT NOT NULL, 
	title TEXT DEFAULT '' NOT NULL, 
	called_aets TEXT DEFAULT '' NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID

;
CREATE TABLE devices (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	aet TEXT DEFAULT '' NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	role TEXT DEFAULT '' NOT NULL, 
	addresses TEXT DEFAULT '' NOT NULL, 
	certificate TEXT DEFAULT '' NOT NULL, 
	created_by TEXT DEFAULT '' NOT NULL, 
	is_disabled BIGINT DEFAULT 0 NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL
);
CREATE UNIQUE INDEX ix_devices_aet ON devices (aet, facility);
CREATE TABLE shares (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT DEFAULT '' NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	to_facility TEXT DEFAULT '' NOT NULL, 
	created_by TEXT DEFAULT '' NOT NULL, 
	to_account INTEGER, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	revoked_ns BIGINT DEFAULT 0 NOT NULL, 
	FOREIGN KEY(to_account) REFERENCES accounts (id)
);
CREATE INDEX ix_shares_study ON shares (study_instance_uid);
CREATE INDEX ix_shares_account ON shares (to_account);
CREATE INDEX ix_shares_facility ON shares (to_facility);
CREATE TABLE broken_glass (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account INTEGER NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	reviewed_by TEXT DEFAULT '' NOT NULL, 
	verdict TEXT DEFAULT '' NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	reviewed_ns BIGINT DEFAULT 0 NOT NULL, 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
CREATE INDEX ix_broken_glass_account ON broken_glass (account, expires_ns);
CREATE INDEX ix_broken_glass_review ON broken_glass (reviewed_ns, id);
CREATE TABLE holds (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	patient_id TEXT DEFAULT '' NOT NULL, 
	issuer TEXT DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	created_by TEXT DEFAULT '' NOT NULL, 
	lifted_by TEXT DEFAULT '' NOT NULL, 
	created_ns BIGINT DEFAULT 0 NOT NULL, 
	lifted_ns BIGINT DEFAULT 0 NOT NULL
);
CREATE INDEX ix_holds_study ON holds (study_instance_uid);
CREATE INDEX ix_holds_patient ON holds (patient_id);
CREATE TABLE consents (
	patient_id TEXT NOT NULL, 
	issuer TEXT NOT NULL, 
	purpose TEXT NOT NULL, 
	recorded_by TEXT DEFAULT '' NOT NULL, 
	is_given BIGINT DEFAULT 0 NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	expires_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (patient_id, issuer, purpose)
)
 WITHOUT ROWID

;
CREATE TABLE feed_readers (
	reader TEXT NOT NULL, 
	seq BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (reader)
);
CREATE TABLE reactions (
	reader TEXT NOT NULL, 
	sop_instance_uid TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	entry INTEGER, 
	PRIMARY KEY (reader, sop_instance_uid, digest), 
	FOREIGN KEY(entry) REFERENCES journal (id)
)
 WITHOUT ROWID

;
CREATE TABLE preferences (
	account INTEGER NOT NULL, 
	text TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (account), 
	FOREIGN KEY(account) REFERENCES accounts (id)
)
 WITHOUT ROWID

;
CREATE TABLE settings_seen (
	name TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID

;
INSERT INTO "alembic_version" ("version_num") VALUES ('0007');
INSERT INTO "access_state" ("id", "version") VALUES (1, 1);
