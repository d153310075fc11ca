import { createBrokerFollower, type NamedBroker } from '../shared/adapters/broker-follower.ts';
import { createMqttConnection } from '../shared/adapters/mqtt-connection.ts';
import type { ChunkMessage } from '../shared/protocol/chunking.ts';
import type { Credentials } from '../shared/protocol/http.ts';
import type { ConfigurationRequest, Load, Presence, Reported } from '../shared/protocol/messages.ts';
import { offloadFilter, workerTopic } from '../shared/protocol/topics.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';

export interface LinksOptions {
  credentials: Credentials;
  boot: number;
  /** A message of a device. */
  onOffload(topic: string, payload: Buffer): void;
  /** A desired configuration. */
  onDesired(payload: Buffer): void;
  /** Version that the worker holds when it asks for its configuration. */
  heldVersion(): number;
  /** Asked when the broker is no longer found; undefined where its address was configured. */
  namedBroker: NamedBroker | undefined;
  log: Log;
}

/**
 * The two connections to the broker: one for tensors, one for everything else, so that configuration never waits
 * behind tensors.
 * INVARIANT: the birth goes out on the connection for tensors and after its subscription, so that who hears it can
 * be served; the will hangs on the other one.
 */
export interface Links {
  /** Resolves when the broker first acknowledged the birth. */
  readonly born: Promise<void>;
  reply(topic: string, message: ChunkMessage): boolean;
  /** Retained, and sent again on every connect. */
  report(reported: Reported): void;
  load(load: Load): void;
  /** Says that this worker is leaving; what devices sent before has arrived when it resolves. */
  leave(): Promise<boolean>;
  /** Hears no further requests. @returns whether the broker has everything that was sent before */
  finish(): Promise<boolean>;
  close(): Promise<void>;
}

export function createLinks({ credentials, boot, namedBroker, log, ...options }: LinksOptions): Links {
  const { id, token, brokerUrl: url } = credentials;
  let leaving = false;
  const presence = (online: boolean) =>
    JSON.stringify({ schema: 1, online, boot, ...(leaving ? { leaving } : {}) } satisfies Presence);
  const presenceTopic = workerTopic(id, 'presence');
  const control = createMqttConnection({
    url,
    id,
    token,
    log,
    will: { topic: presenceTopic, payload: presence(false) },
  });
  const data = createMqttConnection({ url, id, token, log, suffix: '/data' });
  const follower = namedBroker && createBrokerFollower({ ...namedBroker, connections: [control, data], url, log });
  const publishPresence = (online: boolean) =>
    data.publishAcknowledged(presenceTopic, presence(online), { retain: true });
  let reported: Reported | undefined;
  let bear = (): void => {};
  const born = new Promise<void>((resolve) => {
    bear = resolve;
  });

  async function announce(): Promise<void> {
    if (leaving || !control.connected() || !data.connected()) return;
    if (await publishPresence(true)) bear();
  }

  function publishReported(): void {
    if (reported === undefined) return;
    void control.publishAcknowledged(workerTopic(id, 'reported'), JSON.stringify(reported), { retain: true });
  }

  data.subscribe(offloadFilter(id), options.onOffload);
  control.subscribe(workerTopic(id, 'desired'), (_topic, payload) => {
    try {
      options.onDesired(payload);
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'desired configuration not understood');
    }
  });
  control.onConnect(() => {
    const request: ConfigurationRequest = { schema: 1, version: options.heldVersion() };
    void announce();
    publishReported();
    void control.publishAcknowledged(workerTopic(id, 'configuration-request'), JSON.stringify(request));
  });
  data.onConnect(() => void announce());

  return {
    born,
    reply: (topic, message) => data.publish(topic, message),
    report(state) {
      reported = state;
      publishReported();
    },
    load: (load) => void control.publish(workerTopic(id, 'load'), [Buffer.from(JSON.stringify(load))]),
    leave() {
      leaving = true;
      return publishPresence(false);
    },
    finish() {
      data.unsubscribe(offloadFilter(id));
      return publishPresence(false);
    },
    async close() {
      follower?.close();
      await Promise.all([control.close(), data.close()]);
    },
  };
}
