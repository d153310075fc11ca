import { branchOf } from '../../shared/model/branches.ts';
import type { ModelPackage } from '../../shared/model/model-package.ts';
import type { ChildProcess } from './child-process.ts';
import type { FakeDevice, Question } from './fake-device.ts';
import { createLocalRuns, readAlexNet } from './models.ts';
import { startPlatform } from './platform.ts';

/** A worker process that serves a model, one device that means it ill and one that does not. */
export interface HostilePlatform {
  hostile: FakeDevice;
  bystander: FakeDevice;
  /** Asks for the last layers of exit 1. */
  right: Question;
  /** Questions of all kinds and encodings. */
  various: Question[];
  /** Stops the worker. @returns its exit code, and what it counted */
  counted(): Promise<{ code: number | null; counters: unknown }>;
  close(): Promise<void>;
}

/** A device may send as fast as it can: how the broker holds back a flood is no matter here. */
const unlimited = { publishesPerSecond: 1_000_000 };

export async function startHostilePlatform(): Promise<HostilePlatform> {
  const model = await readAlexNet();
  const platform = await startPlatform([model], unlimited);
  const worker = await platform.startWorker('edge');
  const ready = platform.hear.reported('edge', ({ state }) => state === 'ready');
  await platform.desire('edge', { version: 1 });
  await ready;
  const hostile = await platform.connectDevice('hostile', 'edge');
  const bystander = await platform.connectDevice('bystander', 'edge');
  const { right, various } = await questionsOf(model);
  for (const question of [right, ...various]) await bystander.ask({ ...question, kind: 'probe' });
  return { hostile, bystander, right, various, counted: () => countedBy(worker), close: platform.close };
}

async function questionsOf({ graph, manifest: { digest } }: ModelPackage) {
  const runs = createLocalRuns(graph);
  const input = runs.input(3);
  const partition = branchOf(graph, 'exit1').layers.length - 1;
  const cut = await runs.run('exit1', [0, partition], [input]);
  const right: Question = { digest, exit: 1, partition, tensors: cut };
  const whole: Question = { digest, exit: 1, partition: 0, tensors: [input] };
  const various: Question[] = [
    right,
    { ...right, encoding: 'f16' },
    { ...right, encoding: 'u8' },
    { ...whole, encoding: 'u8' },
    { ...whole, partition: 3, direction: 'edge-first' },
    { ...right, kind: 'probe', tensors: [{ data: new Float32Array(1), dims: [1] }] },
  ];
  return { right, various };
}

async function countedBy(worker: ChildProcess): Promise<{ code: number | null; counters: unknown }> {
  const code = await worker.stop();
  const last = worker
    .log()
    .split('\n')
    .find((line) => line.includes('"stopped"'));
  return { code, counters: last === undefined ? undefined : JSON.parse(last) };
}
