import { Aedes } from 'aedes';
import type { Log } from '../shared/runtime/log.ts';
import type { BrokerConfig } from './config.ts';
import type { Hooks } from './hooks.ts';
import type { Peer, Peers } from './peer.ts';
import type { SessionStore } from './session-store.ts';
import type { Sessions } from './sessions.ts';
import type { TopicBus } from './topic-bus.ts';

/** Aedes tells other brokers that it lives; here are none. Four times this must fit into a timer. */
const heartbeatIntervalMs = 500_000_000;

export interface EmbeddedAedesOptions {
  config: BrokerConfig;
  hooks: Hooks;
  bus: TopicBus;
  store: SessionStore;
}

/** @returns an Aedes that does not listen yet */
export function createAedes({ config, hooks, bus, store }: EmbeddedAedesOptions): Aedes {
  const aedes = new Aedes({
    // Each connection has one batch under way at most: no further limit, which would only queue messages.
    concurrency: 0,
    heartbeatInterval: heartbeatIntervalMs,
    // A second line: the stream keeps both itself.
    connectTimeout: config.connectTimeoutMs + 1000,
    drainTimeout: 5000,
    maxTopicLevels: config.maxTopicLevels,
    // The session store counts them over connections, too.
    maxInflightInbound: 0,
    mq: bus,
    persistence: store.persistence,
    ...hooks,
  });
  // Aedes numbers messages to recognise those that a second broker sent already, and takes one that was overtaken
  // (a retained one is stored first) for such. There is no second broker: without an id it does not compare.
  aedes.id = '';
  return aedes;
}

export interface FollowOptions {
  aedes: Aedes;
  peers: Peers;
  sessions: Sessions;
  log: Log;
  onUnsubscribe: (peer: Peer | undefined, filters: readonly string[]) => void;
}

/** Keeps our view of connections in step with Aedes's. */
export function follow({ aedes, peers, sessions, log, onUnsubscribe }: FollowOptions): void {
  aedes.on('client', (client) => {
    const peer = peers.get(client);
    if (peer !== undefined) sessions.registered(peer);
  });
  aedes.on('clientReady', (client) => {
    const peer = peers.get(client);
    peer?.stream.open(peer.hello?.keepaliveSeconds ?? 0);
  });
  aedes.on('clientDisconnect', (client) => {
    const peer = peers.get(client);
    if (peer !== undefined) sessions.left(peer);
  });
  aedes.on('unsubscribe', (filters, client) => onUnsubscribe(peers.get(client), filters));
  aedes.on('clientError', (client, error) =>
    log.debug({ clientId: client.id, reason: error.message }, 'client closed'),
  );
  aedes.on('connectionError', (_client, error) => log.debug({ reason: error.message }, 'connection closed'));
  // The declared events leave out 'error'; without a listener it ends the process.
  const events: NodeJS.EventEmitter = aedes;
  events.on('error', (error: Error) => log.error({ reason: error.message }, 'broker error'));
}
