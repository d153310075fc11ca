import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Tensors } from '../model/tensor.ts';
import { FleetError, messageOf } from '../runtime/errors.ts';

/**
 * A loaded model. INVARIANT one run at a time.
 * Loading and running block the thread that they are called in: services use `startInferenceThread`.
 */
export interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** @throws {FleetError} `tensor-unsupported`, `inference-failed` */
  run(inputs: Tensors): Promise<Tensors>;
  /** Runs and tells types and dimensions of the outputs, whatever their type. @throws {FleetError} as `run` */
  runForTypes(inputs: Tensors): Promise<ReadonlyMap<string, { dtype: string; dims: readonly number[] }>>;
  release(): Promise<void>;
}

/** How far the runtime rewrites the graph; per-layer times need `basic`, which fuses nothing. */
export type GraphOptimization = 'disabled' | 'basic' | 'extended' | 'all';

const reportErrorsOnly = 3;

/**
 * Loads a model on one thread that sleeps while it waits: with spinning, two sessions disturb each other's times.
 * @param bytes an ONNX file; may be dropped afterwards
 * @throws {FleetError} `inference-failed` when the runtime refuses it
 */
export async function createOnnxSession(
  bytes: Uint8Array,
  optimization: GraphOptimization = 'all',
): Promise<OnnxSession> {
  const session = await translated('the runtime refused the model', () =>
    InferenceSession.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: optimization,
      logSeverityLevel: reportErrorsOnly,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    }),
  );
  const runRaw = (inputs: Tensors) => translated('the run failed', () => session.run(toFeeds(inputs)));
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (inputs) => toTensors(await runRaw(inputs)),
    runForTypes: async (inputs) => {
      const outputs = await runRaw(inputs);
      return new Map(Object.entries(outputs).map(([name, { type, dims }]) => [name, { dtype: type, dims }]));
    },
    release: () => session.release(),
  };
}

function toFeeds(inputs: Tensors): Record<string, OrtTensor> {
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, { data, dims }] of Object.entries(inputs)) {
    const elements = dims.reduce((product, size) => product * size, 1);
    if (!(data instanceof Float32Array) || elements !== data.length) {
      throw new FleetError('tensor-unsupported', `input ${JSON.stringify(name)}: ${data.length} values for [${dims}]`);
    }
    feeds[name] = new OrtTensor('float32', data, dims);
  }
  return feeds;
}

function toTensors(outputs: InferenceSession.OnnxValueMapType): Tensors {
  const tensors: Record<string, Tensors[string]> = {};
  for (const [name, { data, dims, type }] of Object.entries(outputs)) {
    if (!(data instanceof Float32Array)) {
      throw new FleetError('tensor-unsupported', `output ${JSON.stringify(name)} is ${type}; only float32 is run`);
    }
    tensors[name] = { data, dims };
  }
  return tensors;
}

async function translated<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw new FleetError('inference-failed', `${what}: ${messageOf(cause)}`, { cause });
  }
}
