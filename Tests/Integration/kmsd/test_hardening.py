"""What attacks on kmsd found once."""

import base64

PRIME = (1 << 11213) - 1  # a Mersenne prime, so that nothing small divides the modulus


def der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def test_administrators_of_a_group_do_not_get_at_administrative_apps(server, connect):
    admin = server.admin_session()
    group = admin.expect(201, "POST", "/sys/v1/groups", {"name": "takeover"}).json()["group_id"]
    app = admin.expect(
        201, "POST", "/sys/v1/apps", {"name": "takeover", "role": "admin", "add_groups": [group]}
    ).json()["app_id"]
    member = {"user_email": "takeover@x", "user_password": server.password, "account_role": ["ACCOUNTMEMBER"]}
    member["add_groups"] = {group: ["GROUPADMINISTRATOR"]}
    admin.expect(201, "POST", "/sys/v1/users", member)
    rest = server.user_session("takeover@x", server.password)
    for method, path, body in (
        ("PATCH", "", {"credential": {"secret": "x" * 64}}),
        ("PATCH", "", {"description": "mine"}),
        ("POST", "/reset_secret", {}),
        ("GET", "/credential", None),
        ("DELETE", "", None),
    ):
        rest.expect(403, method, f"/sys/v1/apps/{app}{path}", body)
    admin.expect(204, "DELETE", f"/sys/v1/apps/{app}")
    rest.close()
    admin.close()


def test_a_huge_rsa_key_is_refused_before_it_is_looked_into(app):
    parts = [0, PRIME * PRIME, 65537, 65537, PRIME, PRIME, 65537, 65537, 65537]
    value = base64.b64encode(der(0x30, b"".join(integer(part) for part in parts))).decode()
    answer = app.expect(400, "PUT", "/crypto/v1/keys", {"name": "huge", "obj_type": "RSA", "value": value})
    assert "2048 to 4096 bits" in answer.text and "22426" in answer.text, answer.text


def test_names_are_limited_in_code_points(app):
    name = "Z" + "\u0301" * 4096
    body = {"name": name, "obj_type": "SECRET", "value": "AAAA"}
    assert "longer than 4096" in app.expect(400, "PUT", "/crypto/v1/keys", body).text
    body = {"name": "short", "description": name, "obj_type": "SECRET", "value": "AAAA"}
    assert "longer than 4096" in app.expect(400, "PUT", "/crypto/v1/keys", body).text
