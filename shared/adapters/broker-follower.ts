import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { fullJitterDelayMs } from '../runtime/retry.ts';
import { type ControlPlaneClient, createControlPlaneClient } from './control-plane-client.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import { keepBrokerUrl } from './stored-credentials.ts';

/** Where a member that lost the broker is told of another address. */
export interface NamedBroker {
  ask: ControlPlaneClient['fetchBrokerUrl'];
  /** Keeps a new address for the next start. */
  keep(url: string): Promise<void>;
  clock: Clock;
  /** In [0, 1); injected for tests. */
  random?: () => number;
}

export interface BrokerFollowerOptions extends NamedBroker {
  /** All are moved; how the first one fares tells whether the broker is still where it was. */
  connections: readonly [FollowingConnection, ...FollowingConnection[]];
  /** Where they look for the broker at first. */
  url: string;
  log: Log;
}

type FollowingConnection = Pick<MqttConnection, 'onConnect' | 'onDisconnect' | 'moveTo'>;

/** Settings of a device or worker that say where it looks for the broker. */
export interface BrokerSettings {
  controlPlaneUrl: string;
  dataFolder: string;
  brokerUrl?: string;
}

/** @returns undefined where the broker's address was configured: no control plane overrides it */
export function namedBroker(settings: BrokerSettings, token: string, clock: Clock): NamedBroker | undefined {
  const { controlPlaneUrl: baseUrl, dataFolder, brokerUrl } = settings;
  if (brokerUrl !== undefined) return undefined;
  // One attempt a question: the questions themselves are spread.
  const { fetchBrokerUrl: ask } = createControlPlaneClient({ baseUrl, token, clock, attempts: 1 });
  return { ask, keep: (url) => keepBrokerUrl(dataFolder, url), clock };
}

/** Attempts to connect that fail in a row before the control plane is asked: a broker that restarts is soon back. */
const patience = 3;
/** The first question comes within 3.2 s: what a whole fleet lost at once, it does not ask for at once. */
const firstDelayStep = 5;
const maxDelayMs = 30_000;

/**
 * Asks where the broker is when it is no longer found, after growing waits of full jitter until it is found again.
 * INVARIANT: at most one question is waiting or under way.
 */
export function createBrokerFollower(options: BrokerFollowerOptions): { close(): void } {
  const { connections, clock, log, random = Math.random } = options;
  const [first] = connections;
  const closing = new AbortController();
  let { url } = options;
  let failures = 0;
  let questions = 0;
  let asking: 'no' | 'later' | 'now' = 'no';
  let cancel = (): void => undefined;

  function askLater(): void {
    asking = 'later';
    cancel = clock.after(fullJitterDelayMs(firstDelayStep + questions, maxDelayMs, random), () => void askNow());
    questions += 1;
  }

  async function askNow(): Promise<void> {
    asking = 'now';
    try {
      await follow(await options.ask(closing.signal));
    } catch (error) {
      if (!closing.signal.aborted) log.warn({ reason: messageOf(error) }, 'where the broker is now is not known');
    } finally {
      asking = 'no';
    }
  }

  async function follow(named: string): Promise<void> {
    if (named === url || closing.signal.aborted) return;
    for (const connection of connections) connection.moveTo(named);
    log.info({ from: url, to: named }, 'the broker is elsewhere now');
    url = named;
    await options.keep(named);
  }

  first.onConnect(() => {
    failures = 0;
    questions = 0;
    if (asking !== 'later') return;
    cancel();
    asking = 'no';
  });
  first.onDisconnect(() => {
    failures += 1;
    if (failures >= patience && asking === 'no' && !closing.signal.aborted) askLater();
  });
  return {
    close() {
      cancel();
      closing.abort();
    },
  };
}
