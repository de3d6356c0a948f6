-- A database as the first release left it: an outage that is over, one in the middle of its chain, one whose first
-- SMS was under way and whose mail had just been refused when the service was killed. Made by that release.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE attempts (
	id TEXT NOT NULL, 
	notice TEXT NOT NULL, 
	route TEXT NOT NULL, 
	started BIGINT NOT NULL, 
	repeat BOOLEAN NOT NULL, 
	ended BIGINT, 
	outcome TEXT NOT NULL, 
	said TEXT NOT NULL, 
	provider_id TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE beliefs (
	"check" TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	grade INTEGER NOT NULL, 
	PRIMARY KEY ("check")
);
CREATE TABLE incidents (
	id TEXT NOT NULL, 
	number TEXT NOT NULL, 
	system TEXT NOT NULL, 
	severity VARCHAR(40) NOT NULL, 
	began BIGINT NOT NULL, 
	detected BIGINT NOT NULL, 
	chain_from BIGINT NOT NULL, 
	grade INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	told_as VARCHAR(40) NOT NULL, 
	current VARCHAR(40), 
	hold VARCHAR(40), 
	held_by TEXT, 
	good_since BIGINT, 
	recovered BIGINT, 
	closed BIGINT, 
	downs JSON NOT NULL, 
	unstable BOOLEAN NOT NULL, 
	human VARCHAR(40) NOT NULL, 
	acknowledged BIGINT, 
	acknowledged_by TEXT NOT NULL, 
	first_acknowledged BIGINT, 
	cause TEXT NOT NULL, 
	drill BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE notices (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	incident TEXT, 
	kind VARCHAR(40) NOT NULL, 
	person TEXT NOT NULL, 
	channel VARCHAR(40) NOT NULL, 
	"to" TEXT NOT NULL, 
	text TEXT NOT NULL, 
	created BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	html TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	task TEXT, 
	generation INTEGER NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	settled BIGINT, 
	route TEXT, 
	independent_first BOOLEAN NOT NULL, 
	fault_at BIGINT, 
	code TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE tasks (
	"key" TEXT NOT NULL, 
	incident TEXT NOT NULL, 
	task TEXT NOT NULL, 
	given BIGINT NOT NULL, 
	done BIGINT, 
	done_by TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE timeline (
	"key" TEXT NOT NULL, 
	incident TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	entry VARCHAR(40) NOT NULL, 
	text TEXT NOT NULL, 
	who TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE transitions (
	id TEXT NOT NULL, 
	"check" TEXT NOT NULL, 
	system TEXT NOT NULL, 
	"before" TEXT NOT NULL, 
	"after" TEXT NOT NULL, 
	began BIGINT NOT NULL, 
	noticed BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	said TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE watches (
	id TEXT NOT NULL, 
	started BIGINT NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_attempts_notice ON attempts (notice);
CREATE INDEX ix_incidents_closed ON incidents (closed);
CREATE INDEX ix_incidents_number ON incidents (number);
CREATE INDEX ix_notices_incident ON notices (incident);
CREATE INDEX ix_notices_state ON notices (state);
CREATE INDEX ix_tasks_incident ON tasks (incident);
CREATE INDEX ix_timeline_incident ON timeline (incident);
CREATE INDEX ix_transitions_noticed ON transitions (noticed);

INSERT INTO "alembic_version" ("version_num")
VALUES ('0001');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd035c40-00000013', '019cbd035c40-00000011', 'primary', 1772697640000000, FALSE, 1772697640000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd035c40-00000014', '019cbd035c40-00000012', 'relay', 1772697640000000, FALSE, 1772697640000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd0c8400-00000019', '019cbd0c8400-00000018', 'primary', 1772698240000000, FALSE, 1772698240000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd1117e0-00000021', '019cbd1117e0-00000020', 'primary', 1772698540000000, FALSE, 1772698540000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd130028-00000028', '019cbd130028-00000024', 'primary', 1772698665000000, FALSE, 1772698665000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd130028-00000029', '019cbd130028-00000026', 'primary', 1772698665000000, FALSE, 1772698665000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd130028-00000030', '019cbd130028-00000027', 'primary', 1772698665000000, FALSE, 1772698665000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd130028-00000031', '019cbd130028-00000025', 'relay', 1772698665000000, FALSE, 1772698665000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd39d590-00000040', '019cbd39d590-00000038', 'primary', 1772701210000000, FALSE, 1772701210000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd39d590-00000041', '019cbd39d590-00000039', 'relay', 1772701210000000, FALSE, 1772701210000000, 'accepted', 'said', 'id');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd3cbbc0-00000047', '019cbd3cbbc0-00000045', 'primary', 1772701400000000, FALSE, NULL, '', '', '');
INSERT INTO "attempts" ("id", "notice", "route", "started", "repeat", "ended", "outcome", "said", "provider_id")
VALUES ('019cbd3cbbc0-00000048', '019cbd3cbbc0-00000046', 'relay', 1772701400000000, FALSE, 1772701400000000, 'temporary', 'said', 'id');
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('alarmvej-primary', 0, 'up', 1772697640000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('alarmvej-relay', 0, 'up', 1772697640000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('alarmvej-sms', 0, 'up', 1772697640000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('c1', 0, 'up', 1772697600000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('c2', 0, 'up', 1772697600000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('medicoteknik-1', 0, 'up', 1772697600000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('noedkald-1', 2, 'down', 1772701200000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('omsorgssystem-1', 0, 'up', 1772697600000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('phoniro-1', 0, 'up', 1772698660000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('vagten-daekning', 0, 'up', 1772699865000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('vagten-lager', 0, 'up', 1772699865000000, 0);
INSERT INTO "beliefs" ("check", "level", "state", "since", "grade")
VALUES ('vagten-loekker', 0, 'up', 1772699865000000, 0);
INSERT INTO "incidents" ("id", "number", "system", "severity", "began", "detected", "chain_from", "grade", "generation", "told_as", "current", "hold", "held_by", "good_since", "recovered", "closed", "downs", "unstable", "human", "acknowledged", "acknowledged_by", "first_acknowledged", "cause", "drill")
VALUES ('019cbd035c40-00000010', '26-0001', 'phoniro', '3', 1772697630000000, 1772697640000000, 1772697640000000, 0, 1, 'alarm', NULL, NULL, NULL, 1772698660000000, 1772698665000000, 1772699565000000, '[1772697640000000]', FALSE, 'resolved', 1772697940000000, 'NEXUS support', 1772697940000000, 'svarer med fejl (status 503)', FALSE);
INSERT INTO "incidents" ("id", "number", "system", "severity", "began", "detected", "chain_from", "grade", "generation", "told_as", "current", "hold", "held_by", "good_since", "recovered", "closed", "downs", "unstable", "human", "acknowledged", "acknowledged_by", "first_acknowledged", "cause", "drill")
VALUES ('019cbd39d590-00000037', '26-0002', 'noedkald', '3', 1772701200000000, 1772701210000000, 1772701210000000, 0, 1, 'alarm', '3', NULL, NULL, NULL, NULL, NULL, '[1772701210000000]', FALSE, 'unseen', NULL, '', NULL, 'svarer med fejl (status 503)', FALSE);
INSERT INTO "incidents" ("id", "number", "system", "severity", "began", "detected", "chain_from", "grade", "generation", "told_as", "current", "hold", "held_by", "good_since", "recovered", "closed", "downs", "unstable", "human", "acknowledged", "acknowledged_by", "first_acknowledged", "cause", "drill")
VALUES ('019cbd3cbbc0-00000044', '26-0003', 'omsorgssystem', '3', 1772701390000000, 1772701400000000, 1772701400000000, 0, 1, 'alarm', '3', NULL, NULL, NULL, NULL, NULL, '[1772701400000000]', FALSE, 'unseen', NULL, '', NULL, 'svarer med fejl (status 503)', FALSE);
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd035c40-00000011', '019cbd035c40-00000010/1/20260305T080040/0/nexus/sms', '019cbd035c40-00000010', 'alarm', 'nexus', 'sms', '+4500000001', 'Phoniro NEDE siden 09:00. Hændelse 26-0001. Svarer med fejl (status 503). Følg action card.', 1772697640000000, 'alarm', '', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772697640000000, 'primary', FALSE, 1772697630000000, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd035c40-00000012', '019cbd035c40-00000010/1/20260305T080040/0/nexus/mail', '019cbd035c40-00000010', 'alarm', 'nexus', 'mail', 'nexus@eksempel.example', 'Phoniro er NEDE siden 09:00.

Hvad: Svarer med fejl (status 503).
Hændelse: 26-0001
Opdaget: 09:00
Du får beskeden som: Nexus support

Sådan er forløbet indtil nu:
09:00  Hændelsen åbnet: NEDE. Phoniro: svarer med fejl: ventede status 200, så status 503
', 1772697640000000, 'alarm', 'Phoniro: NEDE siden 09:00 (hændelse 26-0001)', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772697640000000, 'relay', FALSE, 1772697630000000, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd0c8400-00000018', '019cbd035c40-00000010/1/20260305T080040/0/leder/sms', '019cbd035c40-00000010', 'alarm', 'leder', 'sms', '+4500000002', 'Phoniro NEDE siden 09:00. Hændelse 26-0001. Svarer med fejl (status 503). Følg action card.', 1772698240000000, 'alarm', '', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772698240000000, 'primary', FALSE, 1772697630000000, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd1117e0-00000020', '019cbd035c40-00000010/task/region/sektion/sms', '019cbd035c40-00000010', 'task', 'sektion', 'sms', '+4500000005', 'OPGAVE: Phoniro NEDE siden 09:00. Hændelse 26-0001. Ring til regionen 78412345.', 1772698540000000, 'task', '', '', '019cbd035c40-00000010', 'region', 1, 'accepted', 1772698540000000, 'primary', FALSE, NULL, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd130028-00000024', '019cbd035c40-00000010/1/clear/1772698665.000/nexus/sms', '019cbd035c40-00000010', 'all_clear', 'nexus', 'sms', '+4500000001', 'Phoniro OPPE IGEN 09:17. Hændelse 26-0001. Nede fra 09:00, i alt 17 min.', 1772698665000000, 'all_clear', '', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772698665000000, 'primary', FALSE, NULL, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd130028-00000025', '019cbd035c40-00000010/1/clear/1772698665.000/nexus/mail', '019cbd035c40-00000010', 'all_clear', 'nexus', 'mail', 'nexus@eksempel.example', 'Phoniro er oppe igen 09:17.
Nede fra 09:00, i alt 17 min.

Husk at dokumentere det, der blev skrevet ned undervejs.
Hændelse: 26-0001

Sådan var forløbet:
09:00  Hændelsen åbnet: NEDE. Phoniro: svarer med fejl: ventede status 200, så status 503
09:00  Besked oprettet: SMS til Nexus (Nexus support): alarm
09:00  Besked oprettet: mail til Nexus (Nexus support): alarm
09:00  Sendt: SMS til Nexus ad primary
09:00  Sendt: mail til Nexus ad relay
09:05  Kvitteret: NEXUS support: set
09:10  Besked oprettet: SMS til Leder (Afdelingsledelse): alarm
09:10  Sendt: SMS til Leder ad primary
09:15  Besked oprettet: SMS til Sektion (Sektionsleder): opgave: Kontakt regionen
09:15  Sendt: SMS til Sektion ad primary
09:17  Oppe igen
', 1772698665000000, 'all_clear', 'OPPE IGEN: Phoniro 09:17 (hændelse 26-0001)', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772698665000000, 'relay', FALSE, NULL, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd130028-00000026', '019cbd035c40-00000010/1/clear/1772698665.000/leder/sms', '019cbd035c40-00000010', 'all_clear', 'leder', 'sms', '+4500000002', 'Phoniro OPPE IGEN 09:17. Hændelse 26-0001. Nede fra 09:00, i alt 17 min.', 1772698665000000, 'all_clear', '', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772698665000000, 'primary', FALSE, NULL, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd130028-00000027', '019cbd035c40-00000010/1/clear/1772698665.000/sektion/sms', '019cbd035c40-00000010', 'all_clear', 'sektion', 'sms', '+4500000005', 'Phoniro OPPE IGEN 09:17. Hændelse 26-0001. Nede fra 09:00, i alt 17 min.', 1772698665000000, 'all_clear', '', '', '019cbd035c40-00000010', NULL, 1, 'accepted', 1772698665000000, 'primary', FALSE, NULL, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd39d590-00000038', '019cbd39d590-00000037/1/20260305T090010/0/nexus/sms', '019cbd39d590-00000037', 'alarm', 'nexus', 'sms', '+4500000001', 'Noedkald NEDE siden 10:00. Hændelse 26-0002. Svarer med fejl (status 503). Følg action card.', 1772701210000000, 'alarm', '', '', '019cbd39d590-00000037', NULL, 1, 'accepted', 1772701210000000, 'primary', FALSE, 1772701200000000, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd39d590-00000039', '019cbd39d590-00000037/1/20260305T090010/0/nexus/mail', '019cbd39d590-00000037', 'alarm', 'nexus', 'mail', 'nexus@eksempel.example', 'Noedkald er NEDE siden 10:00.

Hvad: Svarer med fejl (status 503).
Hændelse: 26-0002
Opdaget: 10:00
Du får beskeden som: Nexus support

Sådan er forløbet indtil nu:
10:00  Hændelsen åbnet: NEDE. Noedkald: svarer med fejl: ventede status 200, så status 503
', 1772701210000000, 'alarm', 'Noedkald: NEDE siden 10:00 (hændelse 26-0002)', '', '019cbd39d590-00000037', NULL, 1, 'accepted', 1772701210000000, 'relay', FALSE, 1772701200000000, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd3cbbc0-00000045', '019cbd3cbbc0-00000044/1/20260305T090320/0/nexus/sms', '019cbd3cbbc0-00000044', 'alarm', 'nexus', 'sms', '+4500000001', 'Omsorgssystem NEDE siden 10:03. Hændelse 26-0003. Svarer med fejl (status 503). Følg action card.', 1772701400000000, 'alarm', '', '', '019cbd3cbbc0-00000044', NULL, 1, 'queued', NULL, NULL, FALSE, 1772701390000000, '');
INSERT INTO "notices" ("id", "key", "incident", "kind", "person", "channel", "to", "text", "created", "reason", "subject", "html", "thread", "task", "generation", "state", "settled", "route", "independent_first", "fault_at", "code")
VALUES ('019cbd3cbbc0-00000046', '019cbd3cbbc0-00000044/1/20260305T090320/0/nexus/mail', '019cbd3cbbc0-00000044', 'alarm', 'nexus', 'mail', 'nexus@eksempel.example', 'Omsorgssystem er NEDE siden 10:03.

Hvad: Svarer med fejl (status 503).
Hændelse: 26-0003
Opdaget: 10:03
Du får beskeden som: Nexus support

Sådan er forløbet indtil nu:
10:03  Hændelsen åbnet: NEDE. Omsorgssystem: svarer med fejl: ventede status 200, så status 503
', 1772701400000000, 'alarm', 'Omsorgssystem: NEDE siden 10:03 (hændelse 26-0003)', '', '019cbd3cbbc0-00000044', NULL, 1, 'queued', NULL, NULL, FALSE, 1772701390000000, '');
INSERT INTO "tasks" ("key", "incident", "task", "given", "done", "done_by")
VALUES ('019cbd035c40-00000010/region', '019cbd035c40-00000010', 'region', 1772698540000000, NULL, '');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/1/20260305T080040/0/leder/sms/queued', '019cbd035c40-00000010', 1772698240000000, 'queued', 'SMS til Leder (Afdelingsledelse): alarm', 'Leder', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/1/20260305T080040/0/nexus/mail/queued', '019cbd035c40-00000010', 1772697640000000, 'queued', 'mail til Nexus (Nexus support): alarm', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/1/20260305T080040/0/nexus/sms/queued', '019cbd035c40-00000010', 1772697640000000, 'queued', 'SMS til Nexus (Nexus support): alarm', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd035c40-00000013', '019cbd035c40-00000010', 1772697640000000, 'accepted', 'SMS til Nexus ad primary', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd035c40-00000014', '019cbd035c40-00000010', 1772697640000000, 'accepted', 'mail til Nexus ad relay', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd0c8400-00000019', '019cbd035c40-00000010', 1772698240000000, 'accepted', 'SMS til Leder ad primary', 'Leder', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd1117e0-00000021', '019cbd035c40-00000010', 1772698540000000, 'accepted', 'SMS til Sektion ad primary', 'Sektion', 'task');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd130028-00000028', '019cbd035c40-00000010', 1772698665000000, 'accepted', 'SMS til Nexus ad primary', 'Nexus', 'all_clear');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd130028-00000029', '019cbd035c40-00000010', 1772698665000000, 'accepted', 'SMS til Leder ad primary', 'Leder', 'all_clear');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd130028-00000030', '019cbd035c40-00000010', 1772698665000000, 'accepted', 'SMS til Sektion ad primary', 'Sektion', 'all_clear');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/accepted/019cbd130028-00000031', '019cbd035c40-00000010', 1772698665000000, 'accepted', 'mail til Nexus ad relay', 'Nexus', 'all_clear');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/acknowledged/1772697940.000000/NEXUS support', '019cbd035c40-00000010', 1772697940000000, 'acknowledged', 'NEXUS support: set', 'NEXUS support', 'seen');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/closed/1772699565.000000/', '019cbd035c40-00000010', 1772699565000000, 'closed', '', '', '');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/opened/1772697640.000000/', '019cbd035c40-00000010', 1772697640000000, 'opened', 'NEDE. Phoniro: svarer med fejl: ventede status 200, så status 503', '', '');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/recovered/1772698665.000000/', '019cbd035c40-00000010', 1772698665000000, 'recovered', '', '', '');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd035c40-00000010/task/region/sektion/sms/queued', '019cbd035c40-00000010', 1772698540000000, 'queued', 'SMS til Sektion (Sektionsleder): opgave: Kontakt regionen', 'Sektion', 'task');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd39d590-00000037/1/20260305T090010/0/nexus/mail/queued', '019cbd39d590-00000037', 1772701210000000, 'queued', 'mail til Nexus (Nexus support): alarm', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd39d590-00000037/1/20260305T090010/0/nexus/sms/queued', '019cbd39d590-00000037', 1772701210000000, 'queued', 'SMS til Nexus (Nexus support): alarm', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd39d590-00000037/accepted/019cbd39d590-00000040', '019cbd39d590-00000037', 1772701210000000, 'accepted', 'SMS til Nexus ad primary', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd39d590-00000037/accepted/019cbd39d590-00000041', '019cbd39d590-00000037', 1772701210000000, 'accepted', 'mail til Nexus ad relay', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd39d590-00000037/opened/1772701210.000000/', '019cbd39d590-00000037', 1772701210000000, 'opened', 'NEDE. Noedkald: svarer med fejl: ventede status 200, så status 503', '', '');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd3cbbc0-00000044/1/20260305T090320/0/nexus/mail/queued', '019cbd3cbbc0-00000044', 1772701400000000, 'queued', 'mail til Nexus (Nexus support): alarm', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd3cbbc0-00000044/1/20260305T090320/0/nexus/sms/queued', '019cbd3cbbc0-00000044', 1772701400000000, 'queued', 'SMS til Nexus (Nexus support): alarm', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd3cbbc0-00000044/not_accepted/019cbd3cbbc0-00000048', '019cbd3cbbc0-00000044', 1772701400000000, 'not_accepted', 'mail til Nexus ad relay: ikke modtaget, prøves igen (svar: said)', 'Nexus', 'alarm');
INSERT INTO "timeline" ("key", "incident", "at", "entry", "text", "who", "reason")
VALUES ('019cbd3cbbc0-00000044/opened/1772701400.000000/', '019cbd3cbbc0-00000044', 1772701400000000, 'opened', 'NEDE. Omsorgssystem: svarer med fejl: ventede status 200, så status 503', '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd02c000-00000002', 'medicoteknik-1', 'medicoteknik', 'unknown', 'up', 1772697600000000, 1772697600000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd02c000-00000003', 'noedkald-1', 'noedkald', 'unknown', 'up', 1772697600000000, 1772697600000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd02c000-00000004', 'omsorgssystem-1', 'omsorgssystem', 'unknown', 'up', 1772697600000000, 1772697600000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd02c000-00000005', 'phoniro-1', 'phoniro', 'unknown', 'up', 1772697600000000, 1772697600000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd02c000-00000006', 'c1', 'egen_linje', 'unknown', 'up', 1772697600000000, 1772697600000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd02c000-00000007', 'c2', 'egen_linje', 'unknown', 'up', 1772697600000000, 1772697600000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd033530-00000008', 'phoniro-1', 'phoniro', 'up', 'suspect', 1772697630000000, 1772697630000000, 'status', 'svarer med fejl: ventede status 200, så status 503');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd035c40-00000009', 'phoniro-1', 'phoniro', 'suspect', 'down', 1772697630000000, 1772697640000000, 'status', 'svarer med fejl: ventede status 200, så status 503');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd035c40-00000015', 'alarmvej-primary', 'alarmvej', 'unknown', 'up', 1772697640000000, 1772697640000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd035c40-00000016', 'alarmvej-sms', 'alarmvej', 'unknown', 'up', 1772697640000000, 1772697640000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd035c40-00000017', 'alarmvej-relay', 'alarmvej', 'unknown', 'up', 1772697640000000, 1772697640000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd12eca0-00000022', 'phoniro-1', 'phoniro', 'down', 'recovering', 1772698660000000, 1772698660000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd130028-00000023', 'phoniro-1', 'phoniro', 'recovering', 'up', 1772698660000000, 1772698665000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd254fa8-00000032', 'vagten-lager', 'vagten', 'unknown', 'up', 1772699865000000, 1772699865000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd254fa8-00000033', 'vagten-loekker', 'vagten', 'unknown', 'up', 1772699865000000, 1772699865000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd254fa8-00000034', 'vagten-daekning', 'vagten', 'unknown', 'up', 1772699865000000, 1772699865000000, '', '');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd39ae80-00000035', 'noedkald-1', 'noedkald', 'up', 'suspect', 1772701200000000, 1772701200000000, 'status', 'svarer med fejl: ventede status 200, så status 503');
INSERT INTO "transitions" ("id", "check", "system", "before", "after", "began", "noticed", "reason", "said")
VALUES ('019cbd39d590-00000036', 'noedkald-1', 'noedkald', 'suspect', 'down', 1772701200000000, 1772701210000000, 'status', 'svarer med fejl: ventede status 200, så status 503');
INSERT INTO "watches" ("id", "started", "last")
VALUES ('019cbd02c000-00000001', 1772697600000000, 1772701390000000);
