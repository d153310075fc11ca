import type { KeyObject } from 'node:crypto';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type Access, createTokenAccess } from './access.ts';
import { type BrokerConfig, deniedFilters, requireUsable } from './config.ts';
import { createConnections } from './connections.ts';
import { createAedes, follow } from './embedded-aedes.ts';
import { createForwarding } from './forwarding.ts';
import { createHooks } from './hooks.ts';
import type { Listener } from './link.ts';
import { createOpenAccess } from './open-access.ts';
import type { Peers } from './peer.ts';
import { createRefusals, type RefusalReason } from './refusals.ts';
import { createRetainedMessages } from './retained-messages.ts';
import { createSessionStore } from './session-store.ts';
import { createSessions } from './sessions.ts';
import { listenTcp } from './tcp-listener.ts';
import { createTopicBus } from './topic-bus.ts';
import { createTopicGuard } from './topic-guard.ts';
import { createTraffic, type TrafficCounts } from './traffic.ts';
import { listenWebSocket } from './web-socket-listener.ts';

export interface BrokerOptions {
  config: BrokerConfig;
  /** The platform's: PEM or a key. Needed unless `access` is given or the broker is open to all. */
  publicKey?: string | KeyObject;
  log: Log;
  clock: Clock;
  /** Instead of tokens under `publicKey` and the platform's topic rules. */
  access?: Access;
}

export interface BrokerStats extends TrafficCounts {
  /** Open connections, those not yet admitted among them. */
  connections: number;
  /** Bytes that wait for all peers. */
  unsentBytes: number;
  /** Payloads and topics of all retained messages, bytes. */
  retainedBytes: number;
  /** Kept sessions, and the bytes of the messages in their queues. */
  sessions: number;
  queuedBytes: number;
  /** How often something was refused or cut, by reason. */
  refused: Record<RefusalReason, number>;
}

/** Where a broker serves, as URLs. */
export interface BrokerAddresses {
  mqtt: string;
  webSocket?: string;
}

/**
 * An MQTT 3.1.1 broker that keeps nothing durable and gives each identity its own branch of the topics alone; with
 * `allowAnonymous`, one as the standard has it, for tools.
 */
export interface Broker {
  /** @returns when it listens @throws {FleetError} `listen-failed` */
  start(): Promise<void>;
  /** Closes listeners, then connections; wills of the connections go to those that are still there. */
  close(): Promise<void>;
  /** @returns where it listens; undefined before `start` */
  addresses(): BrokerAddresses | undefined;
  stats(): BrokerStats;
}

/** @throws {FleetError} `config-invalid` where it would listen beyond this machine, or could let nobody in */
export function createBroker(options: BrokerOptions): Broker {
  const { log, clock } = options;
  const config = requireUsable(options.config);
  const access = options.access ?? accessOf(config, options);
  const peers: Peers = new WeakMap();
  const sessions = createSessions();
  const refusals = createRefusals({ log, clock });
  const traffic = createTraffic();
  const retained = createRetainedMessages(config);
  const store = createSessionStore({
    config,
    retained,
    grantedQos: (client, filter) => peers.get(client)?.filters.get(filter),
    onLost: traffic.dropped,
  });
  const topics = createTopicGuard({ config, access, refusals, retained });
  const forwarding = createForwarding({ config, access, refusals, traffic });
  const hooks = createHooks({ config, access, peers, sessions, store, topics, forwarding, traffic, refusals });
  const aedes = createAedes({ config, hooks, bus: createTopicBus(), store });
  follow({ aedes, peers, sessions, log, onUnsubscribe: topics.unsubscribed });
  const connections = createConnections({ aedes, peers, sessions, config, clock, refusals });
  let listeners: Listener[] = [];
  let addresses: BrokerAddresses | undefined;

  return {
    async start() {
      await aedes.listen();
      const onError = (error: Error): void => log.error({ error: error.message }, 'listener failed');
      const tcp = await listenTcp({
        host: config.listenHost,
        port: config.mqttPort,
        onLink: connections.accept,
        onError,
      });
      listeners = [tcp];
      addresses = { mqtt: tcp.address };
      const { webSocketPort: port } = config;
      if (port !== undefined) {
        const webSocket = await listenWebSocket({
          config,
          port,
          onLink: connections.accept,
          onRefused: refusals.count,
          onError,
        });
        listeners.push(webSocket);
        addresses.webSocket = webSocket.address;
      }
      connections.startInspecting();
    },
    async close() {
      connections.stopInspecting();
      const closing = listeners.map((listener) => listener.close());
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      connections.destroyAll();
      await Promise.all(closing);
    },
    addresses: () => addresses,
    stats: () => ({
      connections: connections.size(),
      unsentBytes: connections.unsentBytes(),
      retainedBytes: retained.bytes(),
      sessions: store.size(),
      queuedBytes: store.queuedBytes(),
      ...traffic.counts(),
      refused: refusals.counts(),
    }),
  };
}

function accessOf(config: BrokerConfig, { publicKey, clock }: BrokerOptions): Access {
  if (config.allowAnonymous) return createOpenAccess({ denySubscribe: deniedFilters(config) });
  if (publicKey !== undefined) return createTokenAccess({ publicKey, clock });
  throw new FleetError('config-invalid', 'publicKeyFile: without a key to verify tokens by, nobody could come in');
}
