#!/usr/bin/env python3
"""RSA signatures (RFC 8017 sections 8.1 and 8.2), written from the RFC with hashlib and integers alone.

    python3 test/vectors/signatures.py > test/vectors/signatures.json

The primes are the first above numbers that anybody can make again, so that nothing here is a secret. AlgorithmIdentifiers are put together
from RFC 4055; the one of RSASSA-PSS has trailerField written out, as RFC 7427 appendix A prints it.
"""

import hashlib
import json

HASHES = {"sha256": (1, 0x0B), "sha384": (2, 0x0C), "sha512": (3, 0x0D)}
MESSAGE = b"signed octets of IKEv2"


def der(tag, *content):
    octets = b"".join(content)
    length = len(octets)
    if length < 0x80:
        return bytes([tag, length]) + octets
    width = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | width]) + length.to_bytes(width, "big") + octets


def integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def sequence(*content):
    return der(0x30, *content)


NULL = der(0x05)
RSA = bytes.fromhex("2a864886f70d0101")


def oid(octets):
    return der(0x06, octets)


def sha2_identifier(name):
    return sequence(oid(bytes.fromhex("6086480165030402") + bytes([HASHES[name][0]])), NULL)


def is_prime(n, rounds=40):
    d, r = n - 1, 0
    while d % 2 == 0:
        d, r = d // 2, r + 1
    for number in range(rounds):
        a = 2 + int.from_bytes(hashlib.sha256(f"witness {number}".encode()).digest(), "big")
        x = pow(a, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(r - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def prime(label, bits):
    candidate = int.from_bytes(hashlib.shake_256(label.encode()).digest(bits // 8), "big") | (3 << (bits - 2)) | 1
    while not (candidate % 65537 != 1 and pow(2, candidate - 1, candidate) == 1 and is_prime(candidate)):
        candidate += 2
    return candidate


def key_pair(bits):
    p, q, e = prime("hawser p", bits // 2), prime("hawser q", bits // 2), 65537
    return p, q, e, pow(e, -1, (p - 1) * (q - 1))


def pkcs8(p, q, e, d):
    private = sequence(
        *map(integer, (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))),
    )
    return sequence(integer(0), sequence(oid(RSA + b"\x01"), NULL), der(0x04, private))


def spki(n, e):
    return sequence(sequence(oid(RSA + b"\x01"), NULL), der(0x03, b"\x00", sequence(integer(n), integer(e))))


def emsa_pkcs1(name, message, length):
    info = sequence(sha2_identifier(name), der(0x04, hashlib.new(name, message).digest()))
    return b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info


def mgf1(name, seed, length):
    mask, counter = b"", 0
    while len(mask) < length:
        mask += hashlib.new(name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return mask[:length]


def emsa_pss(name, message, length, salt):
    """For a modulus of 8 * length bits exactly: emBits is one less."""
    digest = hashlib.new(name, b"\x00" * 8 + hashlib.new(name, message).digest() + salt).digest()
    data = b"\x00" * (length - len(salt) - len(digest) - 2) + b"\x01" + salt
    masked = bytes(a ^ b for a, b in zip(data, mgf1(name, digest, len(data))))
    return bytes([masked[0] & 0x7F]) + masked[1:] + digest + b"\xbc"


def pss_identifier(name, salt_length):
    return sequence(
        oid(RSA + b"\x0a"),
        sequence(
            der(0xA0, sha2_identifier(name)),
            der(0xA1, sequence(oid(RSA + b"\x08"), sha2_identifier(name))),
            der(0xA2, integer(salt_length)),
            der(0xA3, integer(1)),
        ),
    )


def main():
    bits = 2048
    p, q, e, d = key_pair(bits)
    n, length = p * q, bits // 8
    assert n.bit_length() == bits
    common = {"pkcs8": pkcs8(p, q, e, d).hex(), "spki": spki(n, e).hex(), "message": MESSAGE.hex()}

    def signature(encoded):
        return pow(int.from_bytes(encoded, "big"), d, n).to_bytes(length, "big").hex()

    vectors = []
    for name, (_, with_rsa) in HASHES.items():
        salt = hashlib.new(name, b"salt").digest()
        vectors.append(
            {
                "name": f"RSASSA-PKCS1-v1_5 with SHA2-{name[3:]}",
                **common,
                "identifier": sequence(oid(RSA + bytes([with_rsa])), NULL).hex(),
                "signature": signature(emsa_pkcs1(name, MESSAGE, length)),
            }
        )
        vectors.append(
            {
                "name": f"RSASSA-PSS with SHA2-{name[3:]}",
                **common,
                "identifier": pss_identifier(name, len(salt)).hex(),
                "signature": signature(emsa_pss(name, MESSAGE, length, salt)),
            }
        )
    print(json.dumps(vectors, indent=2))


if __name__ == "__main__":
    main()
