/** X25519 and X448 (RFC 7748) in IKEv2 (RFC 8031). Public value and shared secret are u-coordinates, little endian, at fixed length. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { KeyExchangeMethod } from "../../wire/iana/index.ts";
import { concat, fromHex } from "../../wire/octets.ts";
import type { Entropy } from "../entropy.ts";
import { isAllZero, plainOctets, wipe } from "../octets.ts";
import { InvalidKeyExchange, requireLength, symmetricMethod, type KeyExchange } from "./method.ts";

interface Curve {
  readonly method: number;
  /** Octets of a private key, a public value and a shared secret alike. */
  readonly length: number;
  /** DER (RFC 8410) up to the raw key: node:crypto takes keys in no rawer form. */
  readonly privateKeyPrefix: Uint8Array;
  readonly publicKeyPrefix: Uint8Array;
}

const X25519: Curve = {
  method: KeyExchangeMethod.CURVE25519,
  length: 32,
  privateKeyPrefix: fromHex("302e020100300506032b656e04220420"),
  publicKeyPrefix: fromHex("302a300506032b656e032100"),
};

const X448: Curve = {
  method: KeyExchangeMethod.CURVE448,
  length: 56,
  privateKeyPrefix: fromHex("3046020100300506032b656f043a0438"),
  publicKeyPrefix: fromHex("3042300506032b656f033900"),
};

export const MONTGOMERY_METHODS = [X25519, X448].map((curve) =>
  symmetricMethod(curve.method, curve.length, (entropy) => start(curve, entropy)),
);

function start(curve: Curve, entropy: Entropy): KeyExchange {
  // Clamping (RFC 7748 §5) is part of the function and done inside it.
  const scalar = entropy.bytes(curve.length);
  const encoded = concat(curve.privateKeyPrefix, scalar);
  let privateKey: KeyObject | undefined = createPrivateKey({ key: Buffer.from(encoded.buffer), format: "der", type: "pkcs8" });
  wipe(scalar, encoded);
  return {
    method: curve.method,
    publicValue: publicValueOf(curve, privateKey),
    sharedSecret(peerPublic) {
      if (privateKey === undefined) throw new TypeError("this key exchange is destroyed");
      return sharedSecret(curve, privateKey, peerPublic);
    },
    destroy() {
      // OpenSSL cleanses the key when its last reference is collected; there is no way to do it at once.
      privateKey = undefined;
    },
  };
}

function publicValueOf(curve: Curve, privateKey: KeyObject): Uint8Array {
  const encoded = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return plainOctets(encoded).slice(curve.publicKeyPrefix.length);
}

function sharedSecret(curve: Curve, privateKey: KeyObject, peerPublic: Uint8Array): Uint8Array {
  requireLength(peerPublic, curve.length);
  const encoded = concat(curve.publicKeyPrefix, peerPublic);
  const publicKey = createPublicKey({ key: Buffer.from(encoded.buffer), format: "der", type: "spki" });
  let secret: Uint8Array;
  try {
    secret = plainOctets(diffieHellman({ privateKey, publicKey }));
  } catch {
    // OpenSSL refuses to derive from a point of small order; there is no other failure once lengths fit.
    throw smallOrder();
  }
  // RFC 8031 §5 asks for this check; made here too, so that nothing rests on which library sits below.
  if (isAllZero(secret)) throw smallOrder();
  return secret;
}

const smallOrder = (): InvalidKeyExchange => new InvalidKeyExchange("it is a point of small order");
