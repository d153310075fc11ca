import type { AedesPublishPacket } from 'aedes';
import { createFilterTree } from './filter-tree.ts';

/** Takes a message, and says when it is done with it. */
export type Notify = (packet: AedesPublishPacket, done: () => void) => void;

/**
 * Aedes's way from publishers to subscriptions, in place of its own: it marks each message with the filter that it came
 * by, without which nobody could tell a subscription's QoS, and remembers which subscriptions a topic has.
 */
export interface TopicBus {
  on(filter: string, notify: Notify, done?: () => void): void;
  removeListener(filter: string, notify: Notify, done?: () => void): void;
  /** @param done called when every subscription is done with the message */
  emit(packet: AedesPublishPacket, done: () => void): void;
  close(done: () => void): void;
}

interface Listener {
  notify: Notify;
  mark: NonNullable<AedesPublishPacket['properties']>;
}

export function createTopicBus(): TopicBus {
  const tree = createFilterTree<Listener>();
  const byNotify = new Map<Notify, Listener>();
  return {
    on(filter, notify, done) {
      const listener: Listener = { notify, mark: { userProperties: { filter } } };
      byNotify.set(notify, listener);
      tree.add(filter, listener);
      if (done !== undefined) setImmediate(done);
    },
    removeListener(filter, notify, done) {
      const listener = byNotify.get(notify);
      byNotify.delete(notify);
      if (listener !== undefined) tree.remove(filter, listener);
      if (done !== undefined) setImmediate(done);
    },
    emit(packet, done) {
      const listeners = tree.match(packet.topic);
      let left = listeners.length;
      if (left === 0) return done();
      const one = (): void => {
        left -= 1;
        if (left === 0) done();
      };
      for (const { notify, mark } of listeners) {
        // Aedes copies the packet for each subscription, before `notify` returns. Of MQTT 3.1.1 none is sent on.
        packet.properties = mark;
        notify(packet, one);
      }
    },
    close: (done) => void setImmediate(done),
  };
}

/** @returns the filter of the subscription that a message was forwarded for, if it came by one */
export function filterOf({ properties }: Pick<AedesPublishPacket, 'properties'>): string | undefined {
  const filter = properties?.userProperties?.['filter'];
  return typeof filter === 'string' ? filter : undefined;
}
