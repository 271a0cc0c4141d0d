import { EAGAIN, EMSGSIZE, ENOBUFS, errno, poll, sendmmsg } from "../../host/linux/libc.ts";
import * as L from "../../kernels/layout.ts";
import type { WorkerContext } from "./context.ts";

const POLLOUT = 4;
/** How long a full socket buffer holds the worker up before packets are dropped: a few bursts at 1 Gbit/s. */
const FULL_BUFFER_WAIT_MS = 5;

/** Sends what `encap` framed and the engine sealed: one sendmmsg for as many messages as the kernels could build. */
export class Transmitter {
  readonly #context: WorkerContext;

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  /** Sends everything that waits and starts an empty batch. */
  flush(): void {
    const { kernels, tally } = this.#context;
    const total = kernels.sendCount.value;
    let from = 0;
    while (from < total) {
      const count = kernels.buildMessages(from);
      from += kernels.sendsTaken.value;
      this.#send(kernels.messageSocket.value, count);
      tally.add("socketSends", 1);
    }
    kernels.beginOutbound();
  }

  #send(socket: number, count: number): void {
    const { base, map, sockets } = this.#context;
    const fd = sockets[socket]?.fd ?? -1;
    let done = 0;
    let waited = false;
    while (done < count) {
      const sent = sendmmsg(fd, base + map.messages + done * L.MSG_SIZE, count - done, 0);
      if (sent > 0) {
        done += sent;
        continue;
      }
      const code = errno();
      if ((code === EAGAIN || code === ENOBUFS) && !waited) {
        waited = true;
        this.#awaitRoom(fd);
        continue;
      }
      this.#lose(done, socket, code);
      done++;
    }
  }

  #awaitRoom(fd: number): void {
    const { base, map, view } = this.#context;
    view.setInt32(map.scratch, fd, true);
    view.setInt16(map.scratch + 4, POLLOUT, true);
    poll(base + map.scratch, 1, FULL_BUFFER_WAIT_MS);
  }

  /** The kernel refused message `index`: its packets are counted under the reason. */
  #lose(index: number, socket: number, code: number): void {
    const { base, map, view, tally, destinations, post, sockets } = this.#context;
    const message = map.messages + index * L.MSG_SIZE;
    const packets = view.getUint32(message + L.MSG_PACKETS, true);
    if (code === EMSGSIZE) {
      tally.drop("OutMtuExceeded", packets);
      const local = sockets[socket]?.local;
      const name = Number(view.getBigUint64(message + L.MSG_NAME, true)) - base;
      const remote = destinations.remoteOf((name - map.dests) / L.DEST_SIZE);
      if (local !== undefined && remote !== undefined) post({ verb: "pathMtu", local, remote });
    } else {
      tally.drop(code === EAGAIN || code === ENOBUFS ? "OutQueueFull" : "OutSendError", packets);
    }
  }
}
