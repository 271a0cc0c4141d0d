/** Hawser and strongSwan that prove themselves by certificates of one authority. */
import { contentOf, type OpensslAuthority, type OpensslCredential } from "./openssl-authority.ts";
import type { PairSettings } from "./pair.ts";

export const [OURS, THEIRS] = ["left.interop.example", "right.interop.example"];

/** @param intermediates paths of the certificates of authorities between `authority` and the hosts, which each end sends along */
export function byCertificate(
  authority: OpensslAuthority,
  ours: OpensslCredential,
  theirs: OpensslCredential,
  intermediates: readonly string[] = [],
): PairSettings {
  return {
    hawser: {
      connection: {
        local: { auth: "pubkey", id: OURS, certs: [ours.certificate, ...intermediates], private_key: ours.privateKey },
        remote: { auth: "pubkey", id: THEIRS, cacerts: [authority.certificate] },
      },
    },
    strongSwan: {
      local: ["auth = pubkey", `id = ${THEIRS}`, "certs = own.pem"],
      remote: ["auth = pubkey", `id = ${OURS}`, "cacerts = authority.pem"],
      files: {
        "x509/own.pem": contentOf(theirs.certificate),
        "x509ca/authority.pem": contentOf(authority.certificate),
        ...Object.fromEntries(intermediates.map((path, index) => [`x509ca/intermediate-${index}.pem`, contentOf(path)])),
        "private/own.pem": contentOf(theirs.privateKey),
      },
    },
  };
}
