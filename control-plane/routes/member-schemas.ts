import { type Static, Type } from 'typebox';
import { LoadSchema, ReportedSchema } from '../../shared/protocol/messages.ts';
import type { DeviceRecord, WorkerRecord } from '../store/member-records.ts';
import { DevicePlacementSchema, devicePlacement, WorkerPlacementSchema } from './placement-schemas.ts';
import { nullable } from './schemas.ts';

const Common = {
  id: Type.String(),
  hardwareClass: Type.String(),
  labels: Type.Record(Type.String(), Type.String()),
  registeredAt: Type.String(),
  presence: Type.Object({ online: Type.Boolean(), boot: Type.Integer(), at: nullable(Type.String()) }),
  /** Version of the configuration that it is to run, 0 before the first. */
  desiredVersion: Type.Integer(),
  reported: nullable(ReportedSchema),
  reportedAt: nullable(Type.String()),
};

/** Frames since the device registered. */
export const FrameTotalsSchema = Type.Object({
  frames: Type.Integer(),
  met: Type.Integer(),
  missed: Type.Integer(),
  fallbacks: Type.Integer(),
  /** An exit that the head had passed was asked, and ended the frame. */
  earlyExitsAsked: Type.Integer(),
  earlyExitsAnswered: Type.Integer(),
  uploadBytes: Type.Integer(),
});

export const DeviceSchema = Type.Object({
  ...Common,
  processorFactor: Type.Number(),
  /** Where it is placed; null: nowhere, it runs alone. */
  worker: nullable(Type.String()),
  placement: DevicePlacementSchema,
  totals: FrameTotalsSchema,
  /** Reports that the device had and that will never come: its disk was full or damaged while nobody took them. */
  reportsLost: Type.Integer(),
});

export const WorkerSchema = Type.Object({
  ...Common,
  threads: Type.Integer(),
  load: nullable(LoadSchema),
  loadAt: nullable(Type.String()),
  /** Null: nothing is known yet, for no model is in force. */
  placement: nullable(WorkerPlacementSchema),
});

/** @returns a device as operators see it */
export function deviceView(device: DeviceRecord, desiredVersion: number): Static<typeof DeviceSchema> {
  const { role: _role, online, boot, presenceAt, workerId, placedMs, placedBecause, placedFrom, ...rest } = device;
  const placement = devicePlacement({ workerId, placedMs, placedBecause, placedFrom });
  return { ...rest, presence: { online, boot, at: presenceAt }, worker: workerId, placement, desiredVersion };
}

/** @returns a worker as operators see it */
export function workerView(
  worker: WorkerRecord,
  { desiredVersion, placement }: Pick<Static<typeof WorkerSchema>, 'desiredVersion' | 'placement'>,
): Static<typeof WorkerSchema> {
  const { role: _role, online, leaving: _leaving, boot, presenceAt, ...rest } = worker;
  return { ...rest, presence: { online, boot, at: presenceAt }, desiredVersion, placement };
}
