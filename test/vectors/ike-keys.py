#!/usr/bin/env python3
"""Key derivation of IKEv2 (RFC 7296 sections 2.13, 2.14, 2.15, 2.17, 2.18), written from the RFC with hmac and hashlib alone.

    python3 test/vectors/ike-keys.py > test/vectors/ike-keys.json

Every derivation is first run with the hash of NIST's vector below, and nothing is printed unless it reproduces that.
"""

import hashlib
import hmac
import json


def prf(name, key, data):
    return hmac.new(key, data, name).digest()


def prf_plus(name, key, seed, length):
    stream = block = b""
    count = 1
    while len(stream) < length:
        block = prf(name, key, block + seed + bytes([count]))
        stream += block
        count += 1
    return stream[:length]


def skeyseed(name, ni, nr, gir):
    return prf(name, ni + nr, gir)


def skeyseed_rekey(name, sk_d, gir_new, ni, nr):
    return prf(name, sk_d, gir_new + ni + nr)


def ike_keymat(name, seed, ni, nr, spii, spir, length):
    return prf_plus(name, seed, ni + nr + spii + spir, length)


def child_keymat(name, sk_d, ni, nr, length, gir_new=b""):
    return prf_plus(name, sk_d, gir_new + ni + nr, length)


def psk_auth(name, psk, octets):
    return prf(name, prf(name, psk, b"Key Pad for IKEv2"), octets)


# NIST CAVS, SP 800-135 IKEv2 KDF, HMAC-SHA1, as quoted in libreswan's testing/cavp/cavp_ikev2.c.
NIST = {
    "hash": "sha1",
    "gir": "4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52",
    "girNew": "863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330",
    "nonceI": "32b50d5f4a3763f3",
    "nonceR": "9206a04b26564cb1",
    "spiI": "34c9e7c188868785",
    "spiR": "3ff77d760d2b2199",
    "length": 132,
    "skeyseed": "a9a7b222b59f8f48645f28a1db5b5f5d7479cba7",
    "ikeKeymat": "a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062768b76606f9fa5e9"
    "92204fc5a670bde3f10d6b027113936a5c55b648a194ae587b0088d52204b702c979fa280870d2ed41efa9c549fd11198af1670b143d38"
    "4bd275c5f594cf266b05ebadca855e4249520a441a81157435a7a56cc4",
    "childKeymat": "8059e3ee8810e6c3a91bc8bcd2a7a41151b8d0e6ae239c7b38093ad85ef4c5811a8e7b5d1cdabd9560b2d5e092d1f24e"
    "2d4b85eccdf0ad0dc9abd94b51ee71814ca6dbc8bb51b6309f5b9545c7eb35cf5580b1e521a8fe20754a2d883ba0c2cf285f524aea6545"
    "b33106bc03e614296d319d41d4b50b3f510b1c0a22f3e664994d234cb4",
    "childKeymatPfs": "bb43244c1860ad65ee1e211ffe8bb3661750c8f89cb9f547df7f4fa61d37301628190e38c66232eab4b3ab14c400a519"
    "7dd3730ed4820a8a10394d51e1c0400052f63ebd36b0e7ef53aaed31eba4a5080d7d4b5666023a8bbb5ffb7857240f9a05884d1b7d2f93"
    "3708450b7b3288f1fc863ab49fa901227cffc06e27899c7054d56fd74c",
    "skeyseedRekey": "63e81194946ebd05df7df5ebf5d8750056bf1f1d",
}


def derive(case):
    name, length = case["hash"], case["length"]
    gir, gir_new, ni, nr, spii, spir = (
        bytes.fromhex(case[field]) for field in ("gir", "girNew", "nonceI", "nonceR", "spiI", "spiR")
    )
    seed = skeyseed(name, ni, nr, gir)
    keymat = ike_keymat(name, seed, ni, nr, spii, spir, length)
    sk_d = keymat[: hashlib.new(name).digest_size]
    rekeyed = skeyseed_rekey(name, sk_d, gir_new, ni, nr)
    derived = {
        "skeyseed": seed,
        "ikeKeymat": keymat,
        "childKeymat": child_keymat(name, sk_d, ni, nr, length),
        "childKeymatPfs": child_keymat(name, sk_d, ni, nr, length, gir_new),
        "skeyseedRekey": rekeyed,
        "ikeKeymatRekey": ike_keymat(name, rekeyed, ni, nr, spii, spir, length),
        "pskAuth": psk_auth(name, gir, keymat),
    }
    return {field: value.hex() for field, value in derived.items()}


def octets(label, length):
    """Arbitrary octets that anybody can make again."""
    return hashlib.shake_128(label.encode()).hexdigest(length)


def main():
    derived = derive(NIST)
    for field, value in derived.items():
        assert NIST.get(field, value) == value, field
    cases = [{"name": "NIST CAVS SP 800-135", **NIST, **derived}]
    for name, nonces, secret, length in (
        ("sha256", (32, 32), 32, 3 * 32 + 2 * 20),
        ("sha384", (48, 16), 96, 3 * 48 + 2 * 36),
        ("sha512", (256, 64), 256, 3 * 64 + 2 * (64 + 32)),
    ):
        inputs = {
            "hash": name,
            "gir": octets(f"{name} gir", secret),
            "girNew": octets(f"{name} girNew", secret),
            "nonceI": octets(f"{name} nonceI", nonces[0]),
            "nonceR": octets(f"{name} nonceR", nonces[1]),
            "spiI": octets(f"{name} spiI", 8),
            "spiR": octets(f"{name} spiR", 8),
            "length": length,
        }
        cases.append({"name": f"hmac and hashlib, {name}", **inputs, **derive(inputs)})
    print(json.dumps(cases, indent=2))


if __name__ == "__main__":
    main()
