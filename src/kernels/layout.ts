/**
 * The records that TypeScript and the WASM kernels share in a worker's packet memory: field offsets in octets, and flag bits. This one file
 * is compiled by both compilers, so neither side can disagree about a record. All integers are little-endian (WASM), addresses and SPIs that
 * are compared with packet octets excepted, as noted. Counters and limits are f64: exact to 2^53, read by the control thread without BigInt.
 */

// Drop counters: f64[DROP_REASONS], indexed by the codes of ipsec/drop-reasons.ts.
export const DROP_REASONS = 64;

// ---- results: what a kernel says besides its return value, i32 each, in the kernels' own statics ----
// Not exported globals: reading one from TypeScript is a call into the engine's C++, 30 to 40 ns, where a word of memory costs less than one.
export const RESULT_ENCAP_DONE = 64;
export const RESULT_JOB_COUNT = 68;
export const RESULT_SEND_COUNT = 72;
export const RESULT_SENDS_TAKEN = 76;
export const RESULT_MESSAGE_SOCKET = 80;
export const RESULT_MESSAGE_SEGMENT = 84;
export const RESULT_MESSAGE_TOS = 88;
export const RESULT_PREPARED_OCTETS = 92; // what the last `prepare` has dealt with: less than the message when a list was full
export const RESULT_PREPARED_COUNT = 96;
export const RESULT_FOREIGN_COUNT = 100;
export const RESULT_RUN_COUNT = 104;
export const RESULT_DELIVERY_COUNT = 108;
export const RESULT_UNKNOWN_SPI = 112;
export const RESULT_UNKNOWN_PEER = 116;

// ---- outbound SA runtime: what sealing touches, and nothing else ----
export const OSA_SPI = 0;
export const OSA_FLAGS = 4;
export const OSA_KEY = 8; // engine key handle
export const OSA_SALT = 12; // as the four octets lie in memory
export const OSA_SEQ = 16; // u64: next sequence number to use; the high half goes on no wire unless ESN
export const OSA_SEQ_LIMIT = 24; // u64: last sequence number that may be used
export const OSA_PACKETS = 32; // f64
export const OSA_BYTES = 40; // f64
export const OSA_SOFT_PACKETS = 48; // f64, Infinity = no limit
export const OSA_HARD_PACKETS = 56;
export const OSA_SOFT_BYTES = 64;
export const OSA_HARD_BYTES = 72;
export const OSA_DEST = 80; // u32: index of the destination record
export const OSA_ID = 84; // u32: ChildSaId
export const OSA_SHARED_COUNTER = 88; // u32: index into the shared sequence counters
export const OSA_HEADER = 92; // u32: octets before the payload: ESP header and IV
export const OSA_PAD_MASK = 96; // u32: the ciphertext's alignment, less one: 3 | 15
export const OSA_ICV = 100; // u32: octets of the ICV
export const OSA_IV_SECRET = 104; // u64: what makes the IVs of CBC unpredictable; on no wire
export const OSA_SIZE = 128;

export const OSA_ESN = 1;
export const OSA_SHARED = 2;
export const OSA_COPY_DSCP = 4;
export const OSA_COPY_ECN = 8;
export const OSA_SOFT_REACHED = 16;
export const OSA_HARD_REACHED = 32;
export const OSA_SEPARATE_MAC = 64; // no AEAD: the ICV is a MAC over header, IV and ciphertext
export const OSA_CBC = 128; // IV of 16 octets; else 8 and a counter
export const OSA_TRANSPORT = 512; // what is behind the IP header, not the whole packet
export const OSA_COPIES = 256; // header or trailer may need more room than is kept around packets: framed in a copy

// ---- inbound SA runtime ----
export const ISA_SPI = 0;
export const ISA_FLAGS = 4;
export const ISA_KEY = 8;
export const ISA_SALT = 12;
export const ISA_TOP = 16; // u64: highest sequence number accepted so far (RFC 4303 §3.4.3 "right edge")
export const ISA_WINDOW = 24; // u32: window size in packets; 0 = check off
export const ISA_BITMAP = 28; // u32: address of the bitmap (u64 words)
export const ISA_BITMAP_MASK = 32; // u32: number of words - 1 (RFC 6479: a power of two, one word more than the window needs)
export const ISA_LOCAL_TS = 36; // u32: address of selector records
export const ISA_LOCAL_TS_COUNT = 40;
export const ISA_REMOTE_TS = 44;
export const ISA_REMOTE_TS_COUNT = 48;
export const ISA_HEADER = 52; // u8: octets before the ciphertext: ESP header and IV
export const ISA_PAD_MASK = 53; // u8: the ciphertext's alignment, less one
export const ISA_ICV = 54; // u8: octets of the ICV
export const ISA_PACKETS = 56; // f64
export const ISA_BYTES = 64;
export const ISA_SOFT_PACKETS = 72;
export const ISA_HARD_PACKETS = 80;
export const ISA_SOFT_BYTES = 88;
export const ISA_HARD_BYTES = 96;
export const ISA_PEER = 104; // 28 octets: sockaddr the last authenticated packet came from
export const ISA_ID = 132; // u32: ChildSaId
export const ISA_IP_HEADER = 136; // 40 octets, transport mode: addresses and all else that every packet's IP header has alike
export const ISA_SIZE = 192;

export const ISA_ESN = 1;
export const ISA_COPY_ECN = 2;
export const ISA_SOFT_REACHED = 4;
export const ISA_HARD_REACHED = 8;
export const ISA_PEER_MOVED = 16; // an authenticated packet came from another address than ISA_PEER
export const ISA_SEPARATE_MAC = 32;
export const ISA_CBC = 64;
export const ISA_TRANSPORT = 256;
export const ISA_OTHER_ICV = 128; // not 16 octets, or not compared where it came: see finish

// ---- traffic selector record; addresses as two u64 in host order, IPv4 in the low half ----
export const TS_FAMILY = 0; // u32: 4 | 6
export const TS_PROTOCOL = 4; // u32: 0 = any
export const TS_PORT_LOW = 8; // u32
export const TS_PORT_HIGH = 12; // u32
export const TS_START_HIGH = 16; // u64
export const TS_START_LOW = 24;
export const TS_END_HIGH = 32;
export const TS_END_LOW = 40;
export const TS_SIZE = 48;

// ---- SPD entry with this worker's outbound entry in it ----
export const POLICY_ID = 0; // u32
export const POLICY_LOCAL_TS = 4;
export const POLICY_LOCAL_TS_COUNT = 8;
export const POLICY_REMOTE_TS = 12;
export const POLICY_REMOTE_TS_COUNT = 16;
export const POLICY_ENTRY = 20; // u32: ENTRY_*
export const POLICY_SA = 24; // u32: address of the outbound SA runtime (own, shared)
export const POLICY_OWNER = 28; // u32: worker that seals for us (stub)
export const POLICY_ASK = 32; // u32: 1 = the next packet raises an ACQUIRE
export const POLICY_ON_MISSING = 36; // u32: index into ON_MISSING
export const POLICY_SIZE = 64;

export const ENTRY_NONE = 0;
export const ENTRY_OWN = 1;
export const ENTRY_STUB = 2;
export const ENTRY_SHARED = 3;

// ---- a packet read from the TUN device (or handed on by another worker), before it is sealed ----
export const OUT_PACKET = 0; // u32: address of the IP packet; the virtio-net header ends there
export const OUT_LENGTH = 4; // u32: octets of the IP packet
export const OUT_POLICY = 8; // u32: address of its policy, 0 = dropped already
export const OUT_SEGMENTS = 12; // u32: ESP packets it will become
export const OUT_DONE = 16; // u32: segments sealed so far (a super-packet may take several batches)
export const OUT_TOS = 20; // u32: DSCP and ECN of the inner header
export const OUT_SIZE = 32;

// ---- cipher job, as the engines take it (dataplane/engines/engine.ts) ----
export const JOB_PAYLOAD = 0; // what is encrypted or decrypted
export const JOB_LENGTH = 4;
export const JOB_AAD = 8; // what is authenticated: beside that by an AEAD, in all by a separate MAC
export const JOB_AAD_LENGTH = 12;
export const JOB_NONCE = 16;
export const JOB_ICV = 20;
export const JOB_SIZE = 32;

// ---- a sealed ESP packet waiting to be sent ----
export const SEND_PACKET = 0; // u32: address
export const SEND_LENGTH = 4;
export const SEND_DEST = 8; // u32: destination index
export const SEND_TOS = 12; // u32: outer DSCP and ECN
export const SEND_SIZE = 16;

// ---- a received ESP packet between the SPI look-up and its delivery ----
export const IN_PACKET = 0; // u32: address of the ESP header; after opening, of the inner IP packet
export const IN_LENGTH = 4; // u32: ESP octets; after opening, inner octets; 0 = dropped
export const IN_SA = 8; // u32: address of the inbound SA runtime
export const IN_SEQ_LOW = 12;
export const IN_SEQ_HIGH = 16;
export const IN_TOS = 20; // u32: outer DSCP and ECN
export const IN_PEER = 24; // u32: address of the source sockaddr
export const IN_SIZE = 32;

// ---- delivery: one packet for the TUN device, joined or not ----
export const DELIVERY_VECTOR = 0; // offset of its first I/O vector
export const DELIVERY_VECTORS = 4;
export const DELIVERY_OCTETS = 8; // virtio-net header included
export const DELIVERY_PACKETS = 12; // ESP packets in it
export const DELIVERY_SIZE = 16;

// ---- run of jobs on one key ----
export const RUN_SA = 0; // u32
export const RUN_FIRST = 4; // u32: index of its first job
export const RUN_COUNT = 8; // u32
export const RUN_SIZE = 16;

// ---- how received ESP came to its worker ----
export const FROM_UDP = 0; // by a socket of a reuseport group
export const FROM_RING = 1; // from another worker
export const FROM_RAW = 2; // by a socket without UDP, whose filter lets the worker's own SPIs through alone

// ---- destination: where an outbound SA's packets go ----
export const DEST_SOCKADDR = 0; // 28 octets: sockaddr_in or sockaddr_in6
export const DEST_SOCKADDR_LENGTH = 28; // u32: 16 | 28
export const DEST_SOCKET = 32; // u32: index of the worker's socket
export const DEST_RAW = 36; // u32: 1 = ESP without UDP, of which the system cuts no message into packets
export const DEST_SIZE = 64;

// ---- struct mmsghdr of the x86-64 and arm64 Linux ABI ----
export const MSG_NAME = 0;
export const MSG_NAME_LENGTH = 8;
export const MSG_IOV = 16;
export const MSG_IOV_COUNT = 24;
export const MSG_CONTROL = 32;
export const MSG_CONTROL_LENGTH = 40;
export const MSG_FLAGS = 48;
export const MSG_LENGTH = 56; // mmsghdr.msg_len
export const MSG_PACKETS = 60; // u32: ESP packets in it; padding to the kernel
export const MSG_SIZE = 64;
export const IOV_SIZE = 16;
export const CONTROL_SIZE = 96; // control-message space per message
export const NAME_SIZE = 32; // sockaddr space per received message

// ---- a received message, parsed ----
export const MESSAGE_MAX_SEGMENTS = 64; // UDP_MAX_SEGMENTS of kernels before 6.9
export const MESSAGE_MAX_OCTETS = 65000;

// ---- room that a job has for a nonce or counter block, and for an ICV ----
export const NONCE_ROOM = 16;
export const ICV_ROOM = 32;

// ---- room kept around packets: what the AEADs need. An SA that needs more frames in a copy (OSA_COPIES) ----
export const ESP_HEADER = 16; // SPI, sequence number, 8 octets of IV
export const VNET_HEADER = 10; // struct virtio_net_hdr; lies in what becomes the ESP header
export const ESP_ICV = 16;
export const ESP_MAX_TRAILER = 3 + 2 + 16; // padding to 4, pad length, next header, ICV
