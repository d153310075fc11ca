import type { Access } from './access.ts';
import { createMatcher, isFilter } from './topic-filter.ts';

/** Aedes takes what is published there for its own orders. */
const ordersPrefix = '$SYS/';
/** Shared subscriptions are of MQTT 5: Aedes would grant them and deliver nothing. */
const sharedPrefix = '$share/';

/**
 * Access of a plain broker: to everybody, and to all topics but those that are denied.
 * @param denySubscribe filters: none that one of them covers is granted, and no message that one of them matches is
 *   delivered, whatever filter it was asked for by
 */
export function createOpenAccess({ denySubscribe }: { denySubscribe: readonly string[] }): Access {
  const denied = denySubscribe.map(createMatcher);
  return {
    identify: () => ({ role: 'device', id: '' }),
    mayPublish: (_identity, topic) => isFilter(topic) && !/[+#]/.test(topic) && !topic.startsWith(ordersPrefix),
    maySubscribe: (_identity, filter) =>
      isFilter(filter) && !filter.startsWith(sharedPrefix) && !denied.some((covers) => covers(filter)),
    mayRetain: () => true,
  };
}
