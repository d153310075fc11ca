import { createBrokerFollower, type NamedBroker } from '../shared/adapters/broker-follower.ts';
import { createMqttConnection, type MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import type { Credentials } from '../shared/protocol/http.ts';
import type { Drift, Reported } from '../shared/protocol/messages.ts';
import { deviceTopic } from '../shared/protocol/topics.ts';
import type { Log } from '../shared/runtime/log.ts';

export interface ConnectionsOptions {
  credentials: Credentials;
  boot: number;
  /** The configuration version held, asked on every connect. */
  heldVersion: () => number;
  onDesired: (payload: Buffer) => void;
  /** Longest wait before the next attempt to reach a broker that does not answer, ms. */
  maxReconnectMs: number;
  /** Asked when the broker is no longer found; undefined where its address was configured. */
  namedBroker: NamedBroker | undefined;
  log: Log;
}

/**
 * A device's two connections: configuration and telemetry on one, tensors on the other, so that neither waits
 * behind the other.
 */
export interface Connections {
  readonly control: MqttConnection;
  readonly data: MqttConnection;
  /** Asks for the desired configuration; done by itself on every connect. */
  requestConfiguration(): void;
  report(state: ReportedState): void;
  /** Goes with the state from now on; without parts: no longer. */
  reportDrift(drift: Drift): void;
  /** So that nobody takes the end for a failure; resolves when the broker knows, which may be never. */
  sayGoodbye(): Promise<void>;
  close(): Promise<void>;
}

type ReportedState = Pick<Reported, 'version' | 'modelDigest' | 'state' | 'error' | 'progress'>;

export function connectDevice(options: ConnectionsOptions): Connections {
  const { credentials, boot, maxReconnectMs, namedBroker, log } = options;
  const { id, token, brokerUrl: url } = credentials;
  const will = { topic: deviceTopic(id, 'presence'), payload: presence(false, boot) };
  const control = createMqttConnection({ url, id, token, will, maxReconnectMs, log });
  const data = createMqttConnection({ url, id, token, suffix: '/data', maxReconnectMs, log });
  const follower = namedBroker && createBrokerFollower({ ...namedBroker, connections: [control, data], url, log });

  let reported: ReportedState | undefined;
  let drift: Drift = {};

  function publishState(): void {
    if (reported === undefined) return;
    const asked = Object.keys(drift).length === 0 ? {} : { drift };
    const payload = JSON.stringify({ schema: 1, boot, ...reported, ...asked });
    void control.publishAcknowledged(deviceTopic(id, 'reported'), payload, { retain: true });
  }

  function announce(): void {
    void control.publishAcknowledged(will.topic, presence(true, boot), { retain: true });
    requestConfiguration();
  }

  function requestConfiguration(): void {
    const request = JSON.stringify({ schema: 1, version: options.heldVersion() });
    void control.publishAcknowledged(deviceTopic(id, 'configuration-request'), request);
  }

  control.subscribe(deviceTopic(id, 'desired'), (_topic, payload) => options.onDesired(payload));
  control.onConnect(announce);
  return {
    control,
    data,
    requestConfiguration,
    report(state) {
      reported = state;
      publishState();
    },
    reportDrift(now) {
      drift = now;
      publishState();
    },
    async sayGoodbye() {
      await control.publishAcknowledged(will.topic, presence(false, boot), { retain: true });
    },
    async close() {
      follower?.close();
      await Promise.all([control.close(), data.close()]);
    },
  };
}

function presence(online: boolean, boot: number): string {
  return JSON.stringify({ schema: 1, online, boot });
}
