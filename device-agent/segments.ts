import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import { branchesOf } from '../shared/model/branches.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import { extractSegment } from '../shared/model/split.ts';
import type { Tensor, Tensors } from '../shared/model/tensor.ts';
import { FleetError } from '../shared/runtime/errors.ts';

/**
 * The first p layers of each branch, loaded as they are needed; p = N is the whole branch.
 * INVARIANT: exits that share their first layers share the segment.
 */
export interface Segments {
  has(exit: number, partition: number): boolean;
  /** Loads a segment, and where a slower processor is emulated times it, so that it can be stretched. */
  prepare(exit: number, partition: number): Promise<void>;
  /**
   * @param input the model's input; it is copied, the caller keeps it
   * @returns the tensors of the cut, in the cut's order
   */
  run(exit: number, partition: number, input: Tensor, options?: { urgent?: boolean }): Promise<SegmentRun>;
}

export interface SegmentRun {
  tensors: Tensor[];
  /** With the waiting of an emulated processor, ms. */
  computeMs: number;
  /** The runtime's own time, ms. */
  runtimeMs: number;
}

export interface SegmentsOptions {
  model: ModelPackage;
  thread: InferenceThread;
  /** 1: no slower processor is emulated. */
  processorFactor: number;
}

const timing = { warmUp: 3, runs: 11, gapMs: 0 };

export function createSegments({ model, thread, processorFactor }: SegmentsOptions): Segments {
  const branches = branchesOf(model.graph);
  const ownTimeMs = new Map<string, number>();
  const inputName = model.manifest.input.name;
  const inputDims = [1, ...model.manifest.input.shape];

  function cutOf(exit: number, partition: number): { exitName: string; names: readonly string[]; key: string } {
    const branch = branches[exit - 1];
    const names = branch?.cuts[partition];
    if (branch === undefined || names === undefined) {
      throw new FleetError('partition-out-of-range', `exit ${exit} has no partition ${partition}`);
    }
    return { exitName: branch.exit, names, key: `${model.manifest.digest}/${partition}/${names.join(',')}` };
  }

  async function timeSegment(key: string): Promise<void> {
    const elements = inputDims.reduce((product, size) => product * size, 1);
    const noise = Float32Array.from({ length: elements }, (_, i) => Math.sin(i));
    const measured = await thread.measure(key, { [inputName]: { data: noise, dims: inputDims } }, timing);
    // The least of its runs: what other processes on this machine take from it is no part of its own time.
    ownTimeMs.set(key, measured.minMs);
  }

  return {
    has(exit, partition) {
      const { key } = cutOf(exit, partition);
      return partition === 0 || (thread.has(key) && (processorFactor === 1 || ownTimeMs.has(key)));
    },
    async prepare(exit, partition) {
      if (partition === 0) return;
      const { exitName, key } = cutOf(exit, partition);
      if (!thread.has(key)) await thread.load(key, extractSegment(model.graph, exitName, [0, partition]));
      if (processorFactor > 1 && !ownTimeMs.has(key)) await timeSegment(key);
    },
    async run(exit, partition, input, { urgent = false } = {}) {
      if (partition === 0) return { tensors: [input], computeMs: 0, runtimeMs: 0 };
      const { names, key } = cutOf(exit, partition);
      const inputs: Tensors = { [inputName]: { data: input.data.slice(), dims: input.dims } };
      const minimumMs = processorFactor > 1 ? processorFactor * (ownTimeMs.get(key) ?? 0) : 0;
      const { outputs, computeMs, runtimeMs } = await thread.run(key, inputs, {
        minimumMs,
        priority: urgent ? 'urgent' : 'normal',
      });
      return { tensors: names.map((name) => requireOutput(outputs, name)), computeMs, runtimeMs };
    },
  };
}

function requireOutput(outputs: Tensors, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined) throw new FleetError('inference-failed', `the segment gave no tensor ${name}`);
  return tensor;
}
