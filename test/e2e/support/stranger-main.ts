/**
 * A stranger on the network: throws garbage at both ports of a gateway. Arguments: its address, how many datagrams, and perhaps the SPI of an ESP SA
 * (hexadecimal), to which the garbage then claims to belong. The garbage is seeded.
 */
import { createSocket } from "node:dgram";
import { seededEntropy } from "../../../src/crypto/entropy.ts";

const [address = "", count = "", spi] = process.argv.slice(2);
const entropy = seededEntropy("stranger");
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");

function garbage(round: number): { port: number; octets: Uint8Array } {
  const [first = 0, second = 0] = entropy.bytes(2);
  const octets = entropy.bytes(((first << 8) | second) % 1400);
  switch (round % 4) {
    case 0:
      return { port: 500, octets };
    case 1:
      // Behind the non-ESP marker: to the IKE side of the port.
      return { port: 4500, octets: new Uint8Array([0, 0, 0, 0, ...octets]) };
    case 2:
      // A header that looks like IKEv2's IKE_SA_INIT, with a true length and nonsense behind.
      return {
        port: 500,
        octets: new Uint8Array([
          ...entropy.bytes(8),
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          33,
          0x20,
          34,
          8,
          0,
          0,
          0,
          0,
          0,
          0,
          1,
          0,
          ...entropy.bytes(228),
        ]),
      };
    default:
      return spi === undefined ? { port: 4500, octets } : { port: 4500, octets: forgedEsp(parseInt(spi, 16), round) };
  }
}

/** With an SPI that exists and a sequence number beyond those in use; now and then a keepalive. */
function forgedEsp(existing: number, round: number): Uint8Array {
  if (round % 8 === 7) return Uint8Array.of(0xff);
  const packet = entropy.bytes(8 + 8 + 64 + 16);
  const view = new DataView(packet.buffer, packet.byteOffset);
  view.setUint32(0, existing);
  view.setUint32(4, 100_000 + round);
  return packet;
}

for (let round = 0; round < Number(count); round++) {
  const { port, octets } = garbage(round);
  await new Promise((resolve) => socket.send(octets, port, address, resolve));
}
socket.close();
