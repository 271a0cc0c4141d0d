/**
 * Just enough of two assemblers: classic BPF (linux Documentation/networking/filter.rst, 8 octets: u16 code, u8 jt, u8 jf, u32 k) and eBPF
 * (RFC 9669, 8 octets: u8 opcode, u4 dst, u4 src, s16 offset, s32 immediate). Jumps count instructions from the next one.
 */

/** A jump goes to a label further on; an absent one is the next instruction. */
export interface ClassicInstruction {
  readonly code: number;
  readonly k?: number;
  readonly ifTrue?: string | undefined;
  readonly ifFalse?: string | undefined;
}

/** An instruction, or the name of the place where the next one stands. */
export type ClassicLine = ClassicInstruction | string;

/** `A` is the accumulator, `X` the index register. Data is big-endian; where it is too short for a load, the program ends and returns 0. */
export const classic = {
  loadWord: (at: number): ClassicInstruction => ({ code: 0x20, k: at }),
  loadHalf: (at: number): ClassicInstruction => ({ code: 0x28, k: at }),
  loadByte: (at: number): ClassicInstruction => ({ code: 0x30, k: at }),
  /** X = the length of the IPv4 header at octet `at`. */
  loadIpv4HeaderLength: (at: number): ClassicInstruction => ({ code: 0xb1, k: at }),
  /** A = the 32 bits at octet X + `at`. */
  loadWordAtX: (at: number): ClassicInstruction => ({ code: 0x40, k: at }),
  /** A = the 16 bits at octet X + `at`. */
  loadHalfAtX: (at: number): ClassicInstruction => ({ code: 0x48, k: at }),
  jumpIfEqual: (k: number, ifTrue?: string, ifFalse?: string): ClassicInstruction => ({ code: 0x15, k, ifTrue, ifFalse }),
  jumpIfGreaterOrEqual: (k: number, ifTrue?: string, ifFalse?: string): ClassicInstruction => ({ code: 0x35, k, ifTrue, ifFalse }),
  jumpIfAnyBit: (k: number, ifTrue?: string, ifFalse?: string): ClassicInstruction => ({ code: 0x45, k, ifTrue, ifFalse }),
  xor: (k: number): ClassicInstruction => ({ code: 0xa4, k }),
  multiply: (k: number): ClassicInstruction => ({ code: 0x24, k }),
  shiftRight: (bits: number): ClassicInstruction => ({ code: 0x74, k: bits }),
  modulo: (k: number): ClassicInstruction => ({ code: 0x94, k }),
  add: (k: number): ClassicInstruction => ({ code: 0x04, k }),
  returnValue: (k: number): ClassicInstruction => ({ code: 0x06, k }),
  returnA: (): ClassicInstruction => ({ code: 0x16 }),
} as const;

/** @throws RangeError for a jump to a label that is not further on, within 255 instructions */
export function assembleClassic(program: readonly ClassicLine[]): Buffer {
  const labels = new Map<string, number>();
  const instructions: ClassicInstruction[] = [];
  for (const line of program) {
    if (typeof line === "string") labels.set(line, instructions.length);
    else instructions.push(line);
  }
  const octets = Buffer.alloc(instructions.length * 8);
  instructions.forEach(({ code, k = 0, ifTrue, ifFalse }, i) => {
    const distance = (label: string | undefined): number => (label === undefined ? 0 : (labels.get(label) ?? -1) - i - 1);
    octets.writeUInt16LE(code, i * 8);
    octets.writeUInt8(distance(ifTrue), i * 8 + 2);
    octets.writeUInt8(distance(ifFalse), i * 8 + 3);
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
  /** A jump goes to this label, further on. */
  readonly target?: string;
}

/** An instruction, or the name of the place where the next one stands. */
export type ExtendedLine = ExtendedInstruction | string;

/** r0 is the result, r1 the argument of the program, r1–r5 are lost in a call, r6–r9 survive it. */
export const extended = {
  moveImmediate: (dst: number, immediate: number): ExtendedInstruction => ({ opcode: 0xb7, dst, immediate }),
  move: (dst: number, src: number): ExtendedInstruction => ({ opcode: 0xbf, dst, src }),
  moduloImmediate: (dst: number, immediate: number): ExtendedInstruction => ({ opcode: 0x97, dst, immediate }),
  /** dst = the 32 bits at address src + offset. */
  loadWord: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0x61, dst, src, offset }),
  /** src = the 32 bits at dst + offset, which at the same time become the sum of both. Linux 5.12. */
  atomicFetchAdd: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0xc3, dst, src, offset, immediate: 0x01 }),
  /** dst = the 64 bits at address src + offset. */
  loadDouble: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0x79, dst, src, offset }),
  /** The 32 or 64 bits at address dst + offset = src. */
  storeWord: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0x63, dst, src, offset }),
  storeDouble: (dst: number, src: number, offset: number): ExtendedInstruction => ({ opcode: 0x7b, dst, src, offset }),
  addImmediate: (dst: number, immediate: number): ExtendedInstruction => ({ opcode: 0x07, dst, immediate }),
  andImmediate: (dst: number, immediate: number): ExtendedInstruction => ({ opcode: 0x57, dst, immediate }),
  subtract: (dst: number, src: number): ExtendedInstruction => ({ opcode: 0x1f, dst, src }),
  jump: (target: string): ExtendedInstruction => ({ opcode: 0x05, target }),
  jumpIf: (dst: number, immediate: number, target: string): ExtendedInstruction => ({ opcode: 0x15, dst, immediate, target }),
  jumpIfNot: (dst: number, immediate: number, target: string): ExtendedInstruction => ({ opcode: 0x55, dst, immediate, target }),
  /** Unsigned, 64 bits; the immediate is below 2^31. */
  jumpIfAbove: (dst: number, immediate: number, target: string): ExtendedInstruction => ({ opcode: 0x25, dst, immediate, target }),
  jumpIfSame: (dst: number, src: number, target: string): ExtendedInstruction => ({ opcode: 0x1d, dst, src, target }),
  call: (helper: number): ExtendedInstruction => ({ opcode: 0x85, immediate: helper }),
  exit: (): ExtendedInstruction => ({ opcode: 0x95 }),
  /** dst = address of the first value of the array map behind `mapFd`; takes two slots. */
  loadMapValue: (dst: number, mapFd: number): readonly [ExtendedInstruction, ExtendedInstruction] => [
    { opcode: 0x18, dst, src: 2, immediate: mapFd },
    { opcode: 0 },
  ],
  /** dst = the map behind `mapFd`, as helpers take it; takes two slots. */
  loadMap: (dst: number, mapFd: number): readonly [ExtendedInstruction, ExtendedInstruction] => [
    { opcode: 0x18, dst, src: 1, immediate: mapFd },
    { opcode: 0 },
  ],
} as const;

/** @throws RangeError for a jump to a label that is not further on */
export function assembleExtended(program: readonly ExtendedLine[]): Buffer {
  const labels = new Map<string, number>();
  const instructions: ExtendedInstruction[] = [];
  for (const line of program) {
    if (typeof line === "string") labels.set(line, instructions.length);
    else instructions.push(line);
  }
  const octets = Buffer.alloc(instructions.length * 8);
  instructions.forEach(({ opcode, dst = 0, src = 0, offset = 0, immediate = 0, target }, i) => {
    const distance = target === undefined ? offset : (labels.get(target) ?? -1) - i - 1;
    if (target !== undefined && distance < 0) throw new RangeError(`no label ${target} behind instruction ${i}`);
    octets.writeUInt8(opcode, i * 8);
    octets.writeUInt8((src << 4) | dst, i * 8 + 1);
    octets.writeInt16LE(distance, i * 8 + 2);
    octets.writeInt32LE(immediate, i * 8 + 4);
  });
  return octets;
}
