// Outbound, last stage: the sealed packets become mmsghdr records for one sendmmsg call. Runs of equal length to one destination go into
// one message with UDP_SEGMENT, if they go in UDP; packets that lie side by side share an I/O vector.
import {
  CONTROL_SIZE,
  DEST_RAW,
  DEST_SIZE,
  DEST_SOCKADDR_LENGTH,
  DEST_SOCKET,
  IOV_SIZE,
  MESSAGE_MAX_OCTETS,
  MESSAGE_MAX_SEGMENTS,
  MSG_CONTROL,
  MSG_CONTROL_LENGTH,
  MSG_FLAGS,
  MSG_IOV,
  MSG_IOV_COUNT,
  MSG_NAME,
  MSG_NAME_LENGTH,
  MSG_PACKETS,
  MSG_SIZE,
  SEND_DEST,
  SEND_LENGTH,
  SEND_PACKET,
  SEND_SIZE,
  SEND_TOS,
} from "../layout";
import { base, controls, dests, iovCapacity, iovs, messageCapacity, messages, sends } from "./context";
import { Results } from "./results";

const SOL_UDP: i32 = 17;
const UDP_SEGMENT: i32 = 103;
const IPPROTO_IP: i32 = 0;
const IP_TOS: i32 = 1;
const IPPROTO_IPV6: i32 = 41;
const IPV6_TCLASS: i32 = 67;
const AF_INET: u16 = 2;

/** Send records consumed by the last call, and the socket (index) its messages are for. */

function control(at: usize, level: i32, type: i32, value: u32, octets: u64): usize {
  store<u64>(at, 16 + octets);
  store<i32>(at, level, 8);
  store<i32>(at, type, 12);
  store<u64>(at, <u64>value, 16);
  return at + 24;
}

/** Builds messages from send record `from` on, for one socket; returns how many. */
export function buildMessages(from: i32): i32 {
  let taken = from;
  let message = 0;
  let iov = 0;
  Results.messageSocket = -1;
  while (taken < Results.sendCount && message < messageCapacity && iov < iovCapacity) {
    let send = sends + <usize>taken * SEND_SIZE;
    const dest = load<u32>(send, SEND_DEST);
    const destRecord = dests + <usize>dest * DEST_SIZE;
    const socket = <i32>load<u32>(destRecord, DEST_SOCKET);
    if (Results.messageSocket == -1) Results.messageSocket = socket;
    else if (socket != Results.messageSocket) break;
    const most = load<u32>(destRecord, DEST_RAW) != 0 ? 1 : MESSAGE_MAX_SEGMENTS;
    const size = load<u32>(send, SEND_LENGTH);
    const tos = load<u32>(send, SEND_TOS);
    const firstIov = iov;
    let segments = 0;
    let octets: u32 = 0;
    let expected: u32 = 0; // address where the next packet would have to lie to share the vector
    while (taken < Results.sendCount && segments < most) {
      const length = load<u32>(send, SEND_LENGTH);
      if (length > size || octets + length > <u32>MESSAGE_MAX_OCTETS) break;
      if (load<u32>(send, SEND_DEST) != dest || load<u32>(send, SEND_TOS) != tos) break;
      const packet = load<u32>(send, SEND_PACKET);
      if (packet == expected) {
        const vector = iovs + <usize>(iov - 1) * IOV_SIZE;
        store<u64>(vector, load<u64>(vector, 8) + <u64>length, 8);
      } else {
        if (iov == iovCapacity) break;
        const vector = iovs + <usize>iov * IOV_SIZE;
        store<u64>(vector, base + <u64>packet);
        store<u64>(vector, <u64>length, 8);
        iov++;
      }
      expected = packet + length;
      octets += length;
      segments++;
      taken++;
      send += SEND_SIZE;
      if (length < size) break; // a shorter one can only be the last
    }
    const header = messages + <usize>message * MSG_SIZE;
    store<u64>(header, base + <u64>destRecord, MSG_NAME);
    store<u64>(header, <u64>load<u32>(destRecord, DEST_SOCKADDR_LENGTH), MSG_NAME_LENGTH);
    store<u64>(header, base + <u64>(iovs + <usize>firstIov * IOV_SIZE), MSG_IOV);
    store<u64>(header, <u64>(iov - firstIov), MSG_IOV_COUNT);
    const space = controls + <usize>message * CONTROL_SIZE;
    let at = space;
    if (segments > 1) at = control(at, SOL_UDP, UDP_SEGMENT, size, 2);
    if (tos != 0) {
      if (load<u16>(destRecord) == AF_INET) at = control(at, IPPROTO_IP, IP_TOS, tos, 4);
      else at = control(at, IPPROTO_IPV6, IPV6_TCLASS, tos, 4);
    }
    store<u64>(header, at == space ? 0 : base + <u64>space, MSG_CONTROL);
    store<u64>(header, <u64>(at - space), MSG_CONTROL_LENGTH);
    store<u64>(header, 0, MSG_FLAGS);
    store<u32>(header, segments, MSG_PACKETS);
    message++;
  }
  Results.sendsTaken = taken - from;
  return message;
}
