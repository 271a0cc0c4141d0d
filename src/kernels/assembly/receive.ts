// Inbound, the socket's edge: recvmmsg records made ready, and what the kernel said about each message.
import {
  CONTROL_SIZE,
  IOV_SIZE,
  MSG_CONTROL,
  MSG_CONTROL_LENGTH,
  MSG_FLAGS,
  MSG_IOV,
  MSG_IOV_COUNT,
  MSG_NAME,
  MSG_NAME_LENGTH,
  MSG_SIZE,
  NAME_SIZE,
} from "../layout";
import { base } from "./context";
import { Results } from "./results";

const SOL_UDP: i32 = 17;
const UDP_GRO: i32 = 104;
const IPPROTO_IP: i32 = 0;
const IP_TOS: i32 = 1;
const IPPROTO_IPV6: i32 = 41;
const IPV6_TCLASS: i32 = 67;

let rxMessages: usize = 0;
let rxIovs: usize = 0;
let rxControls: usize = 0;
let rxNames: usize = 0;

/** Segment size of the message looked at last (its whole length where it was not merged), and its outer DSCP and ECN. */

export function configureReceive(messages: usize, iovs: usize, controls: usize, names: usize): void {
  rxMessages = messages;
  rxIovs = iovs;
  rxControls = controls;
  rxNames = names;
}

/** The `count` records are ready for recvmmsg: one buffer of `room` octets each, at `buffers` + i × `stride`. */
export function resetReceive(count: i32, buffers: usize, stride: usize, room: u32): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const header = rxMessages + i * MSG_SIZE;
    const vector = rxIovs + i * IOV_SIZE;
    store<u64>(vector, base + <u64>(buffers + i * stride));
    store<u64>(vector, <u64>room, 8);
    store<u64>(header, base + <u64>(rxNames + i * NAME_SIZE), MSG_NAME);
    store<u64>(header, 28, MSG_NAME_LENGTH);
    store<u64>(header, base + <u64>vector, MSG_IOV);
    store<u64>(header, 1, MSG_IOV_COUNT);
    store<u64>(header, base + <u64>(rxControls + i * CONTROL_SIZE), MSG_CONTROL);
    store<u64>(header, CONTROL_SIZE, MSG_CONTROL_LENGTH);
    store<u64>(header, 0, MSG_FLAGS);
  }
}

/** Reads the control messages of record `i`, whose payload has `length` octets. */
export function inspectMessage(i: usize, length: i32): void {
  Results.messageSegment = length;
  Results.messageTos = 0;
  let at = rxControls + i * CONTROL_SIZE;
  const end = at + <usize>min<u64>(load<u64>(rxMessages + i * MSG_SIZE, MSG_CONTROL_LENGTH), CONTROL_SIZE);
  while (at + 16 < end) {
    const size = <usize>load<u64>(at);
    if (size < 17 || at + size > end) return;
    const level = load<i32>(at, 8);
    const type = load<i32>(at, 12);
    if (level == SOL_UDP && type == UDP_GRO && size >= 18) {
      const segment = <i32>load<u16>(at, 16);
      if (segment > 0 && segment < length) Results.messageSegment = segment;
    } else if ((level == IPPROTO_IP && type == IP_TOS) || (level == IPPROTO_IPV6 && type == IPV6_TCLASS)) {
      Results.messageTos = <i32>load<u8>(at, 16);
    }
    at += (size + 7) & ~7;
  }
}
