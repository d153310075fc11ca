import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readManifest } from '../../shared/model/model-package.ts';
import { type ConfigurationMap, configurationMapParser } from '../../shared/protocol/configuration-map.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { runCommand } from '../testing/run-command.ts';
import { mapCommand } from './map.ts';
import { profileCommand } from './profile.ts';

const packaged = repositoryFile('models', 'branchy-alexnet-32');
const states = repositoryFile('control-plane', 'default-states.json');

let folder = '';
let inputs: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-map-'));
  const measured = JSON.parse(
    await readFile(repositoryFile('experiments', 'regressions', 'fixtures', 'alexnet-32.json'), 'utf8'),
  );
  const { digest: modelDigest } = await readManifest(packaged);
  const write = (name: string, change: object) =>
    writeFile(join(folder, name), JSON.stringify({ ...measured, modelDigest, ...change }));
  await write('device.json', { tier: 'device' });
  await write('worker.json', { tier: 'worker' });
  await write('shallow.json', { tier: 'device', exits: measured.exits.slice(0, -1) });
  await write('swapped.json', { tier: 'worker', exits: measured.exits.toReversed() });
  await write('short.json', {
    tier: 'worker',
    exits: measured.exits.map((exit: Profile['exits'][number]) => ({ ...exit, tail: exit.tail.slice(1) })),
  });
  await write('other.json', { tier: 'worker', modelDigest: `sha256:${'0'.repeat(64)}` });
  inputs = ['--device-profile', join(folder, 'device.json'), '--worker-profile', join(folder, 'worker.json')];
});
afterAll(() => rm(folder, { recursive: true }));

function run(...words: readonly string[]): Promise<string> {
  return runCommand(mapCommand(), ...words);
}

function buildText(...words: readonly string[]): Promise<string> {
  return run('build', '--model', packaged, '--states', states, '--processor-factor', '50', ...inputs, ...words);
}

async function build(...words: readonly string[]): Promise<ConfigurationMap> {
  return configurationMapParser.parseJson(await buildText(...words, '--json'));
}

describe('edgent map build', () => {
  test('plans each of the states, the same input always under the same revision', async () => {
    const map = await build();
    const { states: wanted } = JSON.parse(await readFile(states, 'utf8'));
    expect(map.entries.map(({ state }) => state)).toEqual(wanted);
    expect(map).toMatchObject({ deadlineMs: 200, marginMs: 5, objective: 'accuracy' });
    expect(await build()).toEqual(map);
    expect((await build('--deadline', '150')).revision).not.toBe(map.revision);
  });

  test('keeps to encodings, directions, objective, rtt and deadline', async () => {
    const map = await build('--encodings', 'f32', '--objective', 'latency', '--rtt', '20', '--deadline', '100');
    expect(map).toMatchObject({ objective: 'latency', deadlineMs: 100 });
    expect(new Set(map.entries.map(({ plan }) => plan.encoding))).toEqual(new Set(['f32']));
    const sent = map.entries.filter(({ prediction }) => prediction.uploadBytes > 0);
    expect(sent.length).toBeGreaterThan(0);
    for (const { prediction } of sent) expect(prediction.totalMs).toBeGreaterThan(20);
  });

  test('refuses profiles of another tier or model, and a policy that leaves no plan', async () => {
    const [, device = ''] = inputs;
    await expect(buildText('--worker-profile', device)).rejects.toMatchObject({ code: 'profile-mismatch' });
    const other = join(folder, 'other.json');
    await expect(buildText('--worker-profile', other)).rejects.toMatchObject({ code: 'profile-mismatch' });
    await expect(buildText('--states', device)).rejects.toMatchObject({ code: 'file-invalid' });
    await expect(buildText('--states', 'none.json')).rejects.toMatchObject({ code: 'not-found' });
    await expect(buildText('--minimum-accuracy', '1')).rejects.toMatchObject({ code: 'configuration-map-impossible' });
  });
});

test('refuses a profile that lacks an exit, a segment or the order of the exits, and says which of the two it is', async () => {
  const cases: ['device' | 'worker', string, string][] = [
    ['device', 'shallow.json', 'profile-unusable'],
    ['worker', 'swapped.json', 'profile-unusable'],
    ['worker', 'short.json', 'profile-unusable'],
    ['worker', 'other.json', 'profile-mismatch'],
    ['worker', 'device.json', 'profile-mismatch'],
    ['device', 'none.json', 'not-found'],
  ];
  for (const [tier, name, code] of cases) {
    const file = join(folder, name);
    await expect(buildText(`--${tier}-profile`, file)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`${tier} profile ${file}: `),
    });
  }
});

test('neither map build nor profile measure makes a folder for what it is to write', async () => {
  const out = join(folder, 'nowhere', 'x.json');
  await expect(buildText('--out', out)).rejects.toMatchObject({ code: 'file-unwritable' });
  await expect(runCommand(profileCommand(), 'measure', packaged, '--out', out)).rejects.toMatchObject({
    code: 'file-unwritable',
  });
  await expect(stat(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
});

describe('edgent map show and diff', () => {
  test('show prints the map that was written, as a table or as it is', async () => {
    const file = join(folder, 'map.json');
    const built = await build('--out', file);
    expect(JSON.parse(await run('show', file, '--json'))).toEqual(built);
    const table = await run('show', file);
    expect(table).toContain(built.revision);
    expect(table.match(/device-first/g)).toHaveLength(built.entries.length);
    const failure = run('show', states);
    await expect(failure).rejects.toMatchObject({ code: 'file-invalid' });
    await expect(failure).rejects.toThrow(/states\.json: configuration map: .*(revision|entries)/);
    const empty = join(folder, 'empty.json');
    await writeFile(empty, '');
    await expect(run('show', empty)).rejects.toThrow(/empty\.json: configuration map: no JSON/);
  });

  test('a map says what it was made for, and both refuse one that was changed by hand', async () => {
    const built = await build();
    expect(built.madeFor).toMatchObject({ model: { name: 'branchy-alexnet-32', layers: [12, 16, 19, 19, 21] } });
    const [first, ...others] = built.entries;
    if (first === undefined) throw new Error('no entry');
    const deeper = { ...first, plan: { ...first.plan, exit: 99 } };
    const changed: [string, object, string][] = [
      ['reversed', { ...built, entries: built.entries.toReversed() }, 'bandwidth-states-invalid'],
      ['repeated', { ...built, entries: [first, ...built.entries] }, 'bandwidth-states-invalid'],
      ['exit', { ...built, entries: [deeper, ...others] }, 'configuration-map-invalid'],
      ['deadline', { ...built, deadlineMs: built.deadlineMs + 1 }, 'configuration-map-invalid'],
    ];
    const whole = join(folder, 'whole.json');
    await writeFile(whole, JSON.stringify(built));
    for (const [name, map, code] of changed) {
      const file = join(folder, `${name}.json`);
      await writeFile(file, JSON.stringify(map));
      const refused = { code, message: expect.stringContaining(file) };
      await expect(run('show', file)).rejects.toMatchObject(refused);
      await expect(run('diff', whole, file)).rejects.toMatchObject(refused);
      await expect(run('diff', file, whole)).rejects.toMatchObject(refused);
    }
    expect(await run('show', whole)).toContain('branchy-alexnet-32 (sha256:');
  });

  test('diff names the rates that are planned otherwise', async () => {
    const [loose, tight] = [join(folder, 'loose.json'), join(folder, 'tight.json')];
    await buildText('--out', loose);
    await buildText('--out', tight, '--deadline', '40');
    const changes = JSON.parse(await run('diff', loose, tight, '--json'));
    expect(changes[0]).toMatchObject({ fromMbps: 0, before: { feasible: true }, after: { feasible: false } });
    expect(await run('diff', loose, tight)).toContain(', late');
    expect(await run('diff', loose, loose)).toContain('the same for every rate');
  });
});
