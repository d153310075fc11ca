import { isIPv4 } from 'node:net';
import { type Static, Type } from 'typebox';
import { readConfig, toEnvironment } from '../shared/runtime/config.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import { LogLevelSchema } from '../shared/runtime/log-level.ts';
import { isFilter } from './topic-filter.ts';

const kibi = 1024;
const mebi = 1024 * kibi;

/** Everything an operator can set on the broker; each key is read from `EDGENT_` and its name in capitals. */
export const BrokerConfigSchema = Type.Object({
  listenHost: Type.String({
    default: '127.0.0.1',
    description: 'Address to listen on. Only loopback: this broker has no TLS yet.',
  }),
  mqttPort: Type.Integer({
    default: 1883,
    minimum: 0,
    maximum: 65_535,
    description: 'MQTT over TCP; 0: any free port.',
  }),
  webSocketPort: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'MQTT over WebSocket, path /mqtt; 0: any free port; absent: no WebSocket.',
    }),
  ),
  webSocketOrigins: Type.String({
    default: '',
    description: 'Origins, separated by commas, whose web pages may connect; programs that send no Origin always may.',
  }),
  publicKeyFile: Type.Optional(
    Type.String({
      description: 'PEM file with the key that access tokens are verified by; needed unless open to all.',
    }),
  ),
  allowAnonymous: Type.Boolean({
    default: false,
    description: 'A plain MQTT 3.1.1 broker, open to all on this machine: for tools, never for devices.',
  }),
  denySubscribe: Type.String({
    default: '',
    description: 'Filters, one a line, that a plain broker grants to nobody.',
  }),
  maxConnections: Type.Integer({ default: 12_000, minimum: 1, description: 'Open connections, of all listeners.' }),
  maxPacketBytes: Type.Integer({
    default: 8 * mebi,
    minimum: 16,
    maximum: 256 * mebi - 1,
    description: 'Largest PUBLISH of an authenticated client, bytes after its fixed header.',
  }),
  maxControlBytes: Type.Integer({
    default: 4 * kibi,
    minimum: 64,
    description: 'Largest CONNECT, SUBSCRIBE and UNSUBSCRIBE, bytes after the fixed header.',
  }),
  maxWebSocketMessageBytes: Type.Integer({
    default: mebi,
    minimum: kibi,
    description: 'Largest WebSocket message, bytes; larger MQTT packets must span several.',
  }),
  maxFilters: Type.Integer({ default: 20, minimum: 1, description: 'Topic filters a connection may hold.' }),
  maxSessions: Type.Integer({ default: 10_000, minimum: 1, description: 'Kept sessions of a plain broker.' }),
  maxQueuedBytes: Type.Integer({
    default: 16 * mebi,
    minimum: kibi,
    description: 'Messages that a kept session holds for its client, bytes; what finds no room is lost and counted.',
  }),
  maxQueuedTotalBytes: Type.Integer({
    default: 64 * mebi,
    minimum: kibi,
    description: 'Messages that all kept sessions hold, bytes.',
  }),
  maxInflightInbound: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 65_535,
    description: 'QoS 2 messages of a connection that wait for PUBREL; it ends at the next one.',
  }),
  maxTopicLevels: Type.Integer({ default: 8, minimum: 1, maximum: 100, description: 'Levels of a topic or filter.' }),
  maxRetainedBytes: Type.Integer({
    default: 256 * kibi,
    minimum: 0,
    description: 'Largest retained payload or will, bytes.',
  }),
  maxRetainedTotalBytes: Type.Integer({
    default: 64 * mebi,
    minimum: 0,
    description: 'All retained payloads and their topics, bytes.',
  }),
  maxRetainedMessages: Type.Integer({ default: 50_000, minimum: 0, description: 'Retained messages, one a topic.' }),
  publishesPerSecond: Type.Integer({
    default: 2000,
    minimum: 1,
    description: 'PUBLISH packets a second that a connection may send for long; a faster one is held back, not cut.',
  }),
  maxUnsentBytes: Type.Integer({
    default: mebi,
    minimum: kibi,
    description: 'Bytes waiting for one peer above which QoS 0 messages to it are dropped, and it is read no further.',
  }),
  maxBacklogBytes: Type.Integer({
    default: 32 * mebi,
    minimum: kibi,
    description: 'Bytes waiting for one peer above which it is cut rather than lose a QoS 1 message.',
  }),
  connectTimeoutMs: Type.Integer({ default: 5000, minimum: 1, description: 'Time from accept to CONNACK, ms.' }),
  maxKeepaliveSeconds: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 65_535,
    description: 'Longest keepalive, s.',
  }),
  stallTimeoutMs: Type.Integer({
    default: 20_000,
    minimum: 1,
    description: 'Time in which a peer takes none of the bytes that wait for it, and sends none, before it is cut, ms.',
  }),
  minBytesPerSecond: Type.Integer({
    default: 64,
    minimum: 1,
    description: 'Rate above which the bytes of an unfinished packet count as a sign of life for the keepalive.',
  }),
  logLevel: LogLevelSchema,
});

export type BrokerConfig = Static<typeof BrokerConfigSchema>;

/** Defaults of a plain broker where they differ: what tools and conformance suites try goes far beyond a device. */
const plainDefaults = {
  maxControlBytes: 256 * kibi,
  maxFilters: 1000,
  maxTopicLevels: 100,
  maxInflightInbound: 1000,
  maxRetainedBytes: 8 * mebi,
  publishesPerSecond: 50_000,
};

/** @throws {FleetError} `config-invalid` */
export function readBrokerConfig(environment: Record<string, string | undefined>): BrokerConfig {
  const config = readConfig(BrokerConfigSchema, environment);
  if (!config.allowAnonymous) return requireUsable(config);
  return requireUsable(readConfig(BrokerConfigSchema, { ...toEnvironment(plainDefaults), ...environment }));
}

/** @throws {FleetError} `config-invalid` where the address is not this machine's own, or a filter is none */
export function requireUsable(config: BrokerConfig): BrokerConfig {
  const { listenHost, allowAnonymous, denySubscribe } = config;
  if (!(listenHost === 'localhost' || listenHost === '::1' || (isIPv4(listenHost) && listenHost.startsWith('127.')))) {
    throw new FleetError(
      'config-invalid',
      `listenHost ${listenHost}: this broker has no TLS yet, so it listens on loopback (127.0.0.1, ::1) only`,
    );
  }
  const wrong = deniedFilters(config).find((filter) => !isFilter(filter));
  if (wrong !== undefined) throw new FleetError('config-invalid', `denySubscribe: "${wrong}" is no MQTT topic filter`);
  if (denySubscribe !== '' && !allowAnonymous) {
    throw new FleetError('config-invalid', 'denySubscribe: only a plain broker (allowAnonymous) takes it');
  }
  return config;
}

/** @returns the filters that nobody may subscribe to */
export function deniedFilters({ denySubscribe }: Pick<BrokerConfig, 'denySubscribe'>): string[] {
  return denySubscribe.split('\n').filter((filter) => filter !== '');
}
