import { EventEmitter } from 'node:events';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { FleetError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { fullJitterDelayMs } from '../runtime/retry.ts';
import { pingRequest, writePublish } from './publish-packet.ts';
import { createUnderWay, type UnderWay, type UnderWayTracker } from './under-way.ts';

/** How a connection to the broker is made. */
export interface MqttConnectionOptions {
  /** mqtt:// or ws:// */
  url: string;
  /** The identity's id: the MQTT user name. */
  id: string;
  token: string;
  /** Appended to the id to make the client id, e.g. "/data". */
  suffix?: string;
  /** Published by the broker when this connection dies. */
  will?: { topic: string; payload: string };
  keepaliveSeconds?: number;
  /** Bytes that may wait in the socket before QoS 0 publishes are refused. */
  maxUnsentBytes?: number;
  /** Longest wait between two attempts to reconnect to a broker that does not answer, ms; 15,000 if absent. */
  maxReconnectMs?: number;
  log: Log;
  /** In [0, 1); injected for tests. */
  random?: () => number;
}

/** A fleet that loses its broker comes back within this at the earliest: 2,000 devices in 1 s, not in a tenth of it. */
const firstReconnectMs = 1000;
/**
 * Longest wait while nobody listens there: a broker that is started again is soon found. One that listens and does not
 * answer has too much to do, and is left alone for longer each time.
 */
const maxAbsentMs = 2000;

const protocols = ['mqtt', 'mqtts', 'ws', 'wss'] as const;
const usualPorts = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };

export type MessageHandler = (topic: string, payload: Buffer, retained: boolean) => void;

/**
 * One connection to the broker that heals itself.
 * INVARIANTS: what cannot be sent now is refused, never queued (mqtt.js would queue without bound);
 * subscriptions are renewed on every connect; attempts to reconnect are spread by full jitter, the first one too, and
 * never end, whether nobody listens or the broker refuses.
 */
export interface MqttConnection {
  connected(): boolean;
  /** Resolves when connected for the first time. @throws {FleetError} `broker-unreachable` after `timeoutMs` */
  ready(timeoutMs: number): Promise<void>;
  subscribe(filter: string, handler: MessageHandler): void;
  unsubscribe(filter: string): void;
  /**
   * Fire and forget, QoS 0.
   * @param pieces the payload, not to be changed until the socket has taken it
   * @param asks whether to ask, in the same segment, for a sign that the broker has read it
   * @returns false where it was not even handed to the socket
   */
  publish(topic: string, pieces: readonly Uint8Array[], asks?: boolean): boolean;
  /** QoS 1. @returns whether the broker acknowledged it */
  publishAcknowledged(topic: string, payload: Buffer | string, options?: { retain?: boolean }): Promise<boolean>;
  /** What of the QoS 0 messages the broker has not read yet. */
  readonly underWay: UnderWay;
  /** Looks for the broker elsewhere from the next attempt to connect on. @throws {FleetError} `config-invalid` */
  moveTo(url: string): void;
  onConnect(listener: () => void): void;
  onDisconnect(listener: () => void): void;
  close(): Promise<void>;
}

export function createMqttConnection(options: MqttConnectionOptions): MqttConnection {
  const { log, maxUnsentBytes = 4 << 20 } = options;
  const events = new EventEmitter();
  const handlers = new Map<string, MessageHandler>();
  const client = connect(options.url, clientOptions(options));
  const underWay = trackUnderWay(client);
  spreadReconnects(client, options);

  client.on('connect', () => {
    const socket = client.stream;
    // Without it a small write that follows another waits for the peer's delayed ACK, up to 40 ms.
    if ('setNoDelay' in socket && typeof socket.setNoDelay === 'function') socket.setNoDelay(true);
    for (const filter of handlers.keys()) subscribeNow(client, filter, log);
    events.emit('connect');
  });
  client.on('close', () => void events.emit('disconnect'));
  client.on('error', (error) => log.warn({ reason: error.message }, 'broker connection failed'));
  client.on('message', (topic, payload, packet) => {
    for (const [filter, handler] of handlers) {
      if (matches(filter, topic)) handler(topic, payload, packet.retain);
    }
  });

  const hasRoom = (): boolean => client.connected && unsentBytes(client) <= maxUnsentBytes;
  return {
    connected: () => client.connected,
    ready: (timeoutMs) => waitUntilConnected(client, options.url, timeoutMs),
    subscribe(filter, handler) {
      handlers.set(filter, handler);
      if (client.connected) subscribeNow(client, filter, log);
    },
    unsubscribe(filter) {
      handlers.delete(filter);
      if (client.connected) client.unsubscribe(filter);
    },
    publish(topic, pieces, asks = false) {
      if (!hasRoom()) return false;
      if (asks) publishAndAsk(client, underWay, { topic, pieces });
      else underWay.publishes(writePublish(client.stream, topic, pieces));
      return true;
    },
    publishAcknowledged(topic, payload, { retain = false } = {}) {
      if (!hasRoom()) return Promise.resolve(false);
      return new Promise((resolve) => {
        client.publish(topic, payload, { qos: 1, retain }, (error) => resolve(!error));
      });
    },
    underWay,
    moveTo: (url) => void Object.assign(client.options, addressOf(url)),
    onConnect: (listener) => void events.on('connect', listener),
    onDisconnect: (listener) => void events.on('disconnect', listener),
    close: () => new Promise((resolve) => client.end(true, {}, () => resolve())),
  };
}

/** Bytes handed to the socket that the kernel has not taken yet. */
function unsentBytes({ stream }: MqttClient): number {
  return 'writableLength' in stream ? Number(stream.writableLength) : 0;
}

/** The keepalive of mqtt.js asks too; answers do not say to which question they belong. */
function trackUnderWay(client: MqttClient): UnderWayTracker {
  const underWay = createUnderWay(() => {
    if (client.connected) client.stream.write(pingRequest);
  });
  client.on('packetsend', ({ cmd }) => {
    if (cmd === 'pingreq') underWay.asked();
  });
  client.on('packetreceive', ({ cmd }) => {
    if (cmd === 'pingresp') underWay.answered();
  });
  client.on('close', underWay.lost);
  return underWay;
}

function publishAndAsk(
  { stream }: MqttClient,
  underWay: UnderWayTracker,
  { topic, pieces }: { topic: string; pieces: readonly Uint8Array[] },
): void {
  stream.cork();
  try {
    underWay.publishes(writePublish(stream, topic, pieces));
    underWay.ask();
  } finally {
    stream.uncork();
  }
}

/**
 * Draws how long to wait before the next attempt. mqtt.js reads it from its options when it begins to wait, which is
 * before its listeners hear of the loss.
 */
function spreadReconnects(client: MqttClient, options: MqttConnectionOptions): void {
  const { maxReconnectMs = 15_000, random = Math.random } = options;
  const failures = { unanswered: 0, 'nobody-there': 0 };
  let attempt: 'connected' | keyof typeof failures = 'unanswered';
  function draw(failed: number, maxMs: number): void {
    client.options.reconnectPeriod = Math.max(1, fullJitterDelayMs(failed, maxMs, random, firstReconnectMs));
  }

  draw(1, maxReconnectMs);
  client.on('reconnect', () => {
    attempt = 'unanswered';
  });
  client.on('error', (error) => {
    if ('code' in error && String(error.code) === 'ECONNREFUSED') attempt = 'nobody-there';
  });
  client.on('connect', () => {
    attempt = 'connected';
    failures.unanswered = 0;
    failures['nobody-there'] = 0;
    draw(1, maxReconnectMs);
  });
  client.prependListener('close', () => {
    if (attempt === 'connected') return draw(1, maxReconnectMs);
    failures[attempt] += 1;
    draw(1 + failures[attempt], attempt === 'unanswered' ? maxReconnectMs : Math.min(maxAbsentMs, maxReconnectMs));
  });
}

function clientOptions(options: MqttConnectionOptions): IClientOptions {
  const base: IClientOptions = {
    clientId: `${options.id}${options.suffix ?? ''}`,
    username: options.id,
    password: options.token,
    clean: true,
    protocolVersion: 4,
    keepalive: options.keepaliveSeconds ?? 10,
    // A broker to which a whole fleet comes back answers late; who gave up before would only queue again, behind all others.
    connectTimeout: 15_000,
    // A broker that is just starting, or still has the session before, may refuse today what it grants in a moment.
    reconnectOnConnackError: true,
    queueQoSZero: false,
    resubscribe: false,
  };
  if (options.will === undefined) return base;
  return {
    ...base,
    will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: true },
  };
}

/** @returns an address as mqtt.js keeps it, which it reads again for every attempt to connect */
function addressOf(url: string): Required<Pick<IClientOptions, 'protocol' | 'host' | 'hostname' | 'port' | 'path'>> {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const known = protocols.find((name) => `${name}:` === protocol);
  if (known === undefined) throw new FleetError('config-invalid', `${url}: a broker is reached by ${protocols.join()}`);
  // net wants IPv6 addresses without brackets.
  const host = known.startsWith('mqtt') ? hostname.replace(/^\[(.*)\]$/, '$1') : hostname;
  const path = `${pathname}${search}`;
  return { protocol: known, host, hostname: host, path, port: port === '' ? usualPorts[known] : Number(port) };
}

function subscribeNow(client: MqttClient, filter: string, log: Log): void {
  client.subscribe(filter, { qos: 1 }, (error, granted) => {
    const refused = granted?.some((grant) => grant.qos === 128) === true;
    if (error || refused) log.error({ filter, reason: error?.message ?? 'refused' }, 'subscription failed');
  });
}

function waitUntilConnected(client: MqttClient, url: string, timeoutMs: number): Promise<void> {
  if (client.connected) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      client.removeListener('connect', onConnect);
      reject(new FleetError('broker-unreachable', `${url}: not connected after ${timeoutMs} ms`));
    }, timeoutMs);
    const onConnect = (): void => {
      clearTimeout(timer);
      resolve();
    };
    client.once('connect', onConnect);
  });
}

/** @returns whether an MQTT filter with "+" matches a topic [MQTT-4.7.1-3] */
function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (!filter.includes('+')) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  return wanted.length === levels.length && wanted.every((level, i) => level === '+' || level === levels[i]);
}
