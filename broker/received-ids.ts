import type { Client, PublishPacket, PubrelPacket } from 'aedes';

/**
 * Which messages of QoS 2 each client has sent whose PUBREL has not come: a second PUBLISH under the same packet
 * identifier is the same message [MQTT-4.3.3-2]. The part of Aedes's persistence that it calls for them.
 */
export interface ReceivedIds {
  /** Rejects where the message is new. Aedes then stores it, but asks for one that comes right behind before that. */
  incomingGetPacket(client: ClientRef, packet: PublishPacket | PubrelPacket): Promise<object>;
  /** Rejects where the client has too many. */
  incomingStorePacket(client: ClientRef, packet: PublishPacket): Promise<void>;
  incomingDelPacket(client: ClientRef, packet: PubrelPacket): Promise<void>;
  cleanIncoming(client: ClientRef): Promise<void>;
}

type ClientRef = Pick<Client, 'id'>;

/** @param maxPerClient what one client may have unreleased; its connection ends at the next one */
export function createReceivedIds(maxPerClient: number): ReceivedIds {
  const byClient = new Map<string, Set<number>>();

  function forget(clientId: string, messageId: number): void {
    const ids = byClient.get(clientId);
    ids?.delete(messageId);
    if (ids?.size === 0) byClient.delete(clientId);
  }

  return {
    async incomingGetPacket({ id }, packet) {
      const { messageId = 0 } = packet;
      const ids = byClient.get(id) ?? new Set();
      if (ids.has(messageId)) return packet;
      if (packet.cmd === 'publish') byClient.set(id, ids.add(messageId));
      throw new Error('no such message');
    },
    async incomingStorePacket({ id }, { messageId = 0 }) {
      if ((byClient.get(id)?.size ?? 0) <= maxPerClient) return;
      forget(id, messageId);
      throw new Error(`more than ${maxPerClient} messages wait for PUBREL`);
    },
    incomingDelPacket: async ({ id }, { messageId = 0 }) => forget(id, messageId),
    async cleanIncoming({ id }) {
      byClient.delete(id);
    },
  };
}
