CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE patients (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	facility TEXT DEFAULT '' NOT NULL, 
	patient_id TEXT DEFAULT '' NOT NULL, 
	issuer TEXT DEFAULT '' NOT NULL, 
	of_study TEXT DEFAULT '' NOT NULL, 
	patient_name TEXT DEFAULT '' NOT NULL, 
	name_folded TEXT DEFAULT '' NOT NULL, 
	patient_birth_date TEXT DEFAULT '' NOT NULL, 
	patient_birth_time TEXT DEFAULT '' NOT NULL, 
	patient_sex TEXT DEFAULT '' NOT NULL, 
	other_patient_ids TEXT DEFAULT '' NOT NULL, 
	ethnic_group TEXT DEFAULT '' NOT NULL, 
	patient_comments TEXT DEFAULT '' NOT NULL, 
	attributes TEXT DEFAULT '' NOT NULL, 
	studies BIGINT DEFAULT 0 NOT NULL, 
	series BIGINT DEFAULT 0 NOT NULL, 
	instances BIGINT DEFAULT 0 NOT NULL
);
CREATE UNIQUE INDEX ix_patients_identity ON patients (patient_id, issuer, facility, of_study);
CREATE TABLE studies (
	id INTEGER NOT NULL, 
	patient INTEGER NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	study_date TEXT DEFAULT '' NOT NULL, 
	study_time TEXT DEFAULT '' NOT NULL, 
	accession_number TEXT DEFAULT '' NOT NULL, 
	study_id TEXT DEFAULT '' NOT NULL, 
	study_description TEXT DEFAULT '' NOT NULL, 
	referring_physician_name TEXT DEFAULT '' NOT NULL, 
	referring_folded TEXT DEFAULT '' NOT NULL, 
	name_of_physicians_reading_study TEXT DEFAULT '' NOT NULL, 
	admitting_diagnoses_description TEXT DEFAULT '' NOT NULL, 
	patient_id TEXT DEFAULT '' NOT NULL, 
	issuer TEXT DEFAULT '' NOT NULL, 
	patient_name TEXT DEFAULT '' NOT NULL, 
	name_folded TEXT DEFAULT '' NOT NULL, 
	patient_birth_date TEXT DEFAULT '' NOT NULL, 
	patient_birth_time TEXT DEFAULT '' NOT NULL, 
	patient_sex TEXT DEFAULT '' NOT NULL, 
	patient_age TEXT DEFAULT '' NOT NULL, 
	patient_size TEXT DEFAULT '' NOT NULL, 
	patient_weight TEXT DEFAULT '' NOT NULL, 
	modalities TEXT DEFAULT '' NOT NULL, 
	sop_classes TEXT DEFAULT '' NOT NULL, 
	attributes TEXT DEFAULT '' NOT NULL, 
	series BIGINT DEFAULT 0 NOT NULL, 
	instances BIGINT DEFAULT 0 NOT NULL, 
	received_ns BIGINT DEFAULT 0 NOT NULL, 
	updated_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(patient) REFERENCES patients (id)
);
CREATE INDEX ix_studies_accession ON studies (accession_number);
CREATE INDEX ix_studies_date ON studies (study_date, id);
CREATE INDEX ix_studies_name ON studies (name_folded);
CREATE INDEX ix_studies_patient ON studies (patient);
CREATE INDEX ix_studies_patient_id ON studies (patient_id);
CREATE UNIQUE INDEX ix_studies_uid ON studies (study_instance_uid);
CREATE TABLE series (
	id INTEGER NOT NULL, 
	study INTEGER NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	modality TEXT DEFAULT '' NOT NULL, 
	series_number TEXT DEFAULT '' NOT NULL, 
	series_date TEXT DEFAULT '' NOT NULL, 
	series_time TEXT DEFAULT '' NOT NULL, 
	series_description TEXT DEFAULT '' NOT NULL, 
	body_part_examined TEXT DEFAULT '' NOT NULL, 
	laterality TEXT DEFAULT '' NOT NULL, 
	protocol_name TEXT DEFAULT '' NOT NULL, 
	operators_name TEXT DEFAULT '' NOT NULL, 
	performing_physician_name TEXT DEFAULT '' NOT NULL, 
	station_name TEXT DEFAULT '' NOT NULL, 
	institution_name TEXT DEFAULT '' NOT NULL, 
	manufacturer TEXT DEFAULT '' NOT NULL, 
	performed_procedure_step_start_date TEXT DEFAULT '' NOT NULL, 
	performed_procedure_step_start_time TEXT DEFAULT '' NOT NULL, 
	attributes TEXT DEFAULT '' NOT NULL, 
	instances BIGINT DEFAULT 0 NOT NULL, 
	received_ns BIGINT DEFAULT 0 NOT NULL, 
	updated_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study) REFERENCES studies (id)
);
CREATE INDEX ix_series_study ON series (study);
CREATE UNIQUE INDEX ix_series_uid ON series (series_instance_uid, study);
CREATE TABLE instances (
	id INTEGER NOT NULL, 
	series INTEGER NOT NULL, 
	sop_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_class_uid TEXT DEFAULT '' NOT NULL, 
	instance_number TEXT DEFAULT '' NOT NULL, 
	content_date TEXT DEFAULT '' NOT NULL, 
	content_time TEXT DEFAULT '' NOT NULL, 
	acquisition_date_time TEXT DEFAULT '' NOT NULL, 
	transfer_syntax_uid TEXT DEFAULT '' NOT NULL, 
	pack TEXT DEFAULT '' NOT NULL, 
	file_offset BIGINT DEFAULT 0 NOT NULL, 
	file_length BIGINT DEFAULT 0 NOT NULL, 
	data_set_offset BIGINT DEFAULT 0 NOT NULL, 
	pixel_tag INTEGER, 
	pixel_offset INTEGER, 
	pixel_length INTEGER, 
	frames BIGINT DEFAULT 0 NOT NULL, 
	native_frame_bits BIGINT DEFAULT 0 NOT NULL, 
	frame_table BLOB, 
	digest BLOB NOT NULL, 
	digest_data_set BLOB NOT NULL, 
	received_ns BIGINT DEFAULT 0 NOT NULL, 
	is_corrupt BIGINT DEFAULT 0 NOT NULL, 
	door TEXT DEFAULT '' NOT NULL, 
	source TEXT DEFAULT '' NOT NULL, 
	called TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	attributes TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(series) REFERENCES series (id)
);
CREATE INDEX ix_instances_series ON instances (series);
CREATE UNIQUE INDEX ix_instances_uid ON instances (sop_instance_uid);
CREATE TABLE conflicts (
	id INTEGER NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_instance_uid TEXT DEFAULT '' NOT NULL, 
	transfer_syntax_uid TEXT DEFAULT '' NOT NULL, 
	pack TEXT DEFAULT '' NOT NULL, 
	file_offset BIGINT DEFAULT 0 NOT NULL, 
	file_length BIGINT DEFAULT 0 NOT NULL, 
	data_set_offset BIGINT DEFAULT 0 NOT NULL, 
	digest BLOB NOT NULL, 
	digest_data_set BLOB NOT NULL, 
	received_ns BIGINT DEFAULT 0 NOT NULL, 
	is_corrupt BIGINT DEFAULT 0 NOT NULL, 
	door TEXT DEFAULT '' NOT NULL, 
	source TEXT DEFAULT '' NOT NULL, 
	called TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, sop_class_uid TEXT DEFAULT '' NOT NULL, frame_table BLOB, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_conflicts_pack ON conflicts (pack);
CREATE INDEX ix_conflicts_uid ON conflicts (sop_instance_uid);
CREATE TABLE packs (
	id TEXT NOT NULL, 
	facility TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	state TEXT DEFAULT '' NOT NULL, 
	length BIGINT DEFAULT 0 NOT NULL, 
	indexed_length BIGINT DEFAULT 0 NOT NULL, 
	verified_ns BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_packs_open ON packs (state) WHERE state = 'open';
CREATE INDEX ix_packs_series ON packs (series_instance_uid);
CREATE INDEX ix_packs_verified ON packs (verified_ns, id);
CREATE TABLE events (
	seq INTEGER NOT NULL, 
	kind TEXT DEFAULT '' NOT NULL, 
	at_ns BIGINT DEFAULT 0 NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_instance_uid TEXT DEFAULT '' NOT NULL, 
	digest BLOB NOT NULL, 
	actor TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE VIRTUAL TABLE study_names USING fts5(name_folded, content='studies', content_rowid='id', tokenize='trigram');
CREATE VIRTUAL TABLE patient_names USING fts5(name_folded, content='patients', content_rowid='id', tokenize='trigram');
CREATE TABLE rejected (
	id INTEGER NOT NULL, 
	rejection INTEGER NOT NULL, 
	purge INTEGER, 
	row_id INTEGER NOT NULL, 
	is_conflict BIGINT DEFAULT 0 NOT NULL, 
	study_instance_uid TEXT DEFAULT '' NOT NULL, 
	series_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_instance_uid TEXT DEFAULT '' NOT NULL, 
	sop_class_uid TEXT DEFAULT '' NOT NULL, 
	transfer_syntax_uid TEXT DEFAULT '' NOT NULL, 
	pack TEXT DEFAULT '' NOT NULL, 
	file_offset BIGINT DEFAULT 0 NOT NULL, 
	file_length BIGINT DEFAULT 0 NOT NULL, 
	data_set_offset BIGINT DEFAULT 0 NOT NULL, 
	frame_table BLOB, 
	digest BLOB NOT NULL, 
	digest_data_set BLOB NOT NULL, 
	received_ns BIGINT DEFAULT 0 NOT NULL, 
	is_corrupt BIGINT DEFAULT 0 NOT NULL, 
	door TEXT DEFAULT '' NOT NULL, 
	source TEXT DEFAULT '' NOT NULL, 
	called TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_rejected_pack ON rejected (pack);
CREATE UNIQUE INDEX ix_rejected_received ON rejected (received_ns);
CREATE INDEX ix_rejected_rejection ON rejected (rejection);
CREATE INDEX ix_rejected_uid ON rejected (sop_instance_uid);
CREATE TABLE counters (
	name TEXT NOT NULL, 
	value BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE query_attributes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT DEFAULT '' NOT NULL, 
	filled_to BIGINT DEFAULT 0 NOT NULL, 
	fill_to BIGINT DEFAULT 0 NOT NULL, 
	done BIGINT DEFAULT 0 NOT NULL, 
	of_instances BIGINT DEFAULT 0 NOT NULL, 
	is_dropped BIGINT DEFAULT 0 NOT NULL
);
CREATE TABLE attribute_values (
	instance INTEGER NOT NULL, 
	attribute INTEGER NOT NULL, 
	items TEXT NOT NULL, 
	place INTEGER NOT NULL, 
	text TEXT, 
	ideographic TEXT, 
	phonetic TEXT, 
	words TEXT, 
	utc TEXT, 
	value TEXT, 
	PRIMARY KEY (instance, attribute, items, place)
)
 WITHOUT ROWID

;
CREATE INDEX ix_attribute_values_text ON attribute_values (attribute, text);
CREATE TRIGGER instance_values_out AFTER DELETE ON instances BEGIN DELETE FROM attribute_values WHERE instance = old.id; END;
CREATE INDEX ix_attribute_values_ideographic ON attribute_values (attribute, ideographic) WHERE ideographic IS NOT NULL;
CREATE INDEX ix_attribute_values_phonetic ON attribute_values (attribute, phonetic) WHERE phonetic IS NOT NULL;
CREATE INDEX ix_conflicts_received ON conflicts (received_ns);
CREATE INDEX ix_instances_corrupt ON instances (received_ns) WHERE is_corrupt = 1;
INSERT INTO "alembic_version" ("version_num") VALUES ('0005');
