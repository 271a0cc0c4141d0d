// What a kernel says besides its return value (../layout.ts). TypeScript reads the words, the kernels use the names.
import {
  RESULT_ENCAP_DONE,
  RESULT_JOB_COUNT,
  RESULT_SEND_COUNT,
  RESULT_SENDS_TAKEN,
  RESULT_MESSAGE_SOCKET,
  RESULT_MESSAGE_SEGMENT,
  RESULT_MESSAGE_TOS,
  RESULT_PREPARED_OCTETS,
  RESULT_PREPARED_COUNT,
  RESULT_FOREIGN_COUNT,
  RESULT_RUN_COUNT,
  RESULT_DELIVERY_COUNT,
  RESULT_UNKNOWN_SPI,
  RESULT_UNKNOWN_PEER,
} from "../layout";

export class Results {
  @inline static get encapDone(): i32 {
    return load<i32>(RESULT_ENCAP_DONE);
  }
  @inline static set encapDone(value: i32) {
    store<i32>(RESULT_ENCAP_DONE, value);
  }
  @inline static get jobCount(): i32 {
    return load<i32>(RESULT_JOB_COUNT);
  }
  @inline static set jobCount(value: i32) {
    store<i32>(RESULT_JOB_COUNT, value);
  }
  @inline static get sendCount(): i32 {
    return load<i32>(RESULT_SEND_COUNT);
  }
  @inline static set sendCount(value: i32) {
    store<i32>(RESULT_SEND_COUNT, value);
  }
  @inline static get sendsTaken(): i32 {
    return load<i32>(RESULT_SENDS_TAKEN);
  }
  @inline static set sendsTaken(value: i32) {
    store<i32>(RESULT_SENDS_TAKEN, value);
  }
  @inline static get messageSocket(): i32 {
    return load<i32>(RESULT_MESSAGE_SOCKET);
  }
  @inline static set messageSocket(value: i32) {
    store<i32>(RESULT_MESSAGE_SOCKET, value);
  }
  @inline static get messageSegment(): i32 {
    return load<i32>(RESULT_MESSAGE_SEGMENT);
  }
  @inline static set messageSegment(value: i32) {
    store<i32>(RESULT_MESSAGE_SEGMENT, value);
  }
  @inline static get messageTos(): i32 {
    return load<i32>(RESULT_MESSAGE_TOS);
  }
  @inline static set messageTos(value: i32) {
    store<i32>(RESULT_MESSAGE_TOS, value);
  }
  @inline static get preparedOctets(): i32 {
    return load<i32>(RESULT_PREPARED_OCTETS);
  }
  @inline static set preparedOctets(value: i32) {
    store<i32>(RESULT_PREPARED_OCTETS, value);
  }
  @inline static get preparedCount(): i32 {
    return load<i32>(RESULT_PREPARED_COUNT);
  }
  @inline static set preparedCount(value: i32) {
    store<i32>(RESULT_PREPARED_COUNT, value);
  }
  @inline static get foreignCount(): i32 {
    return load<i32>(RESULT_FOREIGN_COUNT);
  }
  @inline static set foreignCount(value: i32) {
    store<i32>(RESULT_FOREIGN_COUNT, value);
  }
  @inline static get runCount(): i32 {
    return load<i32>(RESULT_RUN_COUNT);
  }
  @inline static set runCount(value: i32) {
    store<i32>(RESULT_RUN_COUNT, value);
  }
  @inline static get deliveryCount(): i32 {
    return load<i32>(RESULT_DELIVERY_COUNT);
  }
  @inline static set deliveryCount(value: i32) {
    store<i32>(RESULT_DELIVERY_COUNT, value);
  }
  @inline static set unknownSpi(value: u32) {
    store<u32>(RESULT_UNKNOWN_SPI, value);
  }
  @inline static set unknownPeer(value: usize) {
    store<u32>(RESULT_UNKNOWN_PEER, <u32>value);
  }
}
