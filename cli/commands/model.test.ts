import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readManifest } from '../../shared/model/model-package.ts';
import { readModel } from '../../shared/model/read-model.ts';
import { dataFile, repositoryFile } from '../../shared/testing/data-folder.ts';
import { modelCommand } from './model.ts';
import { type EvaluateOptions, evaluate } from './model-evaluate.ts';

const packaged = repositoryFile('models', 'branchy-alexnet-32');
const images = dataFile('cifar10', 'test-1000.bin');
const onePixelPng = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-model-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** @returns what the command wrote on standard output */
async function runCommand(...words: readonly string[]): Promise<string> {
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const progress = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await modelCommand().parseAsync([...words], { from: 'user' });
    return output.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    output.mockRestore();
    progress.mockRestore();
  }
}

describe('edgent model inspect', () => {
  test('lists the layers of one exit and a cut for every partition point', async () => {
    const { exits } = JSON.parse(await runCommand('inspect', packaged, '--exit', 'exit2', '--json'));
    expect(exits).toHaveLength(1);
    const [{ name, nodes, layers, cuts, encodedAccuracy }] = exits;
    expect(encodedAccuracy.u8).toHaveLength(cuts.length);
    expect([name, layers.length, cuts.length]).toEqual(['exit2', nodes, nodes + 1]);
    expect(cuts[0]).toMatchObject({
      bytes: 12_288,
      u8Bytes: 3_072,
      tensors: [{ name: 'input', dims: [1, 3, 32, 32] }],
    });
    const table = await runCommand('inspect', packaged, '--exit', 'exit2');
    expect(table).toContain('exit2');
    expect(table).toContain('u8 accuracy');
    expect(table).toContain('1×3×32×32');
  });

  test('takes an ONNX file by itself, and refuses an exit that it has not', async () => {
    const file = repositoryFile('shared', 'model', 'fixtures', 'branchy-dense.onnx');
    expect(JSON.parse(await runCommand('inspect', file, '--json')).exits.length).toBeGreaterThan(1);
    await expect(runCommand('inspect', file, '--exit', 'none')).rejects.toMatchObject({ code: 'model-unknown-exit' });
  });
});

describe('edgent model split', () => {
  test('writes both halves, and nothing beside them', async () => {
    const out = join(folder, 'halves');
    const words = ['split', packaged, '--exit', 'exit3', '--out', out, '--partition'];
    const { cut } = JSON.parse(await runCommand(...words, '5', '--json'));
    expect((await readdir(out)).sort()).toEqual(['head.onnx', 'tail.onnx']);
    const [head, tail] = await Promise.all([readModel(join(out, 'head.onnx')), readModel(join(out, 'tail.onnx'))]);
    expect(head.graph.nodes).toHaveLength(5);
    expect(head.graph.exits).toEqual(tail.graph.inputs);
    expect(cut.map(({ name }: { name: string }) => name)).toEqual(tail.graph.inputs);
    await runCommand(...words, '0');
    expect(await readdir(out)).toEqual(['tail.onnx']);
  });

  test('out of range writes nothing', async () => {
    const out = join(folder, 'nothing');
    await mkdir(out);
    await expect(
      runCommand('split', packaged, '--exit', 'exit1', '--partition', '99', '--out', out),
    ).rejects.toMatchObject({ code: 'partition-out-of-range' });
    expect(await readdir(out)).toEqual([]);
  });
});

describe('edgent model evaluate', () => {
  const silent = () => {};
  const optionsFor = (more: Partial<EvaluateOptions>): EvaluateOptions => ({
    images: images ?? '',
    encoding: 'f32',
    labels: true,
    ...more,
  });

  test.skipIf(images === undefined)(
    'gives every image the same label whole, cut anywhere, and with all exits',
    async () => {
      const all = await evaluate(packaged, optionsFor({}), silent);
      expect(all.images).toBe(1_000);
      for (const [exit, partitions] of [
        ['exit1', [0, 4, all.exits[0]?.nodes ?? 0]],
        ['exit5', [9]],
      ] as const) {
        const expected = all.labels?.map(({ predicted }) => predicted[exit]);
        const whole = await evaluate(packaged, optionsFor({ exit }), silent);
        expect(whole.labels?.map(({ predicted }) => predicted[exit])).toEqual(expected);
        for (const partition of partitions) {
          const cut = await evaluate(packaged, optionsFor({ exit, partition }), silent);
          expect(cut.labels?.map(({ predicted }) => predicted[exit])).toEqual(expected);
          expect(cut.exits[0]?.accuracy).toBe(whole.exits[0]?.accuracy);
        }
      }
    },
    120_000,
  );

  test.skipIf(images === undefined)('with f16 and u8 keeps nearly all labels', async () => {
    const labelsWith = async (encoding: 'f32' | 'f16' | 'u8') => {
      const options = optionsFor({ exit: 'exit2', partition: 4, encoding, limit: 200 });
      return (await evaluate(packaged, options, silent)).labels?.map(({ predicted }) => predicted.exit2) ?? [];
    };
    const plain = await labelsWith('f32');
    for (const encoding of ['f16', 'u8'] as const) {
      const labels = await labelsWith(encoding);
      const same = labels.filter((label, index) => label === plain[index]).length;
      expect(same).toBeGreaterThanOrEqual(0.95 * plain.length);
    }
  });

  test.skipIf(images === undefined)(
    'stores accuracy and number of images in the manifest on --write alone',
    async () => {
      const copy = join(folder, 'package');
      await cp(packaged, copy, { recursive: true });
      const words = ['evaluate', copy, '--images', images ?? '', '--limit', '50', '--json'];
      const before = await readManifest(copy);
      await runCommand(...words);
      expect(await readManifest(copy)).toEqual(before);
      const { exits } = JSON.parse(await runCommand(...words, '--write'));
      const after = await readManifest(copy);
      expect(after.exits.map(({ accuracy }) => accuracy?.top1)).toEqual(
        exits.map(({ accuracy }: { accuracy: number }) => accuracy),
      );
      expect(after.exits[0]?.accuracy).toMatchObject({ dataset: 'cifar10-test-1000', images: 50 });
    },
  );

  test.skipIf(images === undefined)(
    'with --cuts stores the accuracy of each cut and encoding, and drops it where the exit is measured on other images',
    async () => {
      const copy = join(folder, 'encoded');
      await cp(packaged, copy, { recursive: true });
      const words = ['evaluate', copy, '--images', images ?? '', '--exit', 'exit1', '--write', '--limit'];
      const stored = async () => (await readManifest(copy)).exits.map(({ encodedAccuracy }) => encodedAccuracy);
      const before = await stored();
      const table = await runCommand(...words, '20', '--cuts');
      const [exit1, ...others] = (await readManifest(copy)).exits;
      expect(exit1?.encodedAccuracy).toMatchObject({ dataset: 'cifar10-test-1000', images: 20 });
      expect(exit1?.encodedAccuracy?.u8).toHaveLength((exit1?.nodes ?? 0) + 1);
      expect(exit1?.encodedAccuracy?.u8.at(-1)).toBe(exit1?.accuracy?.top1);
      expect(others.map(({ encodedAccuracy }) => encodedAccuracy)).toEqual(before.slice(1));
      expect(table).toContain('points');
      await runCommand(...words, '20');
      expect((await stored())[0]).toEqual(exit1?.encodedAccuracy);
      await runCommand(...words, '21');
      expect(await stored()).toEqual([undefined, ...before.slice(1)]);
    },
  );

  test.skipIf(images === undefined)(
    'with --image-encodings stores bytes and accuracies of each format, and drops them where it is measured on other images',
    async () => {
      const copy = join(folder, 'as-files');
      await cp(packaged, copy, { recursive: true });
      const words = ['evaluate', copy, '--images', images ?? '', '--write', '--limit'];
      const stored = async () => (await readManifest(copy)).imageEncodings;
      expect(await runCommand(...words, '40', '--image-encodings', 'jpeg=95,webp=60')).toContain('jpeg 95');
      const both = await stored();
      expect(both).toMatchObject({ dataset: 'cifar10-test-1000', images: 40, jpeg: { quality: 95 } });
      expect(both?.jpeg?.top1).toHaveLength(5);
      expect(both?.jpeg?.top1[4]).toBeGreaterThan(0.7);
      expect(both?.webp?.meanBytes).toBeLessThan(both?.jpeg?.meanBytes ?? 0);
      expect(both?.webp?.p95Bytes).toBeGreaterThan(both?.webp?.meanBytes ?? 0);
      await runCommand(...words, '40', '--image-encodings', 'jpeg=80');
      expect(await stored()).toMatchObject({ jpeg: { quality: 80 }, webp: both?.webp });
      await runCommand(...words, '41');
      expect(await stored()).toBeUndefined();
    },
  );

  test('refuses contradictory options and images that are none', async () => {
    const usage = { code: 'usage' };
    await expect(evaluate(packaged, optionsFor({ partition: 1 }), silent)).rejects.toMatchObject(usage);
    await expect(evaluate(packaged, optionsFor({ encoding: 'u8' }), silent)).rejects.toMatchObject(usage);
    const written = optionsFor({ exit: 'exit1', partition: 1, write: true });
    await expect(evaluate(packaged, written, silent)).rejects.toMatchObject(usage);
    const oneOfAll = optionsFor({ exit: 'exit1', partition: 1, cuts: true });
    await expect(evaluate(packaged, oneOfAll, silent)).rejects.toMatchObject(usage);
    const imageEncodings = [{ encoding: 'jpeg', quality: 90 }] as const;
    const oneExit = optionsFor({ exit: 'exit1', imageEncodings });
    await expect(evaluate(packaged, oneExit, silent)).rejects.toMatchObject(usage);
    const unlabelled = join(folder, 'unlabelled.png');
    await writeFile(unlabelled, Buffer.from(onePixelPng, 'base64'));
    await expect(evaluate(packaged, optionsFor({ images: unlabelled, cuts: true }), silent)).rejects.toMatchObject(
      usage,
    );
    const text = join(folder, 'text.bin');
    await writeFile(text, 'no records');
    await expect(evaluate(packaged, optionsFor({ images: text }), silent)).rejects.toMatchObject({
      code: 'image-unreadable',
    });
  });
});
