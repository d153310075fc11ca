import { hardwareClass } from '../shared/adapters/profile-model.ts';
import type { EdgeWorkerConfig } from './config.ts';

/** @returns the class under which this worker registers and is profiled; an emulated slower processor is one of its own */
export function workerClass({ processorFactor }: Pick<EdgeWorkerConfig, 'processorFactor'>): string {
  return processorFactor === 1 ? hardwareClass() : `${hardwareClass()}-slowed-${processorFactor}`;
}
