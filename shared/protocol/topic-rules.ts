import { parseTopic } from './topics.ts';

export const roles = ['device', 'worker', 'control-plane', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who is at the other end of a connection, as its credential says. */
export interface Identity {
  role: Role;
  id: string;
}

/** What a channel lets whom do; `own` means on the identity's own branch only. */
interface Rule {
  publish?: 'own' | 'addressed' | 'any';
  subscribe?: 'own' | 'addressed' | 'any';
}

/**
 * The one table of topic rules: role, then "kind/channel".
 * `addressed` is for offload and reply: the topic's last level names the worker.
 */
const table: Record<Exclude<Role, 'admin'>, Record<string, Rule>> = {
  device: {
    'device/presence': { publish: 'own' },
    'device/desired': { subscribe: 'own' },
    'device/reported': { publish: 'own' },
    'device/configuration-request': { publish: 'own' },
    'device/telemetry': { publish: 'own' },
    'device/telemetry-acknowledgement': { subscribe: 'own' },
    'device/results': { publish: 'own' },
    'device/offload': { publish: 'own' },
    'device/reply': { subscribe: 'own' },
  },
  worker: {
    'device/offload': { subscribe: 'addressed' },
    'device/reply': { publish: 'addressed' },
    'worker/presence': { publish: 'own' },
    'worker/desired': { subscribe: 'own' },
    'worker/reported': { publish: 'own' },
    'worker/configuration-request': { publish: 'own' },
    'worker/load': { publish: 'own' },
  },
  'control-plane': {
    'device/presence': { subscribe: 'any' },
    'device/desired': { publish: 'any' },
    'device/reported': { subscribe: 'any' },
    'device/configuration-request': { subscribe: 'any' },
    'device/telemetry': { subscribe: 'any' },
    'device/telemetry-acknowledgement': { publish: 'any' },
    'worker/presence': { subscribe: 'any' },
    'worker/desired': { publish: 'any' },
    'worker/reported': { subscribe: 'any' },
    'worker/configuration-request': { subscribe: 'any' },
    'worker/load': { subscribe: 'any' },
  },
};

/** @returns whether this identity may publish to this topic (wills and retained messages too) */
export function mayPublish(identity: Identity, topic: string): boolean {
  return allowed(identity, topic, 'publish');
}

/** @returns whether this identity may subscribe to this filter; devices may use no wildcard at all */
export function maySubscribe(identity: Identity, filter: string): boolean {
  return allowed(identity, filter, 'subscribe');
}

function allowed(identity: Identity, text: string, verb: 'publish' | 'subscribe'): boolean {
  if (identity.role === 'admin') return false;
  const wildcards = verb === 'subscribe' && identity.role !== 'device';
  const topic = parseTopic(text, { wildcards });
  if (topic === undefined) return false;
  const reach = table[identity.role][`${topic.kind}/${topic.channel}`]?.[verb];
  switch (reach) {
    case 'any':
      return true;
    case 'own':
      return topic.id === identity.id;
    case 'addressed':
      return 'worker' in topic && topic.worker === identity.id;
    case undefined:
      return false;
  }
}
