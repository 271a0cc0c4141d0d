#!/usr/bin/env python3
"""Bodies of the SK payload under AES-CBC and AES-CTR with HMAC-SHA2 (RFC 7296 section 3.14, RFC 3686, RFC 4868, RFC 5930).

    python3 test/vectors/sk-payload.py > test/vectors/sk-payload.json

Written from the RFCs; encryption is openssl's command, the MAC is Python's hmac.
"""

import hashlib
import hmac
import json
import subprocess


def octets(label, length):
    """Arbitrary octets that anybody can make again."""
    return hashlib.shake_128(label.encode()).digest(length)


def encrypt(algorithm, key, iv, padded):
    command = ["openssl", "enc", f"-{algorithm}", "-e", "-nopad", "-K", key.hex(), "-iv", iv.hex()]
    return subprocess.run(command, input=padded, capture_output=True, check=True).stdout


def case(mode, key_bits, hash_name, plaintext_length):
    label = f"{mode} {key_bits} {hash_name} {plaintext_length}"
    key = octets(f"{label} key", key_bits // 8)
    nonce = octets(f"{label} nonce", 4) if mode == "ctr" else b""
    iv = octets(f"{label} iv", 8 if mode == "ctr" else 16)
    plaintext = octets(f"{label} plaintext", plaintext_length)
    aad = octets(f"{label} aad", 32)
    padding = (-(plaintext_length + 1)) % 16 if mode == "cbc" else 0
    padded = plaintext + bytes(padding) + bytes([padding])
    start = iv if mode == "cbc" else nonce + iv + (1).to_bytes(4, "big")
    ciphertext = encrypt(f"aes-{key_bits}-{mode}", key, start, padded)
    size = hashlib.new(hash_name).digest_size
    mac_key = octets(f"{label} mac key", size)
    icv = hmac.new(mac_key, aad + iv + ciphertext, hash_name).digest()[: size // 2]
    fields = {
        "encryptionKey": key + nonce,
        "integrityKey": mac_key,
        "aad": aad,
        "iv": iv,
        "plaintext": plaintext,
        "body": iv + ciphertext + icv,
    }
    return {"mode": mode, "keyLength": key_bits, "hash": hash_name} | {name: value.hex() for name, value in fields.items()}


def main():
    cases = [
        case("cbc", 128, "sha256", 0),
        case("cbc", 128, "sha256", 15),
        case("cbc", 192, "sha384", 16),
        case("cbc", 256, "sha512", 100),
        case("ctr", 128, "sha256", 0),
        case("ctr", 192, "sha384", 31),
        case("ctr", 256, "sha512", 100),
    ]
    print(json.dumps(cases, indent=2))


if __name__ == "__main__":
    main()
