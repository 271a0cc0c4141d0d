/** The sockets of one local address: IKE's on both its ports, and for ESP one of each worker, in UDP and without. */
import { attachSpiSteering } from "../host/linux/bpf.ts";
import { close } from "../host/linux/libc.ts";
import { openRawEspSockets } from "../host/linux/raw-esp.ts";
import { openUdpGroup } from "../host/linux/udp.ts";
import type { SpiSteering } from "../ipsec/spi-steering.ts";

/** Octets of kernel buffer asked for each socket: 10 ms of 10 Gbit/s. */
const SOCKET_BUFFER = 12 * 1024 * 1024;

export interface LocalSocketOptions {
  readonly address: string;
  readonly ikePort: number;
  readonly natPort: number;
  readonly steering: SpiSteering;
  readonly mark: number | undefined;
}

/** Descriptors; those of the workers in their order. */
export interface LocalSockets {
  readonly ike: number;
  /** IKE on the port that it shares with ESP. */
  readonly natIke: number;
  readonly espInUdp: readonly number[];
  readonly rawEsp: readonly number[];
}

/** @throws SystemCallError, and leaves none open: one that stayed would have the port when this is tried again */
export function openLocalSockets({ address, ikePort, natPort, steering, mark }: LocalSocketOptions): LocalSockets {
  const common = { address, mark, sendBuffer: SOCKET_BUFFER, receiveBuffer: SOCKET_BUFFER };
  const opened: number[] = [];
  const noting = (fds: readonly number[]): readonly number[] => {
    opened.push(...fds);
    return fds;
  };
  try {
    const [ike] = noting(openUdpGroup({ ...common, port: ikePort, count: 1 })) as [number];
    const [natIke, ...espInUdp] = noting(openUdpGroup({ ...common, port: natPort, count: 1 + steering.workers })) as [number, ...number[]];
    attachSpiSteering(natIke, steering);
    return { ike, natIke, espInUdp, rawEsp: openRawEspSockets({ ...common, steering }) };
  } catch (error) {
    opened.forEach(close);
    throw error;
  }
}
