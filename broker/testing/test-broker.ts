import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import { generateSigningKeys, signToken } from '../../shared/protocol/access-token.ts';
import type { Identity, Role } from '../../shared/protocol/topic-rules.ts';
import { type Clock, systemClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { fillAndConvert } from '../../shared/runtime/schema.ts';
import type { Access } from '../access.ts';
import { type BrokerConfig, BrokerConfigSchema } from '../config.ts';
import { type Broker, createBroker } from '../create-broker.ts';
import type { RefusalReason } from '../refusals.ts';
import { type ConnectFields, connectPacket } from './packets.ts';
import { connectRaw, type RawClient, type Received } from './raw-client.ts';

export interface TestBroker {
  broker: Broker;
  mqttUrl: string;
  webSocketUrl: string;
  token(role: Role, id: string): string;
  expiredToken(role: Role, id: string): string;
  /** The real client. */
  connect(role: Role, id: string, options?: IClientOptions & { url?: string }): Promise<MqttClient>;
  /** A bare socket. */
  raw(): Promise<RawClient>;
  /** A bare socket after its CONNECT. @returns the CONNACK, too; undefined where the broker just closed */
  rawConnect(role: Role, id: string, fields?: Partial<ConnectFields>): Promise<RawConnected>;
  refused(reason: RefusalReason): number;
}

export interface RawConnected {
  client: RawClient;
  connack: Received | undefined;
  /** The return code, or -1 where there was no CONNACK. */
  code: number;
}

export interface TestBrokerOptions {
  config?: Partial<BrokerConfig>;
  clock?: Clock;
  access?: (tokens: Access) => Partial<Access>;
}

const keys = generateSigningKeys();

/** @returns settings with all defaults, and free ports */
export function testConfig(changes: Partial<BrokerConfig> = {}): BrokerConfig {
  const defaults = fillAndConvert(BrokerConfigSchema, { mqttPort: 0, webSocketPort: 0, publicKeyFile: 'unused' });
  return { ...(defaults as BrokerConfig), ...changes };
}

/** Starts a broker on free ports, which the end of the test closes. */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { clock = systemClock } = options;
  const broker = createBroker({
    config: testConfig(options.config),
    publicKey: keys.publicKey,
    log: createLog('broker', 'silent'),
    clock,
    ...(options.access === undefined ? {} : { access: fullAccess(options.access) }),
  });
  await broker.start();
  onTestFinished(() => broker.close());
  const addresses = broker.addresses();
  const mqttUrl = addresses?.mqtt ?? '';
  const raw = async (): Promise<RawClient> => {
    const client = await connectRaw(mqttUrl);
    onTestFinished(() => client.destroy());
    return client;
  };
  return {
    broker,
    mqttUrl,
    webSocketUrl: addresses?.webSocket ?? '',
    token,
    expiredToken: (role, id) => signToken(keys.privateKey, { role, id }, 1),
    async connect(role, id, { url = mqttUrl, ...rest } = {}) {
      const client = await connectAsync(url, {
        clientId: id,
        username: id,
        password: token(role, id),
        reconnectPeriod: 0,
        ...rest,
      });
      client.on('error', () => {});
      onTestFinished(() => client.endAsync(true));
      return client;
    },
    raw,
    rawConnect: (role, id, fields) => connectAs(mqttUrl, { role, id }, fields),
    refused: (reason) => broker.stats().refused[reason],
  };
}

/** @returns a file with the key that the tokens of tests are verified by */
export function testKeyFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'broker-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'key.pem');
  writeFileSync(path, keys.publicKey);
  return path;
}

/** Connects a bare socket to a broker that goes by the tests' key. @returns it after its CONNECT, with the CONNACK */
export async function connectAs(
  url: string,
  { role, id }: Identity,
  fields: Partial<ConnectFields> = {},
): Promise<RawConnected> {
  const client = await connectRaw(url);
  onTestFinished(() => client.destroy());
  client.send(connectPacket({ clientId: id, username: id, password: token(role, id), ...fields }));
  const connack = await client.next();
  return { client, connack, code: connack?.type === 2 ? (connack.body[1] ?? -1) : -1 };
}

/** @returns a token under the tests' key */
export function deviceToken(id: string, role: Role = 'device'): string {
  return token(role, id);
}

function token(role: Role, id: string): string {
  return signToken(keys.privateKey, { role, id });
}

/** Everybody may do everything but what the test says, and signatures are not looked at. */
function fullAccess(change: (open: Access) => Partial<Access>): Access {
  const open: Access = {
    identify: (given): Identity => {
      const payload = Buffer.from(given.split('.')[1] ?? '', 'base64url').toString();
      return JSON.parse(payload);
    },
    mayPublish: () => true,
    maySubscribe: () => true,
    mayRetain: () => true,
  };
  return { ...open, ...change(open) };
}
