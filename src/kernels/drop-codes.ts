/** The drop reasons that the kernels count themselves: codes of the table in ipsec/drop-reasons.ts (a test holds the two together). */
export const DROP_IN_HDR_ERROR = 0;
export const DROP_IN_NO_STATES = 1;
export const DROP_IN_STATE_PROTO_ERROR = 2;
export const DROP_IN_STATE_SEQ_ERROR = 3;
export const DROP_IN_STATE_MISMATCH = 4;
export const DROP_IN_STATE_EXPIRED = 5;
export const DROP_IN_ECN_ILLEGAL = 6;
export const DROP_IN_DUMMY = 7;
export const DROP_OUT_HDR_ERROR = 16;
export const DROP_OUT_NO_POLS = 17;
export const DROP_OUT_FRAGMENT_NO_PORTS = 18;
export const DROP_OUT_STATE_EXPIRED = 19;
export const DROP_OUT_STATE_SEQ_ERROR = 20;
export const DROP_OUT_NOT_TRANSPORTABLE = 27;
