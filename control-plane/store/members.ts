import type { Registration } from '../../shared/protocol/http.ts';
import type { Load, Presence, Reported } from '../../shared/protocol/messages.ts';
import type { Summary } from '../../shared/protocol/telemetry.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { SqliteDatabase } from './database.ts';
import {
  type DeviceRecord,
  type DeviceState,
  type FrameTotals,
  type MemberRecord,
  type MemberRole,
  type MemberRow,
  type Placement,
  toDevice,
  toMember,
  toWorker,
  type WorkerRecord,
} from './member-records.ts';

/** A page of a list that is ordered by id. */
export interface PageRequest {
  /** The last id of the page before; undefined for the first page. */
  after: string | undefined;
  limit: number;
}

/** Everybody who registered: devices and workers. */
export interface MemberStore {
  /** @returns whether it is new @throws {FleetError} `conflict` where the id belongs to the other role */
  register(role: MemberRole, registration: Registration, at: string): boolean;
  get(id: string): MemberRecord | undefined;
  device(id: string): DeviceRecord | undefined;
  worker(id: string): WorkerRecord | undefined;
  /** All devices by id, without what only people read: this is asked on each change of a fleet of thousands. */
  deviceStates(): DeviceState[];
  /** All workers, by id. */
  workers(): WorkerRecord[];
  onlineIds(): string[];
  ids(): string[];
  devicePage(page: PageRequest): DeviceRecord[];
  /** Of the devices that are placed at one worker. */
  placedPage(workerId: string, page: PageRequest): DeviceRecord[];
  workerPage(page: PageRequest): WorkerRecord[];
  /** How many devices each worker has; who has none is left out. */
  placedCounts(): Map<string, PlacedCount>;
  setPresence(id: string, presence: Presence, at: string): void;
  setReported(id: string, reported: Reported, at: string): void;
  setLoad(id: string, load: Load, at: string): void;
  setPlacement(deviceId: string, placement: Placement): void;
  /** Adds the frames of one summary to the device's totals. */
  addFrames(deviceId: string, summary: FrameCounts): void;
  /** Adds reports that will never come. */
  addLost(deviceId: string, reports: number): void;
  counts(): MemberCounts;
}

/** Devices that are placed at one worker. */
export interface PlacedCount {
  devices: number;
  online: number;
}

/** What a summary counts. */
type FrameCounts = Pick<Summary, keyof FrameTotals>;

/** Sums over everybody who registered. */
export interface MemberCounts extends FrameTotals {
  devices: number;
  devicesOnline: number;
  devicesWithoutWorker: number;
  workers: number;
  workersOnline: number;
}

export function createMemberStore(db: SqliteDatabase): MemberStore {
  const one = db.prepare<[string], MemberRow>('SELECT * FROM members WHERE id = ?');
  const workers = db.prepare<[], MemberRow>("SELECT * FROM members WHERE role = 'worker' ORDER BY id");
  const states = db.prepare<[], Omit<DeviceState, 'online'> & { online: number }>(
    `SELECT id, hardware_class AS hardwareClass, online, worker_id AS workerId,
       placed_ms AS placedMs, placed_because AS placedBecause, placed_from AS placedFrom,
       processor_factor AS processorFactor,
       json_extract(reported, '$.modelDigest') AS modelDigest,
       json_extract(reported, '$.drift.device') AS deviceDrift,
       json_extract(reported, '$.drift.worker') AS workerDrift
     FROM members WHERE role = 'device' ORDER BY id`,
  );
  const ids = db.prepare<[], { id: string }>('SELECT id FROM members ORDER BY role DESC, id');
  const onlineIds = db.prepare<[], { id: string }>('SELECT id FROM members WHERE online = 1 ORDER BY id');
  const page = db.prepare<[string, string, number], MemberRow>(
    'SELECT * FROM members WHERE role = ? AND id > ? ORDER BY id LIMIT ?',
  );
  const placedPage = db.prepare<[string, string, number], MemberRow>(
    "SELECT * FROM members WHERE role = 'device' AND worker_id = ? AND id > ? ORDER BY id LIMIT ?",
  );
  const pageOf = (role: MemberRole, { after, limit }: PageRequest): MemberRow[] => page.all(role, after ?? '', limit);
  return {
    register: prepareRegister(db),
    get(id) {
      const row = one.get(id);
      return row === undefined ? undefined : toMember(row);
    },
    device(id) {
      const row = one.get(id);
      return row?.role === 'device' ? toDevice(row) : undefined;
    },
    worker(id) {
      const row = one.get(id);
      return row?.role === 'worker' ? toWorker(row) : undefined;
    },
    deviceStates: () => states.all().map((row) => ({ ...row, online: row.online === 1 })),
    workers: () => workers.all().map(toWorker),
    onlineIds: () => onlineIds.all().map((row) => row.id),
    // Workers first: they are few, and a device that hears of one should find it prepared.
    ids: () => ids.all().map((row) => row.id),
    devicePage: (request) => pageOf('device', request).map(toDevice),
    placedPage: (workerId, { after, limit }) => placedPage.all(workerId, after ?? '', limit).map(toDevice),
    workerPage: (request) => pageOf('worker', request).map(toWorker),
    ...prepareUpdates(db),
    counts: prepareCounts(db),
    placedCounts: preparePlacedCounts(db),
  };
}

function prepareCounts(db: SqliteDatabase): MemberStore['counts'] {
  const sums = db.prepare<[], MemberCounts>(
    `SELECT COALESCE(SUM(role = 'device'), 0) AS devices, COALESCE(SUM(role = 'device' AND online), 0) AS devicesOnline,
       COALESCE(SUM(role = 'device' AND worker_id IS NULL), 0) AS devicesWithoutWorker,
       COALESCE(SUM(role = 'worker'), 0) AS workers, COALESCE(SUM(role = 'worker' AND online), 0) AS workersOnline,
       COALESCE(SUM(frames), 0) AS frames, COALESCE(SUM(met), 0) AS met, COALESCE(SUM(missed), 0) AS missed,
       COALESCE(SUM(fallbacks), 0) AS fallbacks, COALESCE(SUM(early_exits_asked), 0) AS earlyExitsAsked,
       COALESCE(SUM(early_exits_answered), 0) AS earlyExitsAnswered, COALESCE(SUM(upload_bytes), 0) AS uploadBytes
     FROM members`,
  );
  const none = { devices: 0, devicesOnline: 0, devicesWithoutWorker: 0, workers: 0, workersOnline: 0 };
  const noFrames = { frames: 0, met: 0, missed: 0, fallbacks: 0, earlyExitsAsked: 0, earlyExitsAnswered: 0 };
  return () => sums.get() ?? { ...none, ...noFrames, uploadBytes: 0 };
}

function preparePlacedCounts(db: SqliteDatabase): MemberStore['placedCounts'] {
  const counts = db.prepare<[], PlacedCount & { id: string }>(
    `SELECT worker_id AS id, COUNT(*) AS devices, SUM(online) AS online FROM members
     WHERE role = 'device' AND worker_id IS NOT NULL GROUP BY worker_id`,
  );
  return () => new Map(counts.all().map(({ id, ...count }) => [id, count]));
}

function prepareRegister(db: SqliteDatabase): MemberStore['register'] {
  const role = db.prepare<[string], { role: string }>('SELECT role FROM members WHERE id = ?');
  const upsert = db.prepare<[string, string, string, string, number, number, string]>(
    `INSERT INTO members (id, role, hardware_class, labels, processor_factor, threads, registered_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET hardware_class = excluded.hardware_class, labels = excluded.labels,
       processor_factor = excluded.processor_factor, threads = excluded.threads`,
  );
  return (wanted, registration, at) => {
    const { id, hardwareClass, labels = {}, processorFactor = 1, threads = 1 } = registration;
    const known = role.get(id);
    if (known !== undefined && known.role !== wanted) {
      throw new FleetError('conflict', `"${id}" is the id of a ${known.role} already`);
    }
    upsert.run(id, wanted, hardwareClass, JSON.stringify(labels), processorFactor, threads, at);
    return known === undefined;
  };
}

function prepareUpdates(
  db: SqliteDatabase,
): Pick<MemberStore, 'setPresence' | 'setReported' | 'setLoad' | 'setPlacement' | 'addFrames' | 'addLost'> {
  const presence = db.prepare<[number, number, number, string, string]>(
    'UPDATE members SET online = ?, leaving = ?, boot = ?, presence_at = ? WHERE id = ?',
  );
  const reported = db.prepare<[string, string, string]>(
    'UPDATE members SET reported = ?, reported_at = ? WHERE id = ?',
  );
  const load = db.prepare<[string, string, string]>('UPDATE members SET load = ?, load_at = ? WHERE id = ?');
  const placement = db.prepare<[Placement & { id: string }]>(
    `UPDATE members SET worker_id = @workerId, placed_ms = @placedMs, placed_because = @placedBecause,
       placed_from = @placedFrom WHERE id = @id`,
  );
  const frames = db.prepare<[FrameTotals & { id: string }]>(
    `UPDATE members SET frames = frames + @frames, met = met + @met, missed = missed + @missed,
       fallbacks = fallbacks + @fallbacks, early_exits_asked = early_exits_asked + @earlyExitsAsked,
       early_exits_answered = early_exits_answered + @earlyExitsAnswered, upload_bytes = upload_bytes + @uploadBytes
     WHERE id = @id`,
  );
  const lost = db.prepare<[number, string]>('UPDATE members SET reports_lost = reports_lost + ? WHERE id = ?');
  return {
    setPresence: (id, { online, leaving = false, boot }, at) =>
      void presence.run(online ? 1 : 0, leaving ? 1 : 0, boot, at, id),
    setReported: (id, value, at) => void reported.run(JSON.stringify(value), at, id),
    setLoad: (id, value, at) => void load.run(JSON.stringify(value), at, id),
    setPlacement: (id, { workerId, placedMs, placedBecause, placedFrom }) =>
      void placement.run({ id, workerId, placedMs, placedBecause, placedFrom }),
    addFrames: (id, { frames: count, met, missed, fallbacks, uploadBytes, ...early }) => {
      const { earlyExitsAsked = 0, earlyExitsAnswered = 0 } = early;
      frames.run({ id, frames: count, met, missed, fallbacks, earlyExitsAsked, earlyExitsAnswered, uploadBytes });
    },
    addLost: (deviceId, reports) => void lost.run(reports, deviceId),
  };
}
