import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { PlacementSettings } from '../placement/settings.ts';
import { isStoreUnavailable } from '../store/database.ts';
import type { Store } from '../store/store.ts';
import type { HeardBoots } from './acknowledger.ts';
import { applyInbound, type Consequence } from './apply-inbound.ts';
import type { Changes } from './changes.ts';
import { type Inbound, parseInbound } from './inbound.ts';
import { createInbox } from './inbox.ts';

/** Messages that came to nothing, since the start. */
export interface InboundCounts {
  /** Fitted no topic or schema; of telemetry single reports. */
  rejected: number;
  unknownSender: number;
  /** Found no room while the store was busy. */
  dropped: number;
}

/** The way of a message from the broker into the store. INVARIANT: no message makes it throw. */
export interface Intake {
  receive(topic: string, payload: Buffer, retained: boolean): void;
  /** Stores all that waits, now. */
  flush(): void;
  counts(): InboundCounts;
  close(): void;
}

export function createIntake(options: {
  store: Store;
  clock: Clock;
  /** When a worker counts as overloaded. */
  placement: PlacementSettings;
  changeIfDue: Changes['changeIfDue'];
  /** Members that ask for their configuration. */
  publish: (memberIds: ReadonlySet<string>) => void;
  /** Tells devices what is stored of theirs; called when it is committed. */
  acknowledge: (heard: HeardBoots) => void;
  /** Called with each good message as it comes. */
  onMessage: (inbound: Inbound) => void;
  log: Log;
}): Intake {
  const { store, clock, placement, changeIfDue, publish, acknowledge, onMessage, log } = options;
  const counts = { rejected: 0, unknownSender: 0 };
  const inbox = createInbox<Inbound>({ clock, log, handle });

  function handle(batch: readonly Inbound[]): void {
    const asking = new Set<string>();
    const heard = new Map<string, Set<number>>();
    changeIfDue(() => {
      const at = clock.wallTime().toISOString();
      const consequences = batch.map((inbound) => {
        const consequence = apply(inbound, at);
        if (consequence === 'publish') asking.add(inbound.id);
        if (consequence === 'acknowledge') noteBoot(heard, inbound);
        return consequence;
      });
      return consequences.includes('reconcile');
    });
    publish(asking);
    acknowledge(heard);
  }
  function apply(inbound: Inbound, at: string): Consequence {
    try {
      const consequence = store.transaction(() => applyInbound({ store, placement, at }, inbound));
      if (consequence === 'unknown-sender') counts.unknownSender += 1;
      return consequence;
    } catch (error) {
      if (isStoreUnavailable(error)) throw error;
      reject(`${inbound.role} ${inbound.id} ${inbound.kind}`, error);
      return 'none';
    }
  }
  function reject(subject: string, error: unknown): void {
    counts.rejected += 1;
    log.debug({ subject, reason: messageOf(error) }, 'message refused');
  }
  return {
    receive(topic, payload, retained) {
      try {
        const inbound = parseInbound(topic, payload, retained);
        onMessage(inbound);
        if (inbound.kind === 'telemetry') counts.rejected += inbound.message.refused;
        inbox.push(inbound, isUrgent(inbound));
      } catch (error) {
        reject(topic, error);
      }
    },
    flush: inbox.flush,
    counts: () => ({ ...counts, dropped: inbox.dropped() }),
    close: inbox.close,
  };
}

function noteBoot(heard: Map<string, Set<number>>, inbound: Inbound): void {
  if (inbound.kind !== 'telemetry') return;
  const boots = heard.get(inbound.id) ?? new Set<number>();
  heard.set(inbound.id, boots.add(inbound.message.boot));
}

/** Telemetry and load may wait for their batch; what somebody waits for may not. */
function isUrgent({ kind }: Inbound): boolean {
  return kind === 'presence' || kind === 'reported' || kind === 'configuration-request';
}
