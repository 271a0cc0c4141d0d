/** What an IKE SA begins with. The IKE SA itself is a parameter, since it imports this. */
import type { IkeSpi } from "../wire/ike-header.ts";
import type { TransportAddresses } from "./addresses.ts";
import type { IkeSaState } from "./ike-sa-state.ts";

export interface IkeSaParameters<IkeSa> {
  readonly isOriginalInitiator: boolean;
  readonly ownSpi: IkeSpi;
  readonly peerSpi: IkeSpi;
  readonly state: IkeSaState<IkeSa>;
  readonly addresses: TransportAddresses;
  /** Message IDs of our next request and of the peer's (RFC 7296 §2.2). */
  readonly firstMessageId: number;
  readonly peersFirstMessageId: number;
  readonly createdAt: number;
}
