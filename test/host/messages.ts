/** Single messages to and from sockets, and packets that have an SPI and nothing else. */
import type { SpiSteering } from "../../src/host/linux/bpf.ts";
import { addressOf, poll, read, recvmmsg, sendmmsg } from "../../src/host/linux/libc.ts";
import { POLLIN, writePollfd } from "../../src/host/linux/poll.ts";
import { encodeSockaddr } from "../../src/host/linux/sockaddr.ts";

/** One mmsghdr with one iovec and room for control messages, in shared memory. */
export class Message {
  readonly octets = new Uint8Array(new SharedArrayBuffer(128 * 1024));
  readonly #view = new DataView(this.octets.buffer);
  readonly #base = addressOf(this.octets.buffer);

  get address(): number {
    return this.#base;
  }

  send(fd: number, to: { address: string; port: number }, payload: Uint8Array): number {
    const length = encodeSockaddr(this.#view, 128, to.address, to.port);
    this.octets.set(payload, 1024);
    this.#header(length, payload.length, 0);
    return sendmmsg(fd, this.#base, 1, 0);
  }

  /** Payload and control messages as [level, type, first octets as a number]; undefined where nothing waits. */
  receive(fd: number): { payload: Uint8Array; control: [level: number, type: number, value: number][] } | undefined {
    this.#header(28, 100_000, 256);
    if (recvmmsg(fd, this.#base, 1, 0) <= 0) return undefined;
    const control: [number, number, number][] = [];
    const end = 512 + this.#view.getUint32(40, true);
    for (let at = 512; at + 16 < end; at += Math.ceil(this.#view.getUint32(at, true) / 8) * 8) {
      const value = this.#view.getUint32(at, true) === 17 ? this.#view.getUint8(at + 16) : this.#view.getInt32(at + 16, true);
      control.push([this.#view.getInt32(at + 8, true), this.#view.getInt32(at + 12, true), value]);
    }
    return { payload: this.octets.slice(1024, 1024 + this.#view.getUint32(56, true)), control };
  }

  #header(nameLength: number, length: number, controlLength: number): void {
    const put = (at: number, value: number): void => this.#view.setBigUint64(at, BigInt(value), true);
    put(0, this.#base + 128);
    put(8, nameLength);
    put(16, this.#base + 64);
    put(24, 1);
    put(32, this.#base + 512);
    put(40, controlLength);
    put(48, 0);
    put(64, this.#base + 1024);
    put(72, length);
  }
}

export function received(fd: number): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const room = new Uint8Array(65536);
  for (;;) {
    const length = read(fd, room, room.length);
    if (length < 0) return packets;
    packets.push(room.slice(0, length));
  }
}

/** Waits for input, five seconds at most. */
export function waitForInput(fd: number): void {
  const view = new DataView(new SharedArrayBuffer(8));
  writePollfd(view, 0, fd, POLLIN);
  poll(addressOf(view.buffer), 1, 5000);
}

export function withSpi(spi: number, length = 64): Uint8Array {
  const packet = new Uint8Array(length);
  new DataView(packet.buffer).setUint32(0, spi);
  return packet;
}

/** The worker that steering gives an SPI to, by the documented formula, in bigint: independent of what 32-bit arithmetic here or there may do. */
export function workerOf(spi: number, { mask, multiplier, workers }: SpiSteering): number {
  const product = ((BigInt(spi) ^ BigInt(mask)) * BigInt(multiplier)) & 0xffffffffn;
  return Number((product >> 16n) % BigInt(workers));
}
