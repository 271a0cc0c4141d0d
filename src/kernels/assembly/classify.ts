// Outbound, first stage: from a packet as the TUN device gave it to its policy and the number of ESP packets it will become.
import { DROP_OUT_FRAGMENT_NO_PORTS, DROP_OUT_HDR_ERROR, DROP_OUT_NO_POLS } from "../drop-codes";
import { OUT_DONE, OUT_LENGTH, OUT_PACKET, OUT_POLICY, OUT_SEGMENTS, OUT_SIZE, OUT_TOS, VNET_HEADER } from "../layout";
import { sum } from "./checksum";
import { drop } from "./context";
import { isFragment, isLaterFragment, parseIp, protocol, tos, totalLength, transportOffset } from "./ip-header";
import { lookupPolicy } from "./spd";

// struct virtio_net_hdr (include/uapi/linux/virtio_net.h)
const VNET_NEEDS_CSUM: u32 = 1;
export const VNET_GSO_NONE: u32 = 0;
export const VNET_GSO_TCPV4: u32 = 1;
export const VNET_GSO_TCPV6: u32 = 4;
export const VNET_GSO_UDP_L4: u32 = 5;
const VNET_GSO_ECN: u32 = 0x80;

/** Octets of IP and transport header of the super-packet at `ip` whose transport header is at `transport`. 0: malformed. */
export function superHeaderLength(ip: usize, transport: i32, gso: u32, length: i32): i32 {
  if (gso == VNET_GSO_UDP_L4) return transport + 8 <= length ? transport + 8 : 0;
  if (transport + 20 > length) return 0;
  const header = transport + ((<i32>(load<u8>(ip + transport + 12) >> 4)) << 2);
  return header >= transport + 20 && header <= length ? header : 0;
}

/**
 * Classifies the `count` packets at `first` (OUT_PACKET and OUT_LENGTH are filled in, the virtio-net header stands right before the packet).
 * A packet that is dropped gets OUT_POLICY 0 and is counted.
 */
export function classify(first: usize, count: i32): void {
  for (let i = 0; i < count; i++, first += OUT_SIZE) {
    store<u32>(first, 0, OUT_POLICY);
    store<u32>(first, 0, OUT_DONE);
    const ip = <usize>load<u32>(first, OUT_PACKET);
    const vnet = ip - VNET_HEADER;
    const length = load<i32>(first, OUT_LENGTH);
    if (!parseIp(ip, length)) {
      drop(DROP_OUT_HDR_ERROR, 1);
      continue;
    }
    let segments = 1;
    const gso = (<u32>load<u8>(vnet, 1)) & ~VNET_GSO_ECN;
    if (gso == VNET_GSO_NONE) {
      store<i32>(first, totalLength, OUT_LENGTH);
      if (((<u32>load<u8>(vnet)) & VNET_NEEDS_CSUM) != 0) {
        const start = <i32>load<u16>(vnet, 6);
        const field = start + <i32>load<u16>(vnet, 8);
        if (field + 2 > totalLength) {
          drop(DROP_OUT_HDR_ERROR, 1);
          continue;
        }
        // The kernel left the pseudo-header's sum in the field: summing over it completes the checksum.
        let checksum = ~sum(ip + start, totalLength - start, 0) & 0xffff;
        if (checksum == 0 && protocol == 17) checksum = 0xffff;
        store<u16>(ip + field, <u16>checksum);
        store<u8>(vnet, 0); // done: a worker that this packet is handed to must not do it again
      }
    } else {
      const size = <i32>load<u16>(vnet, 4);
      const known = (gso == VNET_GSO_TCPV4 || gso == VNET_GSO_TCPV6) && protocol == 6;
      const header =
        (known || (gso == VNET_GSO_UDP_L4 && protocol == 17)) && !isFragment ? superHeaderLength(ip, transportOffset, gso, totalLength) : 0;
      if (header == 0 || size == 0 || totalLength != length) {
        drop(DROP_OUT_HDR_ERROR, 1);
        continue;
      }
      segments = max((length - header + size - 1) / size, 1);
    }
    const policy = lookupPolicy();
    if (policy == 0) {
      drop(isLaterFragment ? DROP_OUT_FRAGMENT_NO_PORTS : DROP_OUT_NO_POLS, 1);
      continue;
    }
    store<u32>(first, <u32>policy, OUT_POLICY);
    store<u32>(first, segments, OUT_SEGMENTS);
    store<u32>(first, tos, OUT_TOS);
  }
}
