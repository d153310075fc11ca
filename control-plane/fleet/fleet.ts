import type { MqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import type { BandwidthState } from '../../shared/planner/bandwidth-states.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { currentStandings } from '../placement/place-fleet.ts';
import type { PlacementSettings } from '../placement/settings.ts';
import { createWorkerSpeeds, type WorkerSpeeds } from '../placement/worker-speeds.ts';
import type { WorkerStanding } from '../placement/worker-standings.ts';
import type { Store } from '../store/store.ts';
import { createAcknowledger } from './acknowledger.ts';
import { type Changes, createChanges } from './changes.ts';
import { configurationOf } from './configuration-content.ts';
import { createFleetMaps } from './fleet-maps.ts';
import { inboundFilters } from './inbound.ts';
import { createIntake, type InboundCounts } from './intake.ts';
import { createPredictions } from './predictions.ts';
import { createPresenceSweep } from './presence-sweep.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { createRetention } from './retention.ts';

/** The part of a broker connection that the fleet needs. */
export type FleetBroker = Pick<
  MqttConnection,
  'connected' | 'subscribe' | 'publish' | 'publishAcknowledged' | 'onConnect' | 'onDisconnect'
>;

export interface FleetOptions {
  store: Store;
  broker: FleetBroker;
  clock: Clock;
  /** That configuration maps are built for while the operator has put no others in force. */
  defaultStates: readonly BandwidthState[];
  profileLeaseMs: number;
  driftPersistMs: number;
  reprofileGapMs: number;
  placement: PlacementSettings;
  telemetryRowsPerDevice: number;
  telemetryDays: number;
  log: Log;
}

/** What is known of the fleet, kept in line with what its members are to run. */
export interface Fleet {
  /** Runs a change of the store and all that follows from it. What `work` throws undoes the change. */
  change<T>(work: () => T): T;
  /** Takes a message of the broker; bad ones are counted. */
  receive(topic: string, payload: Buffer, retained: boolean): void;
  counts(): InboundCounts;
  /** How each worker stands in placement, by id. */
  standings(): WorkerStanding[];
  /** Resolves when all that was received is stored and all configurations are published. */
  settled(): Promise<void>;
  close(): void;
}

/** Subscribes and begins to keep the fleet in line; `close` ends both, the broker connection is the caller's. */
export function createFleet(options: FleetOptions): Fleet {
  const { store, broker, clock, placement, log } = options;
  const { telemetryRowsPerDevice: rowsPerDevice, telemetryDays: days } = options;
  const publisher = createPublisher({
    sink: broker,
    clock,
    perSecond: placement.configurationsPerSecond,
    messageFor: (id) => messageFor(store, id),
    log,
  });
  const { publish } = publisher;
  const speeds = createWorkerSpeeds(store);
  const changes = openChanges(options, speeds, publish);
  const retention = createRetention({ store, clock, rowsPerDevice, days, log });
  const sweep = createPresenceSweep({
    clock,
    onlineIds: store.members.onlineIds,
    onSilent: (ids) => changes.changeInBackground(() => markOffline(store, ids, clock.wallTime())),
  });
  const intake = createIntake({
    store,
    clock,
    placement,
    changeIfDue: changes.changeIfDue,
    publish,
    acknowledge: createAcknowledger(store, broker),
    onMessage({ id, kind, retained }) {
      if (kind === 'presence' || !retained) sweep.heard(id);
      if (kind === 'telemetry') retention.reported(id);
    },
    log,
  });

  for (const filter of inboundFilters) broker.subscribe(filter, intake.receive);
  broker.onConnect(() => {
    sweep.connected();
    // A broker that was started anew retains nothing.
    publish(store.members.ids());
  });
  broker.onDisconnect(sweep.disconnected);
  changes.change(() => undefined);

  return {
    change: changes.change,
    receive: intake.receive,
    counts: intake.counts,
    standings: () => currentStandings({ store, speeds }, clock.wallTime()),
    settled() {
      intake.flush();
      return publisher.idle();
    },
    close() {
      for (const part of [intake, publisher, retention, sweep, changes]) part.close();
    },
  };
}

/** All that follows from a change of the store. */
function openChanges(options: FleetOptions, speeds: WorkerSpeeds, publish: Publisher['publish']): Changes {
  const { store, clock, defaultStates, placement, log } = options;
  const { driftPersistMs: persistMs, reprofileGapMs: gapMs, profileLeaseMs: leaseMs } = options;
  const limits = { persistMs, gapMs, leaseMs };
  const maps = createFleetMaps({ store, defaultStates, log });
  const predictions = createPredictions({ store, log });
  return createChanges({ store, clock, maps, predictions, speeds, placement, limits, publish, log });
}

function markOffline(store: Store, memberIds: readonly string[], at: Date): void {
  for (const id of memberIds) {
    const boot = store.members.get(id)?.boot ?? 0;
    store.members.setPresence(id, { schema: 1, online: false, boot }, at.toISOString());
  }
}

function messageFor(store: Store, memberId: string): { topic: string; payload: string } | undefined {
  const member = store.members.get(memberId);
  const configuration = member === undefined ? undefined : configurationOf(store, member);
  if (member === undefined || configuration === undefined) return undefined;
  const topic = member.role === 'device' ? deviceTopic(memberId, 'desired') : workerTopic(memberId, 'desired');
  return { topic, payload: JSON.stringify(configuration) };
}
