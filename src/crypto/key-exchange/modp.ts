/** Diffie-Hellman over the safe primes of RFC 3526. Public value and shared secret are padded with zeros to the length of the prime. */
import { createDiffieHellman, getDiffieHellman, type DiffieHellman } from "node:crypto";
import { KeyExchangeMethod } from "../../wire/iana/index.ts";
import type { Entropy } from "../entropy.ts";
import { leftPad, plainOctets, wipe } from "../octets.ts";
import { InvalidKeyExchange, requireLength, symmetricMethod, type KeyExchange } from "./method.ts";

interface Group {
  readonly method: number;
  readonly name: string;
  /** Octets of the prime. */
  readonly length: number;
  /** Octets of the private exponent: twice the strength in bits that RFC 3526 §8 estimates at most, rounded up. */
  readonly exponentLength: number;
}

const GROUPS: readonly Group[] = [
  { method: KeyExchangeMethod.MODP_2048, name: "modp14", length: 256, exponentLength: 40 },
  { method: KeyExchangeMethod.MODP_3072, name: "modp15", length: 384, exponentLength: 53 },
  { method: KeyExchangeMethod.MODP_4096, name: "modp16", length: 512, exponentLength: 60 },
  { method: KeyExchangeMethod.MODP_6144, name: "modp17", length: 768, exponentLength: 68 },
  { method: KeyExchangeMethod.MODP_8192, name: "modp18", length: 1024, exponentLength: 78 },
];

export const MODP_METHODS = GROUPS.map((group) =>
  symmetricMethod(
    group.method,
    group.length,
    (entropy) => start(group, entropy),
    (value) => requireInRange(value, primeOf(group)),
  ),
);

const GENERATOR = 2;

const primeOf = ({ name }: Group): Buffer => getDiffieHellman(name).getPrime();

function start(group: Group, entropy: Entropy): KeyExchange {
  // getDiffieHellman's groups refuse a private key from outside; the same prime in a plain context takes one.
  const prime = primeOf(group);
  let exchange: DiffieHellman | undefined = createDiffieHellman(prime, GENERATOR);
  const exponent = entropy.bytes(group.exponentLength);
  // One length for all exponents, so that the time taken cannot tell it.
  exponent[0] = (exponent[0] ?? 0) | 0x80;
  exchange.setPrivateKey(exponent);
  wipe(exponent);
  return {
    method: group.method,
    publicValue: leftPad(plainOctets(exchange.generateKeys()), group.length),
    sharedSecret(peerPublic) {
      if (exchange === undefined) throw new TypeError("this key exchange is destroyed");
      requireLength(peerPublic, group.length);
      requireInRange(peerPublic, prime);
      return leftPad(plainOctets(exchange.computeSecret(peerPublic)), group.length);
    },
    destroy() {
      // OpenSSL cleanses the key when its last reference is collected; there is no way to do it at once.
      exchange = undefined;
    },
  };
}

/** RFC 6989 §2.1: 1 < value < p - 1. In a safe prime's group no other element has a small order. Both have the same length. */
function requireInRange(value: Uint8Array, prime: Uint8Array): void {
  const last = value.length - 1;
  const isBelowTwo = value.every((octet, index) => octet === 0 || (index === last && octet === 1));
  // p is odd, so p - 1 differs from it in its last bit alone.
  const primeLessOne = Uint8Array.from(prime, (octet, index) => (index === last ? octet - 1 : octet));
  if (isBelowTwo || Buffer.compare(value, primeLessOne) >= 0) throw new InvalidKeyExchange("it is not between 1 and the prime less 1");
}
