// ESP framing (RFC 4303 §2): header, IV and trailer around a payload, one cipher job and one send record. The cipher itself is the engine's.
import {
  OSA_CBC,
  OSA_DEST,
  OSA_ESN,
  OSA_FLAGS,
  OSA_HEADER,
  OSA_ICV,
  OSA_IV_SECRET,
  OSA_PAD_MASK,
  OSA_SALT,
  OSA_SEPARATE_MAC,
  OSA_SPI,
  SEND_DEST,
  SEND_LENGTH,
  SEND_PACKET,
  SEND_SIZE,
  SEND_TOS,
} from "../layout";
import { sends } from "./context";
import { Jobs } from "./jobs";
import { store32, store64 } from "./octets";
import { Results } from "./results";

const AES_BLOCK: i32 = 16;
const ZERO_BLOCK: usize = memory.data(16, 16);

/** Octets of the ciphertext of `length` octets of payload: with padding, Pad Length and Next Header. */
function paddedLength(sa: usize, length: i32): i32 {
  const mask = load<i32>(sa, OSA_PAD_MASK);
  return (length + 2 + mask) & ~mask;
}

/** Octets of the ESP packet, from the SPI to the ICV, that `length` octets of payload become. */
export function framedLength(sa: usize, length: i32): usize {
  return <usize>(load<i32>(sa, OSA_HEADER) + paddedLength(sa, length) + load<i32>(sa, OSA_ICV));
}

/** Frames the IP packet of `length` octets at `payload`, around which there is room for the rest of the ESP packet. */
export function frame(sa: usize, payload: usize, length: i32, seq: u64, outerTos: u32, nextHeader: u32): void {
  const packet = payload - <usize>load<u32>(sa, OSA_HEADER);
  store<u32>(packet, bswap<u32>(load<u32>(sa, OSA_SPI)));
  store32(packet + 4, <u32>seq);
  const plaintext = paddedLength(sa, length);
  const padding = plaintext - length - 2;
  let trailer = payload + length;
  for (let i = 0; i < padding; i++) store<u8>(trailer++, <u8>(i + 1)); // RFC 4303 §2.4: 1, 2, 3, …
  store<u8>(trailer, <u8>padding);
  store<u8>(trailer, <u8>nextHeader, 1);

  const flags = load<u32>(sa, OSA_FLAGS);
  const slot = <usize>Results.jobCount;
  if ((flags & OSA_SEPARATE_MAC) == 0) aeadJob(slot, sa, flags, packet, payload, plaintext, seq);
  else macJob(slot, sa, flags, packet, payload, plaintext, seq);
  Results.jobCount++;

  const send = sends + <usize>Results.sendCount * SEND_SIZE;
  store<u32>(send, <u32>packet, SEND_PACKET);
  store<u32>(send, <u32>(payload - packet) + plaintext + load<u32>(sa, OSA_ICV), SEND_LENGTH);
  store<u32>(send, load<u32>(sa, OSA_DEST), SEND_DEST);
  store<u32>(send, outerTos, SEND_TOS);
  Results.sendCount++;
}

function aeadJob(slot: usize, sa: usize, flags: u32, packet: usize, payload: usize, plaintext: i32, seq: u64): void {
  // RFC 4106 §3.1: the IV only has to be unique for the key; the sequence number is, and is never repeated (see OSA_SEQ).
  store64(packet + 8, seq);
  const iv = Jobs.nonce(slot, load<u32>(sa, OSA_SALT), load<u64>(packet, 8));
  const esn = (flags & OSA_ESN) != 0;
  const aad = esn ? Jobs.longAad(slot, packet, seq) : packet;
  Jobs.write(slot, payload, plaintext, aad, esn ? 12 : 8, iv, payload + plaintext);
}

/** The MAC is over header, IV and ciphertext, and with ESN over the high half of the sequence number behind them (RFC 4303 §2.2.1, §3.3.2.1). */
function macJob(slot: usize, sa: usize, flags: u32, packet: usize, payload: usize, plaintext: i32, seq: u64): void {
  const end = payload + plaintext;
  let authenticated = <u32>(end - packet);
  if ((flags & OSA_ESN) != 0) {
    // Where the ICV will overwrite it.
    store32(end, <u32>(seq >> 32));
    authenticated += 4;
  }
  if ((flags & OSA_CBC) != 0) {
    // RFC 3602 §3: an IV must not be predictable. It is the encryption of a block that never repeats under the key and that only we know: what CBC
    // makes of that block as the first of the plaintext, with an IV of zeros. So the IV is encrypted along with the payload, where it stands.
    store<u64>(packet, load<u64>(sa, OSA_IV_SECRET), 8);
    store<u64>(packet, seq, 16);
    Jobs.write(slot, packet + 8, AES_BLOCK + plaintext, packet, authenticated, ZERO_BLOCK, end);
  } else {
    store64(packet + 8, seq); // RFC 3686 §3.1: unique for the key
    const iv = Jobs.counterBlock(slot, load<u32>(sa, OSA_SALT), load<u64>(packet, 8));
    Jobs.write(slot, payload, plaintext, packet, authenticated, iv, end);
  }
}
