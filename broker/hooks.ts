import { randomUUID } from 'node:crypto';
import type { AedesOptions, Client } from 'aedes';
import { admit, type ConnackCode, type ConnectRulesOptions } from './connect-rules.ts';
import type { Forwarding } from './forwarding.ts';
import type { Hello, Peers } from './peer.ts';
import type { Refusals } from './refusals.ts';
import type { TopicGuard } from './topic-guard.ts';
import type { Traffic } from './traffic.ts';

export interface HooksOptions extends ConnectRulesOptions {
  peers: Peers;
  topics: TopicGuard;
  forwarding: Forwarding;
  traffic: Traffic;
  refusals: Refusals;
}

export type Hooks = Required<
  Pick<
    AedesOptions,
    'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward' | 'published'
  >
>;

/**
 * Aedes's hooks. INVARIANT: none throws, whatever happens inside; a fault of ours ends the connection that it happened on.
 */
export function createHooks(options: HooksOptions): Hooks {
  const { config, peers, topics, forwarding, traffic, refusals } = options;

  /** Runs `body`; a throw cuts the client and becomes `fallback`. */
  function guarded<T>(client: Client | null, fallback: T, body: () => T): T {
    try {
      return body();
    } catch (error) {
      cut(client, error);
      return fallback;
    }
  }

  function cut(client: Client | null, error: unknown): void {
    const stream = client === null ? undefined : peers.get(client)?.stream;
    if (stream === undefined) refusals.count('hook-failed', { error });
    else stream.cut('hook-failed', error);
  }

  return {
    preConnect(client, packet, done) {
      const peer = peers.get(client);
      if (peer === undefined) return done(new Error('unknown connection'), false);
      // A slice would keep the whole chunk alive in which it arrived.
      if (packet.will) packet.will.payload = Buffer.from(packet.will.payload);
      // [MQTT-3.1.3-6]
      if (config.allowAnonymous && packet.clientId === '' && packet.clean === true) packet.clientId = randomUUID();
      peer.hello = helloOf(packet);
      if (peer.hello.protocolVersion > 4) refusals.count('protocol-version');
      // The stream keeps it, by bytes: Aedes would count whole packets only.
      packet.keepalive = 0;
      done(null, true);
    },
    authenticate(client, username, password, done) {
      authenticate(client, username, password?.toString(), options).then(
        (returnCode) => {
          if (returnCode === undefined) done(null, true);
          else done(Object.assign(new Error('refused'), { returnCode }), false);
        },
        (error) => cut(client, error),
      );
    },
    authorizePublish(client, packet, done) {
      const peer = client === null ? undefined : peers.get(client);
      const reason = guarded(client, 'hook-failed' as const, () => topics.publish(peer, packet));
      if (reason === undefined) return done(null);
      if (reason !== 'hook-failed') refusals.count(reason, { id: peer?.identity?.id, topic: packet.topic });
      done(new Error(reason));
    },
    authorizeSubscribe(client, subscription, done) {
      const granted = guarded(client, false, () => topics.subscribe(peers.get(client), subscription));
      // The topic guard gives each message its QoS; Aedes would go by the filter that happens to equal the topic.
      done(null, granted ? { ...subscription, qos: 2 } : null);
    },
    authorizeForward: (client, packet) =>
      guarded(client, false, () => forwarding.forward(peers.get(client), packet)) ? packet : null,
    published(packet, client, done) {
      // Aedes publishes on its own, too, under $SYS: those have no client.
      if (client) traffic.received(packet.payload.length);
      done(null);
    },
  };
}

/** @returns the CONNACK code of a refusal, undefined where the client is let in */
async function authenticate(
  client: Client,
  username: string | undefined,
  password: string | undefined,
  options: HooksOptions,
): Promise<ConnackCode | undefined> {
  const peer = options.peers.get(client);
  if (peer?.hello === undefined) return 5;
  const refusal = await admit(peer, peer.hello, { username, password }, options);
  if (refusal === undefined) return undefined;
  const { reason, detail } = refusal;
  options.refusals.count(reason, { clientId: peer.hello.clientId, remote: peer.stream.remote, detail });
  return refusal.returnCode;
}

function helloOf(packet: Parameters<Hooks['preConnect']>[1]): Hello {
  return {
    clientId: packet.clientId,
    // A bridge (the version's top bit) would get messages as published, which nothing here needs.
    protocolVersion: 'bridgeMode' in packet ? 0 : (packet.protocolVersion ?? 0),
    clean: packet.clean === true,
    keepaliveSeconds: packet.keepalive ?? 0,
    will: packet.will,
  };
}
