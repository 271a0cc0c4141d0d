/**
 * What IKE_AUTH proves of an IKE_INTERMEDIATE message (RFC 9242 §3.3.2): IntAuth_A | IntAuth_P, the message as if its SK payload held the inner
 * payloads in the clear. No IV, padding or ICV is in it or counted in its lengths, and it is the same whether the message went in fragments.
 */
import { PayloadType } from "./iana/index.ts";
import { IKE_HEADER_LENGTH } from "./ike-header.ts";
import { encodeWithSk, type MessageHeader } from "./message.ts";
import { concat } from "./octets.ts";
import { GENERIC_HEADER_LENGTH, type EncodedChain } from "./payload-chain.ts";
import { SKF_FIELDS_LENGTH } from "./payload/encrypted.ts";

const NEXT_PAYLOAD_OFFSET = 16;
const LENGTH_OFFSET = 24;

/** Of a message of ours, before it is sealed. */
export function unencryptedForm(header: MessageHeader, inner: EncodedChain): Uint8Array {
  return concat(encodeWithSk(header, inner.first, inner.octets.length), inner.octets);
}

/**
 * Of a received message, to the octet as the peer has sent it.
 *
 * @param aad the octets before the body of SK, or of the first SKF
 * @param plaintext the inner payloads, of all fragments
 */
export function unencryptedFormOf(aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const { link, offset } = findEncrypted(aad);
  const isFragment = aad[link] === PayloadType.SKF;
  const whole = concat(isFragment ? aad.subarray(0, aad.length - SKF_FIELDS_LENGTH) : aad, plaintext);
  whole[link] = PayloadType.SK;
  const view = new DataView(whole.buffer);
  view.setUint32(LENGTH_OFFSET, whole.length);
  view.setUint16(offset + 2, GENERIC_HEADER_LENGTH + plaintext.length);
  return whole;
}

/** Where the Encrypted payload begins in a message that was decoded before, and where the Next Payload field is that names it. */
function findEncrypted(aad: Uint8Array): { readonly link: number; readonly offset: number } {
  const view = new DataView(aad.buffer, aad.byteOffset, aad.byteLength);
  let [link, offset] = [NEXT_PAYLOAD_OFFSET, IKE_HEADER_LENGTH];
  while (aad[link] !== PayloadType.SK && aad[link] !== PayloadType.SKF) [link, offset] = [offset, offset + view.getUint16(offset + 2)];
  return { link, offset };
}
