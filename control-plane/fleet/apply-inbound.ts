import { isDeepStrictEqual } from 'node:util';
import type { Presence, Reported } from '../../shared/protocol/messages.ts';
import type { MemberRecord } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import type { Inbound } from './inbound.ts';

/** What a message calls for once it is stored. */
export type Consequence =
  | 'none'
  /** The fleet may need other configurations. */
  | 'reconcile'
  /** The sender asks for its configuration. */
  | 'publish'
  /** Nobody of that id and role is registered. */
  | 'unknown-sender';

/** Stores one message. The caller holds the transaction. @param at ISO 8601, UTC */
export function applyInbound(store: Store, inbound: Inbound, at: string): Consequence {
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
    case 'samples':
      store.samples.add(id, inbound.message, at);
      return 'none';
    case 'summaries':
      if (store.summaries.add(id, inbound.message, at)) store.members.addFrames(id, inbound.message);
      return 'none';
    case 'load':
      store.members.setLoad(id, inbound.message, at);
      return 'none';
  }
}

/** In all that the rest of the fleet depends on. */
function isLike(before: Reported | null, { modelDigest, drift }: Reported): boolean {
  return before?.modelDigest === modelDigest && isDeepStrictEqual(before?.drift, drift);
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
  store.members.setPresence(member.id, presence, at);
  return presence.online === member.online ? 'none' : 'reconcile';
}
