import { Type } from 'typebox';
import { type Load, loadParser, type Reported, reportedParser } from '../../shared/protocol/messages.ts';
import { createParser } from '../../shared/runtime/schema.ts';

export type MemberRole = 'device' | 'worker';

/** Why a device is where it is. */
export const placementReasons = [
  'had-none',
  'worker-gone',
  'worker-left',
  'worker-failed',
  'worker-overloaded',
  'fair-share',
  'none-available',
] as const;
export type PlacementReason = (typeof placementReasons)[number];

/** Where a device is placed. */
export interface Placement {
  /** Null: nowhere, it runs alone. */
  workerId: string | null;
  /** Since when, ms since 1970; null: from before that was told. */
  placedMs: number | null;
  placedBecause: PlacementReason | null;
  /** The worker that it was at before; null: none. */
  placedFrom: string | null;
}

/** What devices and workers have in common. */
interface Member {
  id: string;
  hardwareClass: string;
  labels: Record<string, string>;
  registeredAt: string;
  online: boolean;
  /** Of the presence that was heard last, 0 before the first. */
  boot: number;
  presenceAt: string | null;
  reported: Reported | null;
  reportedAt: string | null;
}

export interface DeviceRecord extends Member, Placement {
  role: 'device';
  processorFactor: number;
  totals: FrameTotals;
  /** Reports of its own that will never come. */
  reportsLost: number;
}

export interface WorkerRecord extends Member {
  role: 'worker';
  threads: number;
  /** It went by itself: what it had begun it finishes. */
  leaving: boolean;
  load: Load | null;
  loadAt: string | null;
}

export type MemberRecord = DeviceRecord | WorkerRecord;

/** What placement, leases and configurations depend on. */
export interface DeviceState extends Placement {
  id: string;
  hardwareClass: string;
  online: boolean;
  processorFactor: number;
  /** The model that it reported to run. */
  modelDigest: string | null;
  /** How many times longer than by their tables its own and its worker's parts take; null: it asks for no new ones. */
  deviceDrift: number | null;
  workerDrift: number | null;
}

/** Frames since the device registered. */
export interface FrameTotals {
  frames: number;
  met: number;
  missed: number;
  fallbacks: number;
  /** An exit that the head had passed was asked … */
  earlyExitsAsked: number;
  /** … and ended the frame. */
  earlyExitsAnswered: number;
  uploadBytes: number;
}

/** A row of the table `members`. */
export interface MemberRow {
  id: string;
  role: string;
  hardware_class: string;
  labels: string;
  processor_factor: number;
  threads: number;
  registered_at: string;
  online: number;
  boot: number;
  presence_at: string | null;
  worker_id: string | null;
  leaving: number;
  placed_ms: number | null;
  placed_because: PlacementReason | null;
  placed_from: string | null;
  reported: string | null;
  reported_at: string | null;
  load: string | null;
  load_at: string | null;
  frames: number;
  met: number;
  missed: number;
  fallbacks: number;
  early_exits_asked: number;
  early_exits_answered: number;
  upload_bytes: number;
  reports_lost: number;
}

const labelsParser = createParser(Type.Record(Type.String(), Type.String()), 'store-damaged', 'labels');

export function toMember(row: MemberRow): MemberRecord {
  return row.role === 'worker' ? toWorker(row) : toDevice(row);
}

export function toDevice(row: MemberRow): DeviceRecord {
  return {
    role: 'device',
    ...common(row),
    processorFactor: row.processor_factor,
    workerId: row.worker_id,
    placedMs: row.placed_ms,
    placedBecause: row.placed_because,
    placedFrom: row.placed_from,
    totals: {
      frames: row.frames,
      met: row.met,
      missed: row.missed,
      fallbacks: row.fallbacks,
      earlyExitsAsked: row.early_exits_asked,
      earlyExitsAnswered: row.early_exits_answered,
      uploadBytes: row.upload_bytes,
    },
    reportsLost: row.reports_lost,
  };
}

export function toWorker(row: MemberRow): WorkerRecord {
  return {
    role: 'worker',
    ...common(row),
    threads: row.threads,
    leaving: row.leaving === 1,
    load: row.load === null ? null : loadParser.parseJson(row.load),
    loadAt: row.load_at,
  };
}

function common(row: MemberRow): Member {
  return {
    id: row.id,
    hardwareClass: row.hardware_class,
    labels: labelsParser.parseJson(row.labels),
    registeredAt: row.registered_at,
    online: row.online === 1,
    boot: row.boot,
    presenceAt: row.presence_at,
    reported: row.reported === null ? null : reportedParser.parseJson(row.reported),
    reportedAt: row.reported_at,
  };
}
