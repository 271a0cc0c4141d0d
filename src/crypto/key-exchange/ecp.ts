/** ECDH over the NIST curves (RFC 5903): public value x | y without a leading octet, shared secret the x coordinate alone. */
import { createECDH, ECDH } from "node:crypto";
import { KeyExchangeMethod } from "../../wire/iana/index.ts";
import { concat } from "../../wire/octets.ts";
import type { Entropy } from "../entropy.ts";
import { leftPad, plainOctets, wipe } from "../octets.ts";
import { InvalidKeyExchange, requireLength, symmetricMethod, type KeyExchange } from "./method.ts";

interface Curve {
  readonly method: number;
  /** OpenSSL's name. */
  readonly name: string;
  /** Octets of a coordinate and of a private key. */
  readonly length: number;
  /** What a private key may have in its first octet: the order of P-521 begins with one odd bit. */
  readonly topOctetMask: number;
}

const CURVES: readonly Curve[] = [
  { method: KeyExchangeMethod.ECP_256, name: "prime256v1", length: 32, topOctetMask: 0xff },
  { method: KeyExchangeMethod.ECP_384, name: "secp384r1", length: 48, topOctetMask: 0xff },
  { method: KeyExchangeMethod.ECP_521, name: "secp521r1", length: 66, topOctetMask: 0x01 },
];

export const ECP_METHODS = CURVES.map((curve) =>
  symmetricMethod(
    curve.method,
    2 * curve.length,
    (entropy) => start(curve, entropy),
    (point) => requireOnCurve(curve, point),
  ),
);

/** SEC 1 §2.3.3: the octet before an uncompressed point. Not on the wire in IKEv2. */
const UNCOMPRESSED = Uint8Array.of(0x04);

function start(curve: Curve, entropy: Entropy): KeyExchange {
  let ecdh: ECDH | undefined = drawPrivateKey(curve, entropy);
  return {
    method: curve.method,
    publicValue: plainOctets(ecdh.getPublicKey(null, "uncompressed")).slice(UNCOMPRESSED.length),
    sharedSecret(peerPublic) {
      if (ecdh === undefined) throw new TypeError("this key exchange is destroyed");
      requireLength(peerPublic, 2 * curve.length);
      return leftPad(multiply(ecdh, peerPublic), curve.length);
    },
    destroy() {
      // OpenSSL cleanses the key when its last reference is collected; there is no way to do it at once.
      ecdh = undefined;
    },
  };
}

/** A draw that is zero or not below the group order is repeated, which keeps the rest uniform (FIPS 186-5 §A.2.2). */
function drawPrivateKey(curve: Curve, entropy: Entropy): ECDH {
  for (;;) {
    const candidate = entropy.bytes(curve.length);
    candidate[0] = (candidate[0] ?? 0) & curve.topOctetMask;
    const ecdh = createECDH(curve.name);
    try {
      ecdh.setPrivateKey(candidate);
      return ecdh;
    } catch (error) {
      if (!hasCode(error, "ERR_CRYPTO_INVALID_KEYTYPE")) throw error;
    } finally {
      wipe(candidate);
    }
  }
}

/** OpenSSL checks that the point is on the curve and not at infinity, which RFC 6989 §2.3 demands. */
function multiply(ecdh: ECDH, peerPublic: Uint8Array): Uint8Array {
  try {
    return plainOctets(ecdh.computeSecret(concat(UNCOMPRESSED, peerPublic)));
  } catch {
    throw notOnCurve();
  }
}

/** As {@link multiply} checks, without a private key. */
function requireOnCurve(curve: Curve, point: Uint8Array): void {
  try {
    ECDH.convertKey(concat(UNCOMPRESSED, point), curve.name);
  } catch {
    throw notOnCurve();
  }
}

const notOnCurve = (): InvalidKeyExchange => new InvalidKeyExchange("it is not a point on the curve");

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && "code" in error && error.code === code;
