/** A stranger on the network: throws garbage at both ports of a gateway. Arguments: its address, and how many datagrams. The garbage is seeded. */
import { createSocket } from "node:dgram";
import { seededEntropy } from "../../../src/crypto/entropy.ts";

const [address = "", count = ""] = process.argv.slice(2);
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
      return { port: 4500, octets };
  }
}

for (let round = 0; round < Number(count); round++) {
  const { port, octets } = garbage(round);
  await new Promise((resolve) => socket.send(octets, port, address, resolve));
}
socket.close();
