/** The keys of one IKE SA in time: each IKE_INTERMEDIATE exchange with a key exchange makes new ones (RFC 9370 §2.2.2). */
import type { IkeHeader } from "../wire/ike-header.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";

export class KeyEpochs {
  #current: IkeSaKeys | undefined;
  /** Those before, for repetitions of the peer's requests below a message ID. */
  #outdated: { readonly keys: IkeSaKeys; readonly below: number } | undefined;

  get current(): IkeSaKeys | undefined {
    return this.#current;
  }

  begin(keys: IkeSaKeys): void {
    this.#current = keys;
  }

  /** `below`: requests with lower message IDs came under the keys that are replaced; undefined: the peer sends none. */
  replace(keys: IkeSaKeys, below: number | undefined): void {
    this.forgetOutdated();
    if (this.#current !== undefined && below !== undefined) this.#outdated = { keys: this.#current, below };
    else this.#current?.wipe();
    this.#current = keys;
  }

  of({ isResponse, messageId }: Pick<IkeHeader, "isResponse" | "messageId">): IkeSaKeys | undefined {
    return !isResponse && this.#outdated !== undefined && messageId < this.#outdated.below ? this.#outdated.keys : this.#current;
  }

  forgetOutdated(): void {
    this.#outdated?.keys.wipe();
    this.#outdated = undefined;
  }

  wipe(): void {
    this.forgetOutdated();
    this.#current?.wipe();
  }
}
