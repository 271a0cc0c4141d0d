/** The notifies of the multi-SA schemes on the wire: RFC 9611's, and the private-use ones of the draft before it. */
import type { GroupNotify } from "../multisa/notifies.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { notify, notifyUint32, saResourceInfo, uint32Of } from "../wire/notify.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";

/** draft-pwouters-ipsecme-multi-sa-performance never got numbers: both ends must be configured alike. Private use is 40960..65535. */
export interface DraftNotifyNumbers {
  readonly cpuQueues: number;
  readonly cpuQueueInfo: number;
}

export function encodeGroupNotify(groupNotify: GroupNotify, numbers: DraftNotifyNumbers): NotifyPayload {
  switch (groupNotify.kind) {
    case "SA_RESOURCE_INFO":
      return saResourceInfo(groupNotify.identifier);
    case "CPU_QUEUES":
      return notifyUint32(numbers.cpuQueues, groupNotify.count);
    case "CPU_QUEUE_INFO":
      return notify(numbers.cpuQueueInfo, groupNotify.identifier);
  }
}

/** All that a message has, in its order. Throws MalformedMessage for a CPU_QUEUES that is not one number. */
export function groupNotifiesOf(payloads: readonly Payload[], numbers: DraftNotifyNumbers): GroupNotify[] {
  return payloads.flatMap((payload): GroupNotify[] => {
    if (payload.type !== "NOTIFY") return [];
    switch (payload.notifyType) {
      case NotifyType.SA_RESOURCE_INFO:
        return [{ kind: "SA_RESOURCE_INFO", identifier: payload.data.slice() }];
      case numbers.cpuQueues:
        return [{ kind: "CPU_QUEUES", count: uint32Of(payload) }];
      case numbers.cpuQueueInfo:
        return [{ kind: "CPU_QUEUE_INFO", identifier: payload.data.slice() }];
      default:
        return [];
    }
  });
}
