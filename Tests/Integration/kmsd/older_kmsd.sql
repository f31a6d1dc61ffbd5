PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES('1: accounts, users, groups, apps, objects, audit');
INSERT INTO grdb_migrations VALUES('2: metadata that can be looked up');
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO setting VALUES('hosts',X'6c6f63616c686f7374');
INSERT INTO setting VALUES('master-key-check',X'01c74bb0f5deda1de4b899005224379e666ae084c3b8841e332d93f3a3e991090f');
CREATE TABLE tls_identity (
    name TEXT PRIMARY KEY, certificate BLOB NOT NULL, sealed_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tls_identity VALUES('authority',X'3082017d30820123a00302010202147ea418813ef0eb1b7af6a5b21ee4dad2b1fbc273300a06082a8648ce3d040302301b3119301706035504030c106b6d7364204341203765613431383831301e170d3236313132363233313833305a170d3336313132363030313833305a301b3119301706035504030c106b6d73642043412037656134313838313059301306072a8648ce3d020106082a8648ce3d0301070342000459bce829e2e387fa11edba015ea0040f32507b98fda5992b1787d8ccb56b42db793a0215055eba88639167b2d129b34a0f6cae2f69a91f97bdc0fd2fdc2f5a7ca345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e0416041452b8ac54b735b12c114bbaf77d945ece7592bd3b300a06082a8648ce3d0403020348003045022010d10388d8417d84b529c11d43229df16faab2ac59aefceb58c089896bab1a9f022100c0d3968fddc9838cd77dbdfbb79e19a1c5783f84ae735c846a33c8e4186249da',X'019e465cd8f5e62c1dce12c8593993884e56cdeb7d09794f1579e9901b60b05e85356a9bd75e4563cbb8ab8313cd8b8a7ebcb4255fc01bd3d327005eb5ef71ade28b40768be33c8ba1caddc919b1bae27703def31ab93cdcc97a87620c7d7b757638884b03379deae3236c4f869bd7697a0af65e840166cfddfeb0616ee29c225d10ecdacf2bae575ba1313c3f80e25afa71ec6b247350236a719ecc37ce4595db0573bbb8857e');
INSERT INTO tls_identity VALUES('server',X'308201b93082015fa0030201020214199c8354558355c07ea340854276db9d21307b8a300a06082a8648ce3d040302301b3119301706035504030c106b6d7364204341203765613431383831301e170d3236313132363233313833305a170d3238313132363030313833305a300f310d300b06035504030c046b6d73643059301306072a8648ce3d020106082a8648ce3d03010703420004adb4c45c4b252b79343e58d77598c395245af83c3fd8ffed777b16671fe3d1041c179fe440764bb0f0e26f5bbcefd2664fe7219f310958944149df090d9b1c49a3818c308189300c0603551d130101ff04023000300e0603551d0f0101ff04040302078030130603551d25040c300a06082b0601050507030130140603551d11040d300b82096c6f63616c686f7374301d0603551d0e041604149543bb8fda2e6d4cb6f129ca74b68722ca337874301f0603551d2304183016801452b8ac54b735b12c114bbaf77d945ece7592bd3b300a06082a8648ce3d0403020348003045022100f0d33991496f65f56603d826c8132aac33037650dce842c4cf8390944e4986d90220553ca2a8fb025c74828ed509dd5d1bcbfa3ad725a7b528e97a75f7fc87cb424d',X'01a4996e11fdbc3a5b99399ce8ac765d52d4ac26537f2ac4a43e52fe40624a152c63c82f34c24d09b687dcfa7406947e2e3ad2cf35031dbf611fa50474070b6cbc4533191cffb5178bc47073bf86e76afd446965b62304b4757d4ead9450bc446a643f47ee680f7443efc4b04069994160470d260c4ff1c35e39338671b41f315ec1788e214c2bc60d1514af11a9d78882b4ebe1896190507f5ee1b698a59d29d7cf6f7e531146');
CREATE TABLE account (acct_id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
INSERT INTO account VALUES('436446a4-15a9-4052-979f-4cd1f31e606b','default',1795738709);
CREATE TABLE user (
    user_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL, created_at INTEGER NOT NULL
) STRICT;
INSERT INTO user VALUES('ba6db9fb-4264-446a-8d98-8e30a40cca76','436446a4-15a9-4052-979f-4cd1f31e606b','admin@localhost','$scrypt$ln=15,r=8,p=1$Mo07pgqp3jz7OC7d2mDDXw==$RPQnGWTUteMlhLZZxVulm/oDB+WnBkcoxBr/SPC6E1o=',1795738709);
CREATE TABLE IF NOT EXISTS "group" (
    group_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL,
    description TEXT, created_at INTEGER NOT NULL, creator TEXT NOT NULL, UNIQUE (acct_id, name)
) STRICT;
INSERT INTO "group" VALUES('84203c39-e58e-4fb0-88bb-c08af9a53e7d','436446a4-15a9-4052-979f-4cd1f31e606b','web',NULL,1795738710,'ba6db9fb-4264-446a-8d98-8e30a40cca76');
CREATE TABLE app (
    app_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL, description TEXT,
    app_type TEXT, interface TEXT, enabled INTEGER NOT NULL, default_group TEXT REFERENCES "group",
    created_at INTEGER NOT NULL, secret_hash BLOB NOT NULL, sealed_secret BLOB NOT NULL, UNIQUE (acct_id, name)
) STRICT;
INSERT INTO app VALUES('a3b5f353-58f2-406c-9cb9-2aef4ad57b67','436446a4-15a9-4052-979f-4cd1f31e606b','web',NULL,NULL,NULL,1,'84203c39-e58e-4fb0-88bb-c08af9a53e7d',1795738710,X'3e7af249fefcc3c8913f4f613cb1ffbbb5f7af555bdb25bcc7cfe964984c2ec3',X'013b155352900332076061479d8de03abcd6513e58ee7fcfe2c379300097876059d661891aa7423f4a4058753609abe33221f255d385b69806b594c2106f3011c164a3c58484d22c311b2e077b24dc43445c4002112d0234321dbc2054cd72f3e2c5e234e63aa8e8792e11e7e1d046cd614d27');
CREATE TABLE app_group (
    app_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE, group_id TEXT NOT NULL REFERENCES "group",
    permissions TEXT, PRIMARY KEY (app_id, group_id)
) STRICT, WITHOUT ROWID;
INSERT INTO app_group VALUES('a3b5f353-58f2-406c-9cb9-2aef4ad57b67','84203c39-e58e-4fb0-88bb-c08af9a53e7d',NULL);
CREATE TABLE sobject (
    kid TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, group_id TEXT NOT NULL REFERENCES "group",
    name TEXT NOT NULL, obj_type TEXT NOT NULL, attributes TEXT NOT NULL, sealed_value BLOB,
    UNIQUE (acct_id, name)
) STRICT;
INSERT INTO sobject VALUES('05cd9b40-7e0b-4e1e-86aa-e9ddde87872f','436446a4-15a9-4052-979f-4cd1f31e606b','84203c39-e58e-4fb0-88bb-c08af9a53e7d','p256','EC','{"obj_type":"EC","acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","public_only":false,"state":"Active","never_exportable":true,"activation_date":"20261127T001830Z","name":"p256","key_size":256,"enabled":true,"key_ops":["SIGN","VERIFY","APPMANAGEABLE","AGREEKEY"],"origin":"FortanixHSM","group_id":"84203c39-e58e-4fb0-88bb-c08af9a53e7d","pub_key":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs4i2k6PPhqXMJQYpzFe3LXd7g5DMiR\/qAKnyUXGKFV22aDIABcwJMqtX8Xo0Veq0TXF8j1pdc6IVfvyJ8ZIHMA==","creator":{"app":"a3b5f353-58f2-406c-9cb9-2aef4ad57b67"},"elliptic_curve":"NistP256","kid":"05cd9b40-7e0b-4e1e-86aa-e9ddde87872f","created_at":"20261127T001830Z"}',X'01cfa37a49ab04e0fead0af65afb5d6f73d78ffd02406bd8246f7a200d0ab817a69b60d5ee12feedd642f920b99561e706f154d5785ec16c50025929fbd19bd3ce160cabd9d7e2d5e0d40d19ac9ae09dbd7a11155f8caf49ed38c48176480db8cd411505a2310498384ba4ea9ccdd45fd5000831fdd6c0445d2e151a2eca6243530a6db3be4efff87adfa5f8f2e372b64b1c8a59867c');
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, action_type TEXT NOT NULL,
    actor_id TEXT, object_id TEXT, record TEXT NOT NULL, chain BLOB NOT NULL
) STRICT;
INSERT INTO audit VALUES(1,1795738709,'ADMINISTRATIVE','ba6db9fb-4264-446a-8d98-8e30a40cca76','436446a4-15a9-4052-979f-4cd1f31e606b','{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"ADMINISTRATIVE","actor_id":"ba6db9fb-4264-446a-8d98-8e30a40cca76","actor_type":"User","client_ip":null,"group_ids":[],"message":"Account \"default\" and administrator \"admin@localhost\" created","object_id":"436446a4-15a9-4052-979f-4cd1f31e606b","response_time":null,"severity":"INFO","time":"2026-11-27T00:18:29Z"}',X'a698a456777ef095755c45ba258850b7a63c4404a2e76c0763d199a914c10e63');
INSERT INTO audit VALUES(2,1795738710,'AUTH','ba6db9fb-4264-446a-8d98-8e30a40cca76',NULL,'{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"AUTH","actor_id":"ba6db9fb-4264-446a-8d98-8e30a40cca76","actor_type":"User","client_ip":"127.0.0.1","group_ids":[],"message":"User \"admin@localhost\" logged in","object_id":null,"response_time":{"nanos":126430095,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'0c7ec7c3280cf088d6b649cc392b011908744b87eca402c247525afdb357e1e0');
INSERT INTO audit VALUES(3,1795738710,'ADMINISTRATIVE','ba6db9fb-4264-446a-8d98-8e30a40cca76','84203c39-e58e-4fb0-88bb-c08af9a53e7d','{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"ADMINISTRATIVE","actor_id":"ba6db9fb-4264-446a-8d98-8e30a40cca76","actor_type":"User","client_ip":"127.0.0.1","group_ids":["84203c39-e58e-4fb0-88bb-c08af9a53e7d"],"message":"Group \"web\" created","object_id":"84203c39-e58e-4fb0-88bb-c08af9a53e7d","response_time":{"nanos":688644,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'8e56e5fd5d1b16fc078616bb549487d4b2c21e5da4f055b3ad6090b82bf27d8a');
INSERT INTO audit VALUES(4,1795738710,'ADMINISTRATIVE','ba6db9fb-4264-446a-8d98-8e30a40cca76','a3b5f353-58f2-406c-9cb9-2aef4ad57b67','{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"ADMINISTRATIVE","actor_id":"ba6db9fb-4264-446a-8d98-8e30a40cca76","actor_type":"User","client_ip":"127.0.0.1","group_ids":["84203c39-e58e-4fb0-88bb-c08af9a53e7d"],"message":"App \"web\" created","object_id":"a3b5f353-58f2-406c-9cb9-2aef4ad57b67","response_time":{"nanos":746309,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'aa33559a996ed34815e5f22eb12442c925f84fc872f7fdd6290e7f229e7aae65');
INSERT INTO audit VALUES(5,1795738710,'ADMINISTRATIVE','ba6db9fb-4264-446a-8d98-8e30a40cca76','a3b5f353-58f2-406c-9cb9-2aef4ad57b67','{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"ADMINISTRATIVE","actor_id":"ba6db9fb-4264-446a-8d98-8e30a40cca76","actor_type":"User","client_ip":"127.0.0.1","group_ids":["84203c39-e58e-4fb0-88bb-c08af9a53e7d"],"message":"API key of app \"web\" read","object_id":"a3b5f353-58f2-406c-9cb9-2aef4ad57b67","response_time":{"nanos":553342,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'b82c9c9610ab840772b5582c5a0a875ca414e2a2562fb5b61ab05ea7ecda180e');
INSERT INTO audit VALUES(6,1795738710,'CRYPTOOPERATION','a3b5f353-58f2-406c-9cb9-2aef4ad57b67','05cd9b40-7e0b-4e1e-86aa-e9ddde87872f','{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"CRYPTOOPERATION","actor_id":"a3b5f353-58f2-406c-9cb9-2aef4ad57b67","actor_type":"App","client_ip":"127.0.0.1","group_ids":["84203c39-e58e-4fb0-88bb-c08af9a53e7d"],"message":"App \"web\" generated \"p256\" (EC)","object_id":"05cd9b40-7e0b-4e1e-86aa-e9ddde87872f","response_time":{"nanos":1733065,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'2ac577ae3a1f58987a7fa45af315d5966660a8d63bd98864d66a58d0a43611ce');
INSERT INTO audit VALUES(7,1795738710,'CRYPTOOPERATION','a3b5f353-58f2-406c-9cb9-2aef4ad57b67','05cd9b40-7e0b-4e1e-86aa-e9ddde87872f','{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"CRYPTOOPERATION","actor_id":"a3b5f353-58f2-406c-9cb9-2aef4ad57b67","actor_type":"App","client_ip":"127.0.0.1","group_ids":["84203c39-e58e-4fb0-88bb-c08af9a53e7d"],"message":"App \"web\" signed with \"p256\" (ECDSA SHA256)","object_id":"05cd9b40-7e0b-4e1e-86aa-e9ddde87872f","response_time":{"nanos":1503815,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'12d7d14789f47c6a51e44b2a21ca5e34652e967e02c2269b43ff6a6aa1c00c0c');
INSERT INTO audit VALUES(8,1795738710,'CRYPTOOPERATION','a3b5f353-58f2-406c-9cb9-2aef4ad57b67',NULL,'{"acct_id":"436446a4-15a9-4052-979f-4cd1f31e606b","action_type":"CRYPTOOPERATION","actor_id":"a3b5f353-58f2-406c-9cb9-2aef4ad57b67","actor_type":"App","client_ip":"127.0.0.1","group_ids":["84203c39-e58e-4fb0-88bb-c08af9a53e7d"],"message":"App \"web\" generated a transient key (AES)","object_id":null,"response_time":{"nanos":438622,"secs":0},"severity":"INFO","time":"2026-11-27T00:18:30Z"}',X'3a671dd537e7b74815307bf47b8a5db5149954eeef17fbe4c07db59616e4ec0a');
CREATE TABLE sobject_metadata (
    kid TEXT NOT NULL REFERENCES sobject ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (kid, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX sobject_by_group ON sobject (group_id);
CREATE INDEX audit_by_object ON audit (object_id, sequence);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE INDEX sobject_metadata_by_value ON sobject_metadata (key, value);
CREATE TRIGGER sobject_metadata_insert AFTER INSERT ON sobject BEGIN
    INSERT INTO sobject_metadata (kid, key, value)
        SELECT new.kid, entry.key, entry.value
        FROM json_each(new.attributes, '$.custom_metadata') AS entry;
END;
CREATE TRIGGER sobject_metadata_update AFTER UPDATE OF attributes ON sobject
    WHEN json_extract(old.attributes, '$.custom_metadata')
        IS NOT json_extract(new.attributes, '$.custom_metadata')
BEGIN
    DELETE FROM sobject_metadata WHERE kid = new.kid;
    INSERT INTO sobject_metadata (kid, key, value)
        SELECT new.kid, entry.key, entry.value
        FROM json_each(new.attributes, '$.custom_metadata') AS entry;
END;
CREATE INDEX sobject_by_kid ON sobject (acct_id, kid, group_id);
COMMIT;
