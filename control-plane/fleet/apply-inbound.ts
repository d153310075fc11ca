import { isDeepStrictEqual } from 'node:util';
import type { Load, Presence, Reported } from '../../shared/protocol/messages.ts';
import type { PlacementSettings } from '../placement/settings.ts';
import { stepCondition } from '../placement/worker-condition.ts';
import type { MemberRecord, WorkerRecord } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import { applyTelemetry } from './apply-telemetry.ts';
import type { Inbound } from './inbound.ts';

/** What a message calls for once it is stored. */
export type Consequence =
  | 'none'
  /** The fleet may need other configurations. */
  | 'reconcile'
  /** The sender asks for its configuration. */
  | 'publish'
  /** The sender waits to hear what is stored. */
  | 'acknowledge'
  /** Nobody of that id and role is registered. */
  | 'unknown-sender';

export interface InboundContext {
  store: Store;
  placement: PlacementSettings;
  /** ISO 8601, UTC. */
  at: string;
}

/** Stores one message. The caller holds the transaction. */
export function applyInbound(context: InboundContext, inbound: Inbound): Consequence {
  const { store, at } = context;
  const { id } = inbound;
  const member = store.members.get(id);
  if (member === undefined || member.role !== inbound.role) return 'unknown-sender';
  switch (inbound.kind) {
    case 'presence':
      return applyPresence({ store, member, presence: inbound.message, retained: inbound.retained, at });
    case 'reported':
      store.members.setReported(id, inbound.message, at);
      return isLike(member.reported, inbound.message) ? 'none' : 'reconcile';
    case 'configuration-request':
      return 'publish';
    case 'telemetry':
      applyTelemetry(store, id, inbound.message, at);
      return 'acknowledge';
    case 'load':
      return member.role === 'worker' ? applyLoad(context, member, inbound.message) : 'unknown-sender';
  }
}

/** In all that the rest of the fleet depends on. */
function isLike(before: Reported | null, { modelDigest, state, drift }: Reported): boolean {
  const hasFailed = (one: Reported['state'] | undefined): boolean => one === 'failed';
  return (
    before?.modelDigest === modelDigest &&
    hasFailed(before.state) === hasFailed(state) &&
    isDeepStrictEqual(before.drift, drift)
  );
}

/** Overload that begins or ends is the fleet's affair; how long it lasts is looked at again in time. */
function applyLoad(
  { store, placement, at }: InboundContext,
  { id, load: previous }: WorkerRecord,
  load: Load,
): Consequence {
  store.members.setLoad(id, load, at);
  const before = store.workerConditions.get(id);
  const after = stepCondition({ before, previous, load, nowMs: Date.parse(at), settings: placement });
  store.workerConditions.put(id, after);
  return (before.overloadSinceMs === null) === (after.overloadSinceMs === null) ? 'none' : 'reconcile';
}

function applyPresence(options: {
  store: Store;
  member: MemberRecord;
  presence: Presence;
  retained: boolean;
  at: string;
}): Consequence {
  const { store, member, presence, retained, at } = options;
  // The will of a connection that a restarted process has replaced comes after the new one's birth. What the broker
  // retained is its last word, whichever boot it names.
  const stale = !retained && !presence.online && member.online && presence.boot !== 0 && presence.boot !== member.boot;
  if (stale) return 'none';
  // A worker that said that it leaves closes its connection at once: its will, which follows, says less.
  const hasLeft = member.role === 'worker' && member.leaving && presence.boot === member.boot;
  if (hasLeft && !presence.online) return 'none';
  store.members.setPresence(member.id, presence, at);
  return presence.online === member.online ? 'none' : 'reconcile';
}
