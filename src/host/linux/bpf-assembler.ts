/**
 * Just enough of two assemblers: classic BPF (linux Documentation/networking/filter.rst, 8 octets: u16 code, u8 jt, u8 jf, u32 k) and eBPF
 * (RFC 9669, 8 octets: u8 opcode, u4 dst, u4 src, s16 offset, s32 immediate). Jumps count instructions from the next one.
 */

export type ClassicInstruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

/** Names as in bpf_asm; `A` is the accumulator. */
export const classic = {
  /** A = the 32 bits at octet `at` of the data, big-endian. Where the data is too short, the program ends and returns 0. */
  loadWord: (at: number): ClassicInstruction => [0x20, 0, 0, at],
  loadHalf: (at: number): ClassicInstruction => [0x28, 0, 0, at],
  loadByte: (at: number): ClassicInstruction => [0x30, 0, 0, at],
  /** X = 4 * (the low 4 bits of the octet at `at`): the length of an IPv4 header. */
  loadHeaderLength: (at: number): ClassicInstruction => [0xb1, 0, 0, at],
  /** A = the 16 bits at octet X + `at`. */
  loadHalfAtX: (at: number): ClassicInstruction => [0x48, 0, 0, at],
  jumpIfEqual: (k: number, ifTrue: number, ifFalse: number): ClassicInstruction => [0x15, ifTrue, ifFalse, k],
  jumpIfSet: (k: number, ifTrue: number, ifFalse: number): ClassicInstruction => [0x45, ifTrue, ifFalse, k],
  xor: (k: number): ClassicInstruction => [0xa4, 0, 0, k],
  multiply: (k: number): ClassicInstruction => [0x24, 0, 0, k],
  shiftRight: (bits: number): ClassicInstruction => [0x74, 0, 0, bits],
  modulo: (k: number): ClassicInstruction => [0x94, 0, 0, k],
  add: (k: number): ClassicInstruction => [0x04, 0, 0, k],
  returnValue: (k: number): ClassicInstruction => [0x06, 0, 0, k],
  returnA: (): ClassicInstruction => [0x16, 0, 0, 0],
} as const;

export function assembleClassic(program: readonly ClassicInstruction[]): Buffer {
  const octets = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, k], i) => {
    octets.writeUInt16LE(code, i * 8);
    octets.writeUInt8(ifTrue, i * 8 + 2);
    octets.writeUInt8(ifFalse, i * 8 + 3);
    octets.writeUInt32LE(k >>> 0, i * 8 + 4);
  });
  return octets;
}

export interface ExtendedInstruction {
  readonly opcode: number;
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

/** r0 is the result, r1 the argument of the program, r1–r5 are lost in a call, r6–r9 survive it. */
export const extended = {
  moveImmediate: (dst: number, immediate: number): ExtendedInstruction => ({ opcode: 0xb7, dst, immediate }),
  move: (dst: number, src: number): ExtendedInstruction => ({ opcode: 0xbf, dst, src }),
  moduloImmediate: (dst: number, immediate: number): ExtendedInstruction => ({ opcode: 0x97, dst, immediate }),
  /** dst = the 32 bits at address src + offset. */
  loadWord: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0x61, dst, src, offset }),
  /** src = the 32 bits at dst + offset, which at the same time become the sum of both. Linux 5.12. */
  atomicFetchAdd: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0xc3, dst, src, offset, immediate: 0x01 }),
  jumpIfNot: (dst: number, immediate: number, offset: number): ExtendedInstruction => ({ opcode: 0x55, dst, immediate, offset }),
  call: (helper: number): ExtendedInstruction => ({ opcode: 0x85, immediate: helper }),
  exit: (): ExtendedInstruction => ({ opcode: 0x95 }),
  /** dst = address of the first value of the array map behind `mapFd`; takes two slots. */
  loadMapValue: (dst: number, mapFd: number): readonly [ExtendedInstruction, ExtendedInstruction] => [
    { opcode: 0x18, dst, src: 2, immediate: mapFd },
    { opcode: 0 },
  ],
} as const;

export function assembleExtended(program: readonly ExtendedInstruction[]): Buffer {
  const octets = Buffer.alloc(program.length * 8);
  program.forEach(({ opcode, dst = 0, src = 0, offset = 0, immediate = 0 }, i) => {
    octets.writeUInt8(opcode, i * 8);
    octets.writeUInt8((src << 4) | dst, i * 8 + 1);
    octets.writeInt16LE(offset, i * 8 + 2);
    octets.writeInt32LE(immediate, i * 8 + 4);
  });
  return octets;
}
