import { readBrokerConfig } from '../../broker/config.ts';
import { createBroker } from '../../broker/create-broker.ts';
import {
  createMqttConnection,
  type MqttConnection,
  type MqttConnectionOptions,
} from '../../shared/adapters/mqtt-connection.ts';
import { generateSigningKeys, signToken } from '../../shared/protocol/access-token.ts';
import type { Role } from '../../shared/protocol/topic-rules.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { toEnvironment } from '../../shared/runtime/config.ts';
import type { Cleanup } from './cleanup.ts';
import { quietLog } from './platform-options.ts';

/** The platform's broker in this process, and connections to it. */
export interface LocalBroker {
  readonly url: string;
  token(role: Role, id: string): string;
  /** @param options a url, if it is reached by another way; a suffix; the rest is filled in */
  connect(role: Role, id: string, options?: Partial<MqttConnectionOptions>): Promise<MqttConnection>;
}

const patienceMs = 20_000;

export async function startLocalBroker(cleanup: Cleanup): Promise<LocalBroker> {
  const keys = generateSigningKeys();
  const config = readBrokerConfig(toEnvironment({ mqttPort: 0, publicKeyFile: 'unused', logLevel: 'fatal' }));
  const broker = createBroker({ config, publicKey: keys.publicKey, log: quietLog, clock: systemClock });
  await broker.start();
  cleanup.add(broker.close);
  const url = broker.addresses()?.mqtt ?? '';
  const token = (role: Role, id: string): string => signToken(keys.privateKey, { role, id });
  return {
    url,
    token,
    async connect(role, id, options = {}) {
      const connection = createMqttConnection({ url, id, token: token(role, id), log: quietLog, ...options });
      cleanup.add(connection.close);
      await connection.ready(patienceMs);
      return connection;
    },
  };
}
