import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../cli/platform/admin-client.ts';
import { decodeInput, encodeInput } from '../shared/adapters/image-encoding.ts';
import { preprocess } from '../shared/adapters/images.ts';
import { createOnnxSession } from '../shared/adapters/onnx-session.ts';
import { readFrames } from '../shared/adapters/read-frames.ts';
import { branchOf } from '../shared/model/branches.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { extractSegment } from '../shared/model/split.ts';
import { encodings } from '../shared/protocol/tensor-encoding.ts';
import { imageEncodings } from '../shared/protocol/wire-encoding.ts';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { type Ended, startCommand } from './testing/command.ts';
import { createExpectedLabels } from './testing/expected-labels.ts';
import { mustRun, pythonWith } from './testing/python.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const python = pythonWith('numpy', 'paho.mqtt.client');
const images = dataFile('cifar10', 'test-1000.bin');
const cannotRun = images === undefined || (python === undefined && !mustRun);
const frames = 25;

interface Line {
  name: string;
  status: string;
  label: string | null;
  exit: number;
  encoding: string;
  configurationVersion: number;
  latencyMs: number;
}

describe.skipIf(cannotRun)('a device in Python (needs python3-numpy and python3-paho-mqtt)', () => {
  const cleanup = cleanupAfterAll();
  let platform: TestPlatform;
  let folder = '';

  beforeAll(async () => {
    expect(python, 'install python3-numpy and python3-paho-mqtt').toBeDefined();
    platform = await startTestPlatform({ cleanup, deadlineMs: 5000 });
    folder = await temporaryFolder(cleanup);
  });

  function run(id: string, ...own: readonly string[]): Promise<Ended> {
    const client = repositoryFile('deploy', 'examples', 'edgent_client.py');
    const where = ['--control-plane', platform.httpUrl, '--enrolment-token', platform.enrolmentToken];
    const kept = ['--credentials', join(folder, `${id}.json`)];
    return startCommand(python ?? '', [client, '--id', id, ...where, ...kept, ...own], { cleanup }).ended;
  }

  const linesOf = ({ stdout }: Ended): Line[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  test.each(encodings)('has real images labelled as evaluating them does, sent as %s', async (encoding) => {
    const ended = await run(
      `py-${encoding}`,
      '--images',
      images ?? '',
      '--frames',
      `${frames}`,
      '--encoding',
      encoding,
    );
    expect(ended).toMatchObject({ code: 0 });
    const lines = linesOf(ended);
    const expected = await createExpectedLabels('branchy-alexnet-32', images ?? '', frames).of({
      exit: 'exit5',
      partition: 0,
      encoding,
    });
    expect(lines.map(({ status }) => status)).toEqual(Array.from({ length: frames }, () => 'ok'));
    expect(lines.map(({ name, label }) => [name, label])).toEqual([...expected]);
    for (const { exit, configurationVersion } of lines) {
      expect(exit).toBe(5);
      expect(configurationVersion).toBeGreaterThan(0);
    }
  });

  test.each(imageEncodings)('has a %s file labelled that it sends as it is', async (encoding) => {
    const { graph, manifest } = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
    const { preprocessing, input, labels } = manifest;
    const session = await createOnnxSession(
      extractSegment(graph, 'exit5', [0, branchOf(graph, 'exit5').layers.length]),
    );
    const words: string[] = [];
    const expected: (string | undefined)[] = [];
    for (const [index, frame] of (await readFrames(images ?? '', labels, 5)).entries()) {
      const file = await encodeInput(await preprocess(frame, preprocessing), preprocessing, { encoding, quality: 95 });
      const path = join(folder, `${index}.${encoding}`);
      await writeFile(path, file);
      words.push('--image', path);
      const data = await decodeInput(file, encoding, preprocessing);
      const { exit5 } = await session.run({ [input.name]: { data, dims: [1, ...input.shape] } });
      const scores = [...(exit5?.data ?? [])];
      expected.push(labels[scores.indexOf(Math.max(...scores))]);
    }
    await session.release();
    const ended = await run(`py-${encoding}`, ...words);
    expect(ended).toMatchObject({ code: 0 });
    expect(linesOf(ended).map(({ label }) => label)).toEqual(expected);
    expect(linesOf(ended).map(({ encoding: told }) => told)).toEqual(expected.map(() => encoding));
  });

  test('has a cut finished that it is given as raw floats', async () => {
    const { graph, manifest } = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
    const [frame] = await readFrames(images ?? '', manifest.labels, 1);
    if (frame === undefined) throw new Error('there is no image');
    const { cuts } = branchOf(graph, 'exit3');
    const partition = 5;
    const session = await createOnnxSession(extractSegment(graph, 'exit3', [0, partition]));
    const data = await preprocess(frame, manifest.preprocessing);
    const outputs = await session.run({ [manifest.input.name]: { data, dims: [1, ...manifest.input.shape] } });
    await session.release();
    const words: string[] = [];
    for (const name of cuts[partition] ?? []) {
      const tensor = outputs[name];
      if (tensor === undefined) throw new Error(`there is no ${name}`);
      const file = join(folder, `${words.length}.f32`);
      await writeFile(file, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
      words.push('--cut', `${file}:${tensor.dims.join()}`);
    }
    const ended = await run('py-cut', ...words, '--exit', '3', '--partition', `${partition}`, '--encoding', 'u8');
    expect(ended).toMatchObject({ code: 0 });
    const cut = { exit: 'exit3', partition, encoding: 'u8' } as const;
    const expected = await createExpectedLabels('branchy-alexnet-32', images ?? '', 1).of(cut);
    expect(linesOf(ended).map(({ label }) => label)).toEqual([...expected.values()]);
  });

  test('gives up at the deadline and says so, and does not take a late reply for a result', async () => {
    const ended = await run('py-late', '--images', images ?? '', '--frames', '5', '--deadline', '0.2');
    expect(ended.code).toBe(1);
    const lines = linesOf(ended);
    expect(lines).toHaveLength(5);
    for (const { status, label, latencyMs } of lines) {
      expect(['gave-up', 'expired']).toContain(status);
      expect(label).toBeNull();
      expect(latencyMs).toBeLessThan(1000);
    }
    expect(ended.stderr).toMatch(/^0 answered, \d+ replies came too late$/m);
  });

  test('is seen by the control plane as any device, and says good-bye', async () => {
    const headers = { authorization: `Bearer ${platform.adminToken}` };
    const response = await ask(`${platform.httpUrl}/api/v1/devices/py-f32`, { headers });
    expect(await response.json()).toMatchObject({
      id: 'py-f32',
      hardwareClass: 'python-client',
      presence: { online: false },
      reported: { state: 'ready' },
    });
  });

  test('says in short what is wrong: a plan that the model has not, no way to register, no control plane', async () => {
    const plan = await run('py-plan', '--images', images ?? '', '--partition', '99');
    expect(plan.code).toBe(1);
    expect(plan.stderr).toContain('has no segment for exit 5, partition 99');
    const text = await run('py-text', '--image', repositoryFile('package.json'));
    expect(text.code).toBe(1);
    expect(text.stderr).toContain('neither JPEG nor WebP');
    const nobody = await run('py-nobody', '--images', images ?? '', '--control-plane', 'http://127.0.0.1:9');
    expect(nobody.code).toBe(1);
    expect(nobody.stderr.trim().split('\n')).toHaveLength(1);
  });
});
