import { type Static, Type } from 'typebox';
import { LoadSchema, ReportedSchema } from '../../shared/protocol/messages.ts';
import type { DeviceRecord, WorkerRecord } from '../store/member-records.ts';

const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) => Type.Union([Type.Null(), schema]);

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
  uploadBytes: Type.Integer(),
});

export const DeviceSchema = Type.Object({
  ...Common,
  processorFactor: Type.Number(),
  /** Where it is placed; null: nowhere, it runs alone. */
  worker: nullable(Type.String()),
  totals: FrameTotalsSchema,
});

export const WorkerSchema = Type.Object({
  ...Common,
  threads: Type.Integer(),
  load: nullable(LoadSchema),
  loadAt: nullable(Type.String()),
});

/** @returns a device as operators see it */
export function deviceView(device: DeviceRecord, desiredVersion: number): Static<typeof DeviceSchema> {
  const { role: _role, online, boot, presenceAt, workerId, ...rest } = device;
  return { ...rest, presence: { online, boot, at: presenceAt }, worker: workerId, desiredVersion };
}

/** @returns a worker as operators see it */
export function workerView(worker: WorkerRecord, desiredVersion: number): Static<typeof WorkerSchema> {
  const { role: _role, online, boot, presenceAt, ...rest } = worker;
  return { ...rest, presence: { online, boot, at: presenceAt }, desiredVersion };
}
