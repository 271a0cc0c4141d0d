/** `struct pollfd` (poll(2)): s32 descriptor, s16 events asked for, s16 events that came. */

export const POLLFD_SIZE = 8;
export const POLLIN = 0x001;
export const POLLOUT = 0x004;
/** Come unasked: the descriptor is in error, its other end is gone, or it is not open. */
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;

/** Writes one pollfd at `offset`. */
export function writePollfd(view: DataView, offset: number, fd: number, events: number): void {
  view.setInt32(offset, fd, true);
  view.setInt16(offset + 4, events, true);
  view.setInt16(offset + 6, 0, true);
}

/** The events that came for the pollfd at `offset`. */
export function pollEvents(view: DataView, offset: number): number {
  return view.getInt16(offset + 6, true);
}
