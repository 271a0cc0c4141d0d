/** Message IDs are 32 bits and must never come round: an IKE SA that nears their end is rekeyed, or else closed (RFC 7296 §2.2). */

export const LAST_MESSAGE_ID = 0xffffffff;
/** From here on it is rekeyed. */
const REKEY_FROM = LAST_MESSAGE_ID - 0xffff;
/** A rekey that was refused is tried again after so many messages. */
const REKEY_EVERY = 256;
/** From here on it is closed: the Delete needs an ID too. */
const CLOSE_FROM = LAST_MESSAGE_ID - 0xff;

/** What is to follow when a request with this ID has been sent or received. */
export function dueAfter(messageId: number): "rekey" | "close" | undefined {
  if (messageId >= CLOSE_FROM) return "close";
  return messageId >= REKEY_FROM && (messageId - REKEY_FROM) % REKEY_EVERY === 0 ? "rekey" : undefined;
}
