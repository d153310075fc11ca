import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { type DescribedLayer, describeModel, type ModelDescription } from '../../shared/model/describe-model.ts';
import { assumedCodecNs } from '../../shared/planner/assumed-conditions.ts';
import { type DagPlanningInput, predictDag } from '../../shared/planner/dag-plan.ts';
import { timedGraph } from '../../shared/planner/timed-graph.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import { buildOnnx } from '../../shared/testing/build-onnx.ts';
import { closedSets } from '../../shared/testing/closed-sets.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { smallProfile } from '../../shared/testing/small-models.ts';
import { runCommand } from '../testing/run-command.ts';
import { modelCommand } from './model.ts';
import { openModel } from './model-source.ts';

const resnet = repositoryFile('shared', 'model', 'fixtures', 'branchy-resnet.onnx');
const alexnet = repositoryFile('models', 'branchy-alexnet-32');
const callMs = 0.5;

/** A worker that lacks a fast kernel for one shortcut, beside a main path that the device is slow at. */
function deviceMs({ name, flops }: DescribedLayer): number {
  return name === 'block2.conv1' ? 20 : 0.1 + flops / 5e6;
}

function workerMs({ name, flops }: DescribedLayer): number {
  return name === 'block2.shortcut' ? 50 : 0.1 + flops / 5e7;
}

let folder = '';
let described: ModelDescription;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-partition-'));
  described = await writeProfiles(resnet, 'resnet');
  await writeProfiles(alexnet, 'alexnet');
});
afterAll(() => rm(folder, { recursive: true }));

/** @returns the model that NAME-device.json and NAME-worker.json are profiles of */
async function writeProfiles(
  path: string,
  name: string,
  times: Record<Profile['tier'], (layer: DescribedLayer) => number> = { device: deviceMs, worker: workerMs },
): Promise<ModelDescription> {
  const { graph, digest } = await openModel(path);
  const description = describeModel(graph, await traceShapes(graph));
  for (const tier of ['device', 'worker'] as const) {
    const { profile } = smallProfile(description, (layers) =>
      layers.reduce((sum, layer) => sum + times[tier](layer), callMs),
    );
    const measured: Profile = { ...profile, tier, modelDigest: digest, perCallOverheadMs: callMs };
    await writeFile(fileOf(name, tier), JSON.stringify(measured));
  }
  return description;
}

function fileOf(name: string, tier: Profile['tier']): string {
  return join(folder, `${name}-${tier}.json`);
}

function run(path: string, name: string, ...words: readonly string[]): Promise<string> {
  const profiles = ['--device-profile', fileOf(name, 'device'), '--worker-profile', fileOf(name, 'worker')];
  return runCommand(modelCommand(), 'partition', path, ...profiles, ...words);
}

describe('edgent model partition of a model with skip connections', () => {
  const words = ['--mbps', '20', '--downlink-mbps', '50', '--rtt', '4', '--exit', 'exit2', '--processor-factor', '2'];

  test('finds the best of all closed sets, as trying each of them does', async () => {
    const { exits } = JSON.parse(await run(resnet, 'resnet', ...words, '--encodings', 'f32,u8', '--json'));
    const [found] = exits;
    const branch = described.branches.find(({ exit }) => exit === 'exit2') ?? expect.fail('no exit2');
    const times = { deviceMs: branch.layers.map(deviceMs), workerMs: branch.layers.map(workerMs) };
    const input: DagPlanningInput = {
      ...timedGraph(branch, times),
      ...{ callMs: { device: callMs, worker: callMs }, processorFactor: 2 },
      offload: { queueMs: 0, link: { uplinkMbps: 20, downlinkMbps: 50, rttMs: 4 } },
      ...{ encodeNs: assumedCodecNs, decodeNs: assumedCodecNs },
    };
    const tried = closedSets(input.graph).flatMap((firstTier) =>
      (['f32', 'u8'] as const).map(
        (encoding) => predictDag(input, { firstTier, direction: 'device-first', encoding })?.totalMs ?? Number.NaN,
      ),
    );
    expect(found.anySet.totalMs).toBeCloseTo(Math.min(...tried), 9);
    expect(found).toMatchObject({ name: 'exit2', nodes: 22, isChain: false });
    expect(found.anySet.firstTier).toContain(12);
    expect(found.anySet.firstTier).not.toContain(9);
    expect(found.anySet.cut).toContain('block2.shortcut.out');
    expect(found.gainMs).toBeCloseTo(found.prefix.totalMs - found.anySet.totalMs, 9);
    expect(found.gainMs).toBeGreaterThan(10);
    expect(found.prefix.firstTier).toHaveLength(found.prefix.partition);
  });

  test('prints it beside the best prefix, and by how much it is better', async () => {
    const text = await run(resnet, 'resnet', ...words);
    expect(text).toContain('1–8, 12 of 22');
    expect(text).toMatch(/exit2: the best closed set is [\d.]+ ms \([\d.]+ %\) faster than the best prefix/);
    expect(text).not.toContain('exit3');
  });
});

describe('edgent model partition of a chain', () => {
  test('gives what Algorithm 1 plans at each exit, where segments take as long as their layers', async () => {
    const { exits, model, link } = JSON.parse(await run(alexnet, 'alexnet', '--mbps', '5', '--json'));
    expect(model.name).toBe('branchy-alexnet-32');
    expect(link).toEqual({ uplinkMbps: 5, downlinkMbps: 5, rttMs: 5 });
    expect(exits).toHaveLength(5);
    for (const { isChain, gainMs, anySet, prefix, planned } of exits) {
      expect([isChain, gainMs]).toEqual([true, 0]);
      expect(anySet.totalMs).toBe(prefix.totalMs);
      expect(prefix.totalMs).toBeCloseTo(planned.totalMs, 9);
      expect(prefix.partition).toBe(planned.partition);
    }
  });

  test('says that there is nothing else to choose', async () => {
    const text = await run(alexnet, 'alexnet', '--mbps', '5');
    expect(text.match(/a chain, where every closed set is a prefix: both are the same/g)).toHaveLength(5);
  });
});

test('never has a tensor sent that holds other than floats', async () => {
  const nodes = [
    { op: 'Relu', inputs: ['x'], outputs: ['a'] },
    { op: 'Shape', inputs: ['a'], outputs: ['sizes'] },
    { op: 'Reshape', inputs: ['a', 'sizes'], outputs: ['exit'] },
  ];
  const path = join(folder, 'sizes.onnx');
  await writeFile(path, buildOnnx({ nodes, outputs: ['exit'] }));
  await writeProfiles(path, 'sizes', {
    device: ({ op }) => (op === 'Reshape' ? 100 : 1),
    worker: ({ op }) => (op === 'Reshape' ? 1 : 200),
  });
  const [exit] = JSON.parse(await run(path, 'sizes', '--mbps', '100', '--json')).exits;
  for (const { firstTier, totalMs } of [exit.anySet, exit.prefix]) {
    expect(firstTier).toEqual([1, 2, 3]);
    expect(totalMs).toBeCloseTo(102 + callMs, 9);
  }
});

test('refuses an exit that the model has not, and profiles of another model or tier', async () => {
  const rate = ['--mbps', '5'];
  await expect(run(resnet, 'resnet', ...rate, '--exit', 'none')).rejects.toMatchObject({ code: 'model-unknown-exit' });
  await expect(run(resnet, 'alexnet', ...rate)).rejects.toMatchObject({
    code: 'profile-mismatch',
    message: expect.stringContaining(`device profile ${fileOf('alexnet', 'device')}: `),
  });
  const swapped = run(resnet, 'resnet', ...rate, '--worker-profile', fileOf('resnet', 'device'));
  await expect(swapped).rejects.toMatchObject({ code: 'profile-mismatch' });
  const absent = run(resnet, 'resnet', ...rate, '--worker-profile', join(folder, 'none.json'));
  await expect(absent).rejects.toMatchObject({ code: 'not-found' });
});
