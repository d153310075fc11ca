import { dataTypeOf } from '../model/data-type.ts';
import type { ModelGraph } from '../model/graph.ts';
import { instrumentModel } from '../model/instrument.ts';
import type { TensorShape, TensorShapes } from '../model/shapes.ts';
import { declaredInput, hasOpenBatch, inputDims } from '../model/shapes.ts';
import type { Tensors } from '../model/tensor.ts';
import { FleetError, isFleetError } from '../runtime/errors.ts';
import type { OnnxSession } from './onnx-session.ts';
import { createOnnxSession } from './onnx-session.ts';

type Shown = Awaited<ReturnType<OnnxSession['runForTypes']>>;

/**
 * Learns the shapes of all tensors by running the model: once at batch 1 and, where the batch is open, once at batch 2
 * to see which dimensions grow with it. Blocks the calling thread for that long; keep the result.
 * @throws {FleetError} `tensor-unsupported` for inputs that are not float32 or have an open size besides the batch,
 *   `inference-failed`
 */
export async function traceShapes(graph: ModelGraph): Promise<TensorShapes> {
  for (const name of graph.inputs) requireFloatInput(graph, name);
  const session = await createOnnxSession(instrumentModel(graph), 'disabled');
  try {
    const single = await runAtBatch(graph, session, 1);
    const open = graph.inputs.length > 0 && graph.inputs.every((name) => hasOpenBatch(graph, name));
    const double = open ? await runAtBatch(graph, session, 2).catch(pinned(single)) : single;
    return new Map([...single].map(([name, { dtype, dims }]) => [name, toShape(dtype, dims, double.get(name)?.dims)]));
  } finally {
    await session.release();
  }
}

/** A Reshape to a stored shape may pin a batch that the input leaves open: what cannot be run at 2 does not grow. */
function pinned(single: Shown): (error: unknown) => Shown {
  return (error) => {
    if (isFleetError(error, 'inference-failed')) return single;
    throw error;
  };
}

async function runAtBatch(graph: ModelGraph, session: OnnxSession, batch: number): Promise<Shown> {
  const inputs: Record<string, Tensors[string]> = {};
  const shown = new Map<string, { dtype: string; dims: readonly number[] }>();
  for (const name of graph.inputs) {
    const dims = inputDims(graph, name, batch);
    inputs[name] = { data: new Float32Array(dims.reduce((product, size) => product * size, 1)), dims };
    shown.set(name, { dtype: 'float32', dims });
  }
  for (const [name, output] of await session.runForTypes(inputs)) shown.set(name, output);
  return shown;
}

function toShape(dtype: string, dims: readonly number[], doubled: readonly number[] | undefined): TensorShape {
  const batchAxes = dims.flatMap((size, axis) => (doubled?.[axis] === size ? [] : [axis]));
  return { dtype, dims, batchAxes };
}

function requireFloatInput(graph: ModelGraph, name: string): void {
  const { name: dtype } = dataTypeOf(declaredInput(graph, name)?.type?.tensorType?.elemType ?? 0);
  if (dtype === 'float32') return;
  throw new FleetError('tensor-unsupported', `input ${JSON.stringify(name)} is ${dtype}; only float32 is run`);
}
