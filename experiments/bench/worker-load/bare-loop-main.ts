import { readFile } from 'node:fs/promises';
import { createOnnxSession } from '../../../shared/adapters/onnx-session.ts';
import type { Tensors } from '../../../shared/model/tensor.ts';
import type { BareLoopRequest, Measured } from './messages.ts';

// The runtime alone, as inference threads set it up: one run after the other, nothing in between.

async function measure({ file, input, dims, warmUpMs, durationMs }: BareLoopRequest): Promise<Measured> {
  const session = await createOnnxSession(await readFile(file));
  const elements = dims.reduce((product, size) => product * size, 1);
  const tensors: Tensors = { [input]: { dims, data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i)) } };
  const runUntil = async (endMs: number): Promise<number> => {
    let runs = 0;
    for (; performance.now() < endMs; runs += 1) await session.run(tensors);
    return runs;
  };
  await runUntil(performance.now() + warmUpMs);
  const startMs = performance.now();
  const runs = await runUntil(startMs + durationMs);
  const seconds = (performance.now() - startMs) / 1000;
  await session.release();
  return { rate: runs / seconds, refused: 0 };
}

process.on('message', (request: BareLoopRequest) => void measure(request).then((measured) => process.send?.(measured)));
process.once('SIGTERM', () => process.exit(0));
