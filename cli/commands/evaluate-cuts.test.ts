import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InferenceThread, startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { readFrames } from '../../shared/adapters/read-frames.ts';
import type { Frame } from '../../shared/model/frame.ts';
import { type ModelPackage, readPackage } from '../../shared/model/model-package.ts';
import { dataFile, repositoryFile } from '../../shared/testing/data-folder.ts';
import { splitRoute } from './evaluate-branch.ts';
import { type CutPredictions, predictCuts, sessionsPerPass } from './evaluate-cuts.ts';
import { predict } from './evaluate-images.ts';

const images = dataFile('cifar10', 'test-1000.bin');

describe.skipIf(images === undefined)('evaluating all cuts at once', () => {
  const shares: number[] = [];
  let threads: readonly InferenceThread[] = [];
  let model: ModelPackage;
  let frames: Frame[];
  let cuts: ReadonlyMap<string, CutPredictions>;

  const runWith = (onProgress: (share: number) => void) => ({
    manifest: model.manifest,
    threads,
    batch: 50,
    onProgress,
  });

  beforeAll(async () => {
    model = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
    frames = await readFrames(images ?? '', model.manifest.labels, 200);
    threads = [1, 2].map(() => startInferenceThread({ maxSessions: sessionsPerPass }));
    const { graph } = model;
    cuts = await predictCuts(frames, { graph, exits: graph.exits, ...runWith((share) => shares.push(share)) });
  });
  afterAll(() => Promise.all(threads.map((thread) => thread.close())));

  for (const [exit, partition, encoding] of [
    ['exit1', 0, 'u8'],
    ['exit1', 9, 'f16'],
    ['exit2', 6, 'u8'],
    ['exit3', 0, 'f16'],
    ['exit4', 13, 'u8'],
    ['exit5', 2, 'f16'],
    ['exit5', 8, 'u8'],
    ['exit5', 20, 'u8'],
  ] as const) {
    test(`gives every image the label that ${exit} cut at ${partition} with ${encoding} gives by itself`, async () => {
      const alone = await predict(
        frames,
        splitRoute(model, exit, partition, encoding),
        runWith(() => {}),
      );
      expect(cuts.get(exit)?.[encoding][partition]).toEqual(alone.get(exit));
    });
  }

  test('encodes: where the image itself travels, some labels are others with u8 than with f16', () => {
    expect(cuts.get('exit1')?.u8[0]).not.toEqual(cuts.get('exit1')?.f16[0]);
  });

  test('covers every partition point at which something is sent', () => {
    const counts = [...cuts].map(([name, { f16, u8 }]) => ({ name, f16: f16.length, u8: u8.length }));
    expect(counts).toEqual(model.manifest.exits.map(({ name, nodes }) => ({ name, f16: nodes, u8: nodes })));
  });

  test('tells the share of the work that is done, up to all of it', () => {
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  test('gives an exit the same labels when it is the only one', async () => {
    const one = await predictCuts(frames, { graph: model.graph, exits: ['exit2'], ...runWith(() => {}) });
    expect([...one]).toEqual([['exit2', cuts.get('exit2')]]);
  });
});
