"""What the mechanisms compute, by another implementation: the `cryptography` package with the OpenSSL that it brings.

Mechanisms, parameters and keys come as the vector files have them. What must be refused raises `Wrong`.
"""

import hmac

import vector_hashes
import vector_keys
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.padding import PKCS7
from vector_calls import Call
from vector_hashes import by


# Of GCM, in bytes.
SHORTEST_IV = 8


class Wrong(Exception):
    """The input is not what the key or the mechanism can take."""


class Unknown(Exception):
    """The reference does not do this."""


def digest(call: Call, data: bytes) -> bytes:
    hash_ = hashes.Hash(by("digest", call.name).algorithm)
    hash_.update(data)
    return hash_.finalize()


# MACs


def mac(call: Call, key: dict, data: bytes) -> bytes:
    base = call.name.removesuffix("_GENERAL")
    if hash_ := by("hmac", base):
        code = HMAC(key["value"], hash_.algorithm)
    else:
        code = CMAC(_block_cipher(base, key["value"]))
    code.update(data)
    whole = code.finalize()
    return whole[: call.parameter.get("mac_length", len(whole))]


# Secret keys


def _block_cipher(name: str, key: bytes):
    if name.startswith("CKM_AES"):
        return algorithms.AES(key)
    return TripleDES(key + key[:8] if len(key) == 16 else key)


def _cipher(call: Call, key: bytes) -> Cipher:
    algorithm, parameter = _block_cipher(call.name, key), call.parameter
    if "_CTR" in call.name:
        return Cipher(algorithm, modes.CTR(parameter["counter"]))
    if "_CBC" in call.name:
        return Cipher(algorithm, modes.CBC(parameter["iv"]))
    return Cipher(algorithm, modes.ECB())


def encrypt(call: Call, key: dict, data: bytes) -> bytes:
    if key["type"] == "RSA":
        return _encrypt_rsa(call, key, data)
    value = key["value"]
    try:
        if call.name == "CKM_AES_GCM":
            if len(call.parameter["iv"]) < SHORTEST_IV:
                raise Unknown("GCM with so short an IV")
            tag = call.parameter["tag_bits"] // 8
            encryptor = Cipher(algorithms.AES(value), modes.GCM(call.parameter["iv"])).encryptor()
            encryptor.authenticate_additional_data(call.parameter["aad"])
            return encryptor.update(data) + encryptor.finalize() + encryptor.tag[:tag]
        if call.name == "CKM_AES_KEY_WRAP":
            return keywrap.aes_key_wrap(value, data)
        if call.name == "CKM_AES_KEY_WRAP_KWP":
            return keywrap.aes_key_wrap_with_padding(value, data)
        if call.name.endswith("_PAD"):
            padder = PKCS7(_block_cipher(call.name, value).block_size).padder()
            data = padder.update(data) + padder.finalize()
        encryptor = _cipher(call, value).encryptor()
        return encryptor.update(data) + encryptor.finalize()
    except ValueError as error:
        raise Wrong(str(error)) from None


def decrypt(call: Call, key: dict, data: bytes) -> bytes:
    if key["type"] == "RSA":
        return _decrypt_rsa(call, key, data)
    value = key["value"]
    try:
        if call.name == "CKM_AES_GCM":
            if len(call.parameter["iv"]) < SHORTEST_IV:
                raise Unknown("GCM with so short an IV")
            tag = call.parameter["tag_bits"] // 8
            ciphertext, tag = data[: max(0, len(data) - tag)], data[max(0, len(data) - tag) :]
            mode = modes.GCM(call.parameter["iv"], tag, min_tag_length=call.parameter["tag_bits"] // 8)
            decryptor = Cipher(algorithms.AES(value), mode).decryptor()
            decryptor.authenticate_additional_data(call.parameter["aad"])
            return decryptor.update(ciphertext) + decryptor.finalize()
        if call.name == "CKM_AES_KEY_WRAP":
            return keywrap.aes_key_unwrap(value, data)
        if call.name == "CKM_AES_KEY_WRAP_KWP":
            return keywrap.aes_key_unwrap_with_padding(value, data)
        decryptor = _cipher(call, value).decryptor()
        plain = decryptor.update(data) + decryptor.finalize()
        if call.name.endswith("_PAD"):
            unpadder = PKCS7(_block_cipher(call.name, value).block_size).unpadder()
            plain = unpadder.update(plain) + unpadder.finalize()
        return plain
    except (ValueError, InvalidTag, keywrap.InvalidUnwrap) as error:
        raise Wrong(str(error)) from None


# RSA


def _size(key: dict) -> int:
    """Of the modulus, in bytes."""
    return len(key["n"].lstrip(b"\0"))


def raw(key: dict, exponent: str, block: bytes) -> bytes:
    """The bare operation with the exponent `e` or `d`."""
    number, modulus = int.from_bytes(block), int.from_bytes(key["n"])
    if number >= modulus:
        raise Wrong("not below the modulus")
    if exponent == "e":
        return pow(number, int.from_bytes(key["e"]), modulus).to_bytes(_size(key))
    # By the remainder theorem, because that is four times as fast (RFC 8017 section 5.1.2).
    p, q, dp, dq, qi = (int.from_bytes(key[name]) for name in ("p", "q", "dp", "dq", "qi"))
    first, second = pow(number, dp, p), pow(number, dq, q)
    return (second + (first - second) * qi % p * q).to_bytes(_size(key))


def _oaep(parameter: dict):
    mgf, hash_ = by("mgf", parameter["mgf"]), by("digest", parameter["hash"])
    return padding.OAEP(padding.MGF1(mgf.algorithm), hash_.algorithm, parameter["label"] or None)


def _pss(parameter: dict):
    return padding.PSS(padding.MGF1(by("mgf", parameter["mgf"]).algorithm), parameter["salt_length"])


def _encrypt_rsa(call: Call, key: dict, data: bytes) -> bytes:
    if call.name == "CKM_RSA_X_509":
        return raw(key, "e", data)
    method = padding.PKCS1v15() if call.name == "CKM_RSA_PKCS" else _oaep(call.parameter)
    try:
        return vector_keys.public_object(key).encrypt(data, method)
    except UnsupportedAlgorithm as error:
        raise Unknown(str(error)) from None
    except ValueError as error:
        raise Wrong(str(error)) from None


def _decrypt_rsa(call: Call, key: dict, data: bytes) -> bytes:
    if len(data) != _size(key):
        raise Wrong("not as long as the modulus")
    if call.name == "CKM_RSA_X_509":
        return raw(key, "d", data)
    if call.name == "CKM_RSA_PKCS":
        # Unlike OpenSSL's, which answers a wrong padding with a random plaintext.
        block = raw(key, "d", data)
        end = block.find(b"\0", 2)
        if block[:2] != b"\0\2" or end < 10:
            raise Wrong("padding")
        return block[end + 1 :]
    try:
        return vector_keys.private_object(key).decrypt(data, _oaep(call.parameter))
    except UnsupportedAlgorithm as error:
        raise Unknown(str(error)) from None
    except ValueError as error:
        raise Wrong(str(error)) from None


def _pkcs1_block(key: dict, data: bytes) -> bytes:
    if len(data) > _size(key) - 11:
        raise Wrong("too long")
    return b"\0\1" + b"\xff" * (_size(key) - 3 - len(data)) + b"\0" + data


# Signatures


def sign(call: Call, key: dict, data: bytes) -> bytes:
    if key["type"] not in vector_keys.PAIRS:
        return mac(call, key, data)
    if call.name == "CKM_EDDSA":
        return vector_keys.private_object(key).sign(data)
    if key["type"] == "EC":
        private = vector_keys.private_object(key)
        width = (private.key_size + 7) // 8
        r, s = utils.decode_dss_signature(private.sign(*_ecdsa(call, private.key_size, data)))
        return r.to_bytes(width) + s.to_bytes(width)
    if call.name == "CKM_RSA_X_509":
        return raw(key, "d", data)
    if call.name == "CKM_RSA_PKCS":
        return raw(key, "d", _pkcs1_block(key, data))
    return vector_keys.private_object(key).sign(*_rsa(call, data))


def verify(call: Call, key: dict, data: bytes, signature: bytes):
    """Raises `Wrong` when the signature is none."""
    try:
        _verify(call, key, data, signature)
    except (InvalidSignature, ValueError) as error:
        raise Wrong(str(error)) from None


def _verify(call: Call, key: dict, data: bytes, signature: bytes):
    if key["type"] not in vector_keys.PAIRS:
        if not hmac.compare_digest(mac(call, key, data), signature):
            raise Wrong("MAC")
        return
    public = vector_keys.public_object(key)
    if call.name == "CKM_EDDSA":
        public.verify(signature, data)
    elif key["type"] == "EC":
        # A signature that is verified may be shorter (mechanisms specification 2.3.1).
        width = len(signature) // 2
        if len(signature) % 2 or not 1 <= width <= (public.key_size + 7) // 8:
            raise Wrong("length")
        r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
        public.verify(utils.encode_dss_signature(r, s), *_ecdsa(call, public.key_size, data))
    elif call.name in ("CKM_RSA_X_509", "CKM_RSA_PKCS"):
        block = data.rjust(_size(key), b"\0") if call.name == "CKM_RSA_X_509" else _pkcs1_block(key, data)
        if len(signature) != _size(key) or raw(key, "e", signature) != block:
            raise Wrong("signature")
    else:
        public.verify(signature, *_rsa(call, data))


def _rsa(call: Call, data: bytes):
    if call.name.endswith("_PSS"):
        hash_ = by("digest", call.parameter["hash"])
        is_digest = call.name == "CKM_RSA_PKCS_PSS"
        return data, _pss(call.parameter), utils.Prehashed(hash_.algorithm) if is_digest else hash_.algorithm
    return data, padding.PKCS1v15(), by("rsa", call.name).algorithm


def _ecdsa(call: Call, bits: int, data: bytes):
    if hash_ := by("ecdsa", call.name):
        return data, ec.ECDSA(hash_.algorithm)
    # A bare block counts as a number: its leading bits, as many as the order has (FIPS 186-5 section 6.4.1).
    if len(data) * 8 > bits and bits % 8 == 0:
        data = data[: bits // 8]
    fitting = (hash_ for hash_ in vector_hashes.HASHES if len(data) <= hash_.size and hash_.size * 8 <= bits)
    exact = (hash_ for hash_ in vector_hashes.HASHES if len(data) == hash_.size)
    hash_ = next(exact, None) or next(fitting)
    return data.rjust(hash_.size, b"\0"), ec.ECDSA(utils.Prehashed(hash_.algorithm))


# Derivation


def derive(call: Call, key: dict, length: int) -> bytes:
    """The value of a key of `length` bytes."""
    parameter = call.parameter
    if call.name.startswith("CKM_ECDH1"):
        return _agree(key, parameter, length)
    if call.name == "CKM_HKDF_DERIVE":
        return _hkdf(key["value"], parameter, length)
    cipher = Cipher(algorithms.AES(key["value"]), modes.CBC(parameter["iv"]) if "iv" in parameter else modes.ECB())
    encryptor = cipher.encryptor()
    try:
        return (encryptor.update(parameter["data"]) + encryptor.finalize())[:length]
    except ValueError as error:
        raise Wrong(str(error)) from None


def _agree(key: dict, parameter: dict, length: int) -> bytes:
    private, point = vector_keys.private_object(key), parameter["public_data"]
    try:
        if key["type"] == "EC":
            # The standard takes the point bare or as DER OCTET STRING.
            is_bare = len(point) == 1 + 2 * len(key["private"])
            peer = ec.EllipticCurvePublicKey.from_encoded_point(
                vector_keys.CURVES[key["curve"]], point if is_bare else vector_keys.content(point)
            )
            secret = private.exchange(ec.ECDH(), peer)
        else:
            secret = private.exchange(vector_keys.RAW_PUBLIC[key["curve"]].from_public_bytes(point))
    except ValueError as error:
        raise Wrong(str(error)) from None
    if parameter["kdf"] == "CKD_NULL":
        # «The truncation removes bytes from the leading end of the secret value.»
        return secret[len(secret) - length :]
    hash_ = by("kdf", parameter["kdf"]).algorithm
    return X963KDF(hash_, length, parameter["shared_data"]).derive(secret)


def _hkdf(secret: bytes, parameter: dict, length: int) -> bytes:
    hash_, salt, info = by("digest", parameter["hash"]).algorithm, parameter["salt"], parameter["info"]
    if parameter["extract"] and parameter["expand"]:
        return HKDF(hash_, length, salt, info).derive(secret)
    if parameter["extract"]:
        return HKDF.extract(hash_, salt, secret)[:length]
    return HKDFExpand(hash_, length, info).derive(secret)


def private_key_info(encoded: bytes):
    """The key of a PKCS #8 PrivateKeyInfo."""
    return serialization.load_der_private_key(encoded, password=None)
