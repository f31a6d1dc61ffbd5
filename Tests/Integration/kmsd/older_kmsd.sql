PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES('1: accounts, users, groups, apps, objects, audit');
INSERT INTO grdb_migrations VALUES('2: metadata that can be looked up');
INSERT INTO grdb_migrations VALUES('4: plugins and approval requests');
INSERT INTO grdb_migrations VALUES('5: head of the audit log');
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO setting VALUES('audit-key',X'013781329ad192c5bc5e70faafebadbda398f0429624b6c543c36caee8f975ee69a306b757577b1794f4e6b156c137ad46104c27e5ef0f0e82111a655d');
INSERT INTO setting VALUES('hosts',X'6c6f63616c686f7374');
INSERT INTO setting VALUES('master-key-check',X'01125755ff48de0a68562af5b38efe6d135532f4ad0d9f06df6253d6630b46273ed82e');
INSERT INTO setting VALUES('master-key-id',X'32356339666634326364306334626232');
INSERT INTO setting VALUES('transient-key',X'0106de009eb4a990e2e1a811536f166efba8e4530a54ca818ea5527b924cdbce83dc4132a5fdda59a1edb6b23b1b19a2869e8c760f13aafbe442609f5a');
CREATE TABLE tls_identity (
    name TEXT PRIMARY KEY, certificate BLOB NOT NULL, sealed_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tls_identity VALUES('authority',X'3082017f30820124a003020102021500f8e6ba0b64d1803208625102f9ffb19cba15fe87300a06082a8648ce3d040302301b3119301706035504030c106b6d7364204341206638653662613062301e170d3236313132363233303632375a170d3336313132363030303632375a301b3119301706035504030c106b6d73642043412066386536626130623059301306072a8648ce3d020106082a8648ce3d03010703420004abd0eeca28b262b0cb13ac0227b33b4be38e63bfbb5a880f430efce8c29ee4151e9d274cc6a194cda63559ac16d13e52d99abf81d970f0534fc33f81f8c3435aa345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e0416041453d3e68562cc72fec0efadc13c81934a30806820300a06082a8648ce3d0403020349003046022100d2eb1f40cde3c8e5309c73359b9c9c6788149addd49933b4115659ace00219420221008e81aba86d00057186998795f5c1975083628c6a53d161ffeff6813ade616c72',X'0157d02bbdc4859e124bba01211dfda20d0ff13685c4af7d2a1251ddee217c9d0ffd497d7f20e128a127bbe12c9c23e3b1331e53b2e9dd4315fac937c42aec7faba8dbef8e9851456dee75927325984e3cb75456e2bea1b556fb5ee8382e762c690209a992ddf5eb4eaccd6038aa96d107b7828b64177e3d697bd08f5d3afa31e3758574c767178e3af70ac2b61611da35cfb5dfb5b86f0e7871404cd210e15cd987eaf4a2f408');
INSERT INTO tls_identity VALUES('server',X'308201ba30820160a0030201020215009045c8b80a60db158f3e0e4b7ea72ca057487c5c300a06082a8648ce3d040302301b3119301706035504030c106b6d7364204341206638653662613062301e170d3236313132363233303632375a170d3238313132363030303632375a300f310d300b06035504030c046b6d73643059301306072a8648ce3d020106082a8648ce3d030107034200044211a2f71df4e37d78cf3c7e47efd4e4f39c0cf615c46c30af0d6acf90fe92a95541156de93eac297fbf43ed28166e40d9b2cc6a20fa74fe340ae90137944564a3818c308189300c0603551d130101ff04023000300e0603551d0f0101ff04040302078030130603551d25040c300a06082b0601050507030130140603551d11040d300b82096c6f63616c686f7374301d0603551d0e04160414a582e14457bf819f889bee0a0bdd79160f0ee6da301f0603551d2304183016801453d3e68562cc72fec0efadc13c81934a30806820300a06082a8648ce3d040302034800304502203065e80f2aab21de518262cf1310c35e1a93ac4828d319ef233cb658f66c75da022100b15b32990069c3d3cc1a34af102f23c0bf7fc4110eabe25b554eb48c05e8acb3',X'011e835b5805f5586603281d88ba0f503bdc8e175bef210fb347936be6da9d678ffdf8be5016f44393a4f65531bea04a745e2aa2c3a46ea4b4b59afcd77056a3f600ad462d553b2c076408f12a9a04762e34a872c92d403a4c533acc486eed296d94fd9b078ae2e79c9532601134fc39dfab0011b28af8d8ab339d4f357429ad6cb9cbc18d4e2a64f7c0233205963bfe89556e80c677abd0f1bfa21f92ed5449ee9dfcee38ac38');
CREATE TABLE account (acct_id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
INSERT INTO account VALUES('369ad69b-77a5-4f7f-9b45-9ea317f896b9','default',1795737987);
CREATE TABLE user (
    user_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL, created_at INTEGER NOT NULL
) STRICT;
INSERT INTO user VALUES('8d325843-ce58-465d-aea5-8c8e94cb77b6','369ad69b-77a5-4f7f-9b45-9ea317f896b9','admin@localhost','$scrypt$ln=15,r=8,p=1$8WGOkrgoGS/B9yqV9vpb4Q==$FjR3CUQ3haNMT/aQn2F6CnK/sZGMmRpfhb/ClqeHjQo=',1795737987);
CREATE TABLE IF NOT EXISTS "group" (
    group_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL,
    description TEXT, created_at INTEGER NOT NULL, creator TEXT NOT NULL, approval_policy TEXT, UNIQUE (acct_id, name)
) STRICT;
INSERT INTO "group" VALUES('25f6d266-b2f3-490e-8761-de625b365bd8','369ad69b-77a5-4f7f-9b45-9ea317f896b9','web',NULL,1795738236,'8d325843-ce58-465d-aea5-8c8e94cb77b6',NULL);
CREATE TABLE app (
    app_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL, description TEXT,
    app_type TEXT, interface TEXT, enabled INTEGER NOT NULL, default_group TEXT REFERENCES "group",
    created_at INTEGER NOT NULL, secret_hash BLOB NOT NULL, sealed_secret BLOB NOT NULL, UNIQUE (acct_id, name)
) STRICT;
INSERT INTO app VALUES('d56ea6ed-7af1-4b2e-b143-033d29b73116','369ad69b-77a5-4f7f-9b45-9ea317f896b9','web',NULL,NULL,NULL,1,'25f6d266-b2f3-490e-8761-de625b365bd8',1795738236,X'1a51cba451c3916a5ca5ff303dc7a1927583de51da6741d116fd206392db52f8',X'01763c33d92ded31523303fbc84c1dd927c457de8cc7ce175bda4755ad8ee6e70320d8cb8c93fc46023713f7210028b0c74d861e24105d3ab5c21973050667c31132bd62c2b6ab9c9d4effe3496ba37f1971790d060c255de96c79a169ad5d8b1d803360d4d58db6975b9958b90cf406da6cac');
CREATE TABLE app_group (
    app_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE, group_id TEXT NOT NULL REFERENCES "group",
    permissions TEXT, PRIMARY KEY (app_id, group_id)
) STRICT, WITHOUT ROWID;
INSERT INTO app_group VALUES('d56ea6ed-7af1-4b2e-b143-033d29b73116','25f6d266-b2f3-490e-8761-de625b365bd8',NULL);
CREATE TABLE sobject (
    kid TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, group_id TEXT NOT NULL REFERENCES "group",
    name TEXT NOT NULL, obj_type TEXT NOT NULL, attributes TEXT NOT NULL, sealed_value BLOB,
    UNIQUE (acct_id, name)
) STRICT;
INSERT INTO sobject VALUES('0f6e472f-4cd4-41c7-a212-947a0d5afc20','369ad69b-77a5-4f7f-9b45-9ea317f896b9','25f6d266-b2f3-490e-8761-de625b365bd8','p256','EC','{"creator":{"app":"d56ea6ed-7af1-4b2e-b143-033d29b73116"},"obj_type":"EC","created_at":"20261127T001036Z","never_exportable":true,"activation_date":"20261127T001036Z","origin":"FortanixHSM","key_size":256,"pub_key":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtqzUtJrlNY3pGI6Ik6+QWndp7i3tCXESk\/20ocx87i4xdLzM3pixLQl5tvwh8tUcLFQPpnQ\/2vWgzPwNIxMH5A==","state":"Active","name":"p256","public_only":false,"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","key_ops":["SIGN","VERIFY","APPMANAGEABLE","AGREEKEY"],"kid":"0f6e472f-4cd4-41c7-a212-947a0d5afc20","group_id":"25f6d266-b2f3-490e-8761-de625b365bd8","elliptic_curve":"NistP256","enabled":true}',X'012d37947da5905761a225ab33ac3d2acf631b7a0cbe47d706a51b7dc3ca1a8d1c1cc66585020dea2f16bb2802b205878319c7500a2cb6f75f09e7c5d737d6a85a9671631fc8943caf69f0b4e7d7b228984969e12db82db8ad373877374cba2f02dbac55b71b64b075a61095bd1f45ec95af66726ee3f6051d3d74a16e000323bb00781862040371f2822f5473a284b191f8451ce8f3');
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, action_type TEXT NOT NULL,
    actor_id TEXT, object_id TEXT, record TEXT NOT NULL, chain BLOB NOT NULL
) STRICT;
INSERT INTO audit VALUES(1,1795737987,'ADMINISTRATIVE','8d325843-ce58-465d-aea5-8c8e94cb77b6','369ad69b-77a5-4f7f-9b45-9ea317f896b9','{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"ADMINISTRATIVE","actor_id":"8d325843-ce58-465d-aea5-8c8e94cb77b6","actor_type":"User","client_ip":null,"group_ids":[],"message":"Account \"default\" and administrator \"admin@localhost\" created","object_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","response_time":null,"severity":"INFO","time":"2026-11-27T00:06:27Z"}',X'61a8426afd11f00c96209fa744550a61b9b34016227c408f6db2adf9535a72c2');
INSERT INTO audit VALUES(2,1795738236,'AUTH','8d325843-ce58-465d-aea5-8c8e94cb77b6',NULL,'{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"AUTH","actor_id":"8d325843-ce58-465d-aea5-8c8e94cb77b6","actor_type":"User","client_ip":"127.0.0.1","group_ids":[],"message":"User \"admin@localhost\" logged in","object_id":null,"outcome":"success","response_time":{"nanos":197725466,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'126c095cfba08b92ae2b07c524df53e3a03d1b042541f38924239feb2fcdbec8');
INSERT INTO audit VALUES(3,1795738236,'ADMINISTRATIVE','8d325843-ce58-465d-aea5-8c8e94cb77b6','25f6d266-b2f3-490e-8761-de625b365bd8','{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"ADMINISTRATIVE","actor_id":"8d325843-ce58-465d-aea5-8c8e94cb77b6","actor_type":"User","client_ip":"127.0.0.1","group_ids":["25f6d266-b2f3-490e-8761-de625b365bd8"],"message":"Group \"web\" created","object_id":"25f6d266-b2f3-490e-8761-de625b365bd8","outcome":"success","response_time":{"nanos":968269,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'76157538d590c6bf598bc47e544de08af26175362881133de54bcf65698100b0');
INSERT INTO audit VALUES(4,1795738236,'ADMINISTRATIVE','8d325843-ce58-465d-aea5-8c8e94cb77b6','d56ea6ed-7af1-4b2e-b143-033d29b73116','{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"ADMINISTRATIVE","actor_id":"8d325843-ce58-465d-aea5-8c8e94cb77b6","actor_type":"User","client_ip":"127.0.0.1","group_ids":["25f6d266-b2f3-490e-8761-de625b365bd8"],"message":"App \"web\" created","object_id":"d56ea6ed-7af1-4b2e-b143-033d29b73116","outcome":"success","response_time":{"nanos":1131812,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'279d4a35a8196b8d96973c93db46b87e76a2fb0a5ac999109e02b51221f2cd1e');
INSERT INTO audit VALUES(5,1795738236,'ADMINISTRATIVE','8d325843-ce58-465d-aea5-8c8e94cb77b6','d56ea6ed-7af1-4b2e-b143-033d29b73116','{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"ADMINISTRATIVE","actor_id":"8d325843-ce58-465d-aea5-8c8e94cb77b6","actor_type":"User","client_ip":"127.0.0.1","group_ids":["25f6d266-b2f3-490e-8761-de625b365bd8"],"message":"API key of app \"web\" read","object_id":"d56ea6ed-7af1-4b2e-b143-033d29b73116","outcome":"success","response_time":{"nanos":647302,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'226833b42baa7368a7440164aa93371388a83e80cf3438021b56a32e19b80072');
INSERT INTO audit VALUES(6,1795738236,'CRYPTOOPERATION','d56ea6ed-7af1-4b2e-b143-033d29b73116','0f6e472f-4cd4-41c7-a212-947a0d5afc20','{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"CRYPTOOPERATION","actor_id":"d56ea6ed-7af1-4b2e-b143-033d29b73116","actor_type":"App","client_ip":"127.0.0.1","group_ids":["25f6d266-b2f3-490e-8761-de625b365bd8"],"message":"App \"web\" generated \"p256\" (EC)","object_id":"0f6e472f-4cd4-41c7-a212-947a0d5afc20","outcome":"success","response_time":{"nanos":1933564,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'a255bd1ce6c13be8bef031827a9bff359ad83bada398a7ace54c6617eeea9597');
INSERT INTO audit VALUES(7,1795738236,'CRYPTOOPERATION','d56ea6ed-7af1-4b2e-b143-033d29b73116','0f6e472f-4cd4-41c7-a212-947a0d5afc20','{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"CRYPTOOPERATION","actor_id":"d56ea6ed-7af1-4b2e-b143-033d29b73116","actor_type":"App","client_ip":"127.0.0.1","group_ids":["25f6d266-b2f3-490e-8761-de625b365bd8"],"message":"App \"web\" signed with \"p256\" (ECDSA SHA256)","object_id":"0f6e472f-4cd4-41c7-a212-947a0d5afc20","outcome":"success","response_time":{"nanos":1529463,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'506fcc4a3e66ce21d9ed423b30cba9019a555ce566ec5964cc3f8307257739cc');
INSERT INTO audit VALUES(8,1795738236,'CRYPTOOPERATION','d56ea6ed-7af1-4b2e-b143-033d29b73116',NULL,'{"acct_id":"369ad69b-77a5-4f7f-9b45-9ea317f896b9","action_type":"CRYPTOOPERATION","actor_id":"d56ea6ed-7af1-4b2e-b143-033d29b73116","actor_type":"App","client_ip":"127.0.0.1","group_ids":["25f6d266-b2f3-490e-8761-de625b365bd8"],"message":"App \"web\" generated a transient key (AES)","object_id":null,"outcome":"success","response_time":{"nanos":2738610,"secs":0},"severity":"INFO","time":"2026-11-27T00:10:36Z"}',X'8771d9c0890eef54170f99a958336e32ae8313007b1dd38662d6ef52434f6d69');
CREATE TABLE sobject_metadata (
    kid TEXT NOT NULL REFERENCES sobject ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (kid, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE plugin (
    plugin_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL,
    attributes TEXT NOT NULL, UNIQUE (acct_id, name)
) STRICT;
CREATE TABLE plugin_group (
    plugin_id TEXT NOT NULL REFERENCES plugin ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES "group", PRIMARY KEY (plugin_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE approval_request (
    request_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account,
    requester TEXT NOT NULL, created_at INTEGER NOT NULL, expiry INTEGER NOT NULL,
    status TEXT NOT NULL, attributes TEXT NOT NULL, sealed_body BLOB,
    started_at INTEGER, sealed_result BLOB
) STRICT;
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL, chain BLOB NOT NULL,
    mac BLOB NOT NULL
) STRICT;
INSERT INTO audit_head VALUES(1,8,X'8771d9c0890eef54170f99a958336e32ae8313007b1dd38662d6ef52434f6d69',X'59d20723caf1d6d6cfb9e0ba02cdadc80264eaeaa98c058fde2eaf8cac135a96');
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
CREATE INDEX approval_request_by_expiry ON approval_request (expiry);
COMMIT;
