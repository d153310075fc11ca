import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Profile, profileParser } from '../../shared/protocol/profile.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { profileCommand } from './profile.ts';

const model = repositoryFile('shared', 'model', 'fixtures', 'branchy-dense.onnx');
let folder: string;
let file: string;
let measured: { profile: Profile; progress: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-profile-'));
  file = join(folder, 'profile.json');
  const { progress } = await measure('--out', file, '--tier', 'worker', '--threads', '3', '--runs', '5');
  measured = { profile: profileParser.parseJson(await readFile(file)), progress };
});
afterAll(() => rm(folder, { recursive: true }));

function measure(...words: readonly string[]): Promise<{ printed: string; progress: string }> {
  return runCommand('measure', model, '--state', join(folder, 'state'), ...words);
}

/** @returns what the command wrote on standard output, and on standard error */
async function runCommand(...words: readonly string[]): Promise<{ printed: string; progress: string }> {
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const progress = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await profileCommand().parseAsync([...words], { from: 'user' });
    const textOf = ({ mock }: typeof output) => mock.calls.map(([text]) => String(text)).join('');
    return { printed: textOf(output), progress: textOf(progress) };
  } finally {
    output.mockRestore();
    progress.mockRestore();
  }
}

describe('edgent profile measure', () => {
  test('writes a profile with what it was told of this machine', () => {
    expect(measured.profile).toMatchObject({ tier: 'worker', threads: 3, runs: 5 });
    expect(measured.profile.exits.length).toBeGreaterThan(1);
  });

  test('tells its progress on standard error, up to the last run', () => {
    const [, done, total] = /(\d+) of (\d+) runs\s*$/.exec(measured.progress) ?? [];
    expect(done).toBe(total);
    expect(Number(done)).toBeGreaterThan(0);
  });
});

describe('edgent profile measure that was stopped', () => {
  test('goes on where it was, says so, and begins anew with --fresh', async () => {
    const state = join(folder, 'state');
    const out = join(folder, 'stopped.json');
    const words = ['--out', out, '--runs', '4'];
    const stopped = measure(...words);
    await vi.waitUntil(() => existsSync(state) && readdirSync(state).length > 0, { timeout: 30_000, interval: 5 });
    process.emit('SIGINT');
    await expect(stopped).rejects.toMatchObject({ code: 'experiment-stopped' });
    expect(existsSync(out)).toBe(false);
    const [draft = ''] = readdirSync(state);
    const kept = await readFile(join(state, draft));
    const { progress } = await measure(...words);
    expect(progress).toMatch(/measuring: \d+ of \d+ runs, \d+ of them from the run that was stopped/);
    expect(readdirSync(state)).toEqual([]);
    expect(profileParser.parseJson(await readFile(out)).madeRuns?.least).toBeGreaterThan(0);
    await writeFile(join(state, draft), kept);
    expect((await measure(...words, '--fresh')).progress).not.toContain('from the run that was stopped');
  });
});

describe('edgent profile show', () => {
  test('says how many runs were made, of a profile of an earlier release too', async () => {
    const short = join(folder, 'short.json');
    await measure('--out', short, '--runs', '1000', '--budget', '1');
    const { madeRuns, ...earlier } = profileParser.parseJson(await readFile(short));
    const view = JSON.parse((await runCommand('show', short, '--json')).printed);
    expect(view.runs).toBe(1000);
    expect(view.madeRuns).toEqual(madeRuns);
    expect(madeRuns?.least).toBeLessThan(1000);
    const text = `at least ${madeRuns?.least} runs of each segment (median ${madeRuns?.median}) of the 1000 that`;
    expect((await runCommand('show', short)).printed).toContain(text);
    await writeFile(short, JSON.stringify(earlier));
    expect((await runCommand('show', short)).printed).toContain(text);
    expect((await runCommand('show', file)).printed).toContain(' 5 runs of each segment with');
  });

  test('gives latency and output size of each layer of the deepest exit', async () => {
    const view = JSON.parse((await runCommand('show', file, '--json')).printed);
    const { exits } = measured.profile;
    expect(view.layers).toHaveLength(Math.max(...exits.map(({ layers }) => layers.length)));
    const deepest = exits.find(({ name }) => name === view.exit);
    expect(view.asOnePieceMs).toBe(deepest?.tail[0]?.medianMs);
    const [layer] = deepest?.layers ?? [];
    expect(view.layers[0]).toEqual({
      ...{ name: layer?.name, type: layer?.type, outputBytes: layer?.outputBytes },
      ...{ ...layer?.timing, runs: 5 },
    });
  });

  test('prints a table, of another exit where it is named', async () => {
    const [first] = measured.profile.exits;
    const { printed } = await runCommand('show', file, '--exit', first?.name ?? '');
    expect(printed).toContain(`${first?.name}: ${first?.layers.length} layers`);
    for (const { name } of first?.layers ?? []) expect(printed).toContain(name);
    await expect(runCommand('show', file, '--exit', 'none')).rejects.toMatchObject({ code: 'model-unknown-exit' });
  });

  test('draws runtime and output size, each with its unit, the same file each time', async () => {
    const drawn: string[] = [];
    for (const name of ['one.svg', 'two.svg']) {
      await runCommand('show', file, '--svg', join(folder, name));
      drawn.push(await readFile(join(folder, name), 'utf8'));
    }
    expect(drawn[0]).toBe(drawn[1]);
    expect(drawn[0]).toContain('>runtime in ms</text>');
    expect(drawn[0]).toContain('>output size in KB</text>');
    for (const { name } of measured.profile.exits.at(-1)?.layers ?? []) expect(drawn[0]).toContain(name);
  });

  test('refuses what is no whole profile', async () => {
    const bad = join(folder, 'bad.json');
    const [exit] = measured.profile.exits;
    await writeFile(bad, JSON.stringify({ ...measured.profile, exits: [{ ...exit, head: [] }] }));
    await expect(runCommand('show', bad)).rejects.toMatchObject({ code: 'profile-unusable' });
    await writeFile(bad, '{}');
    await expect(runCommand('show', bad)).rejects.toMatchObject({ code: 'file-invalid' });
    await expect(runCommand('show', join(folder, 'none.json'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(runCommand('show')).rejects.toMatchObject({ code: 'usage' });
  });

  test('takes a profile from the control plane, once it is clear which', async () => {
    const { hardwareClass, modelDigest } = measured.profile;
    const items = [
      { tier: 'worker', hardwareClass, modelDigest },
      { tier: 'device', hardwareClass, modelDigest },
    ];
    const path = `/api/v1/profiles/worker/${hardwareClass}/${encodeURIComponent(modelDigest)}`;
    const server = createServer(({ url, headers }, response) => {
      response.statusCode = headers.authorization === 'Bearer secret' ? 200 : 401;
      response.end(JSON.stringify(url === path ? measured.profile : { items }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const words = ['show', '--json', '--control-plane', `http://127.0.0.1:${port}`, '--token'];
    try {
      await expect(runCommand(...words, 'wrong')).rejects.toMatchObject({ code: 'http-answer-unexpected' });
      await expect(runCommand(...words, 'secret')).rejects.toMatchObject({ code: 'usage' });
      await expect(runCommand(...words, 'secret', '--model', 'ffff')).rejects.toMatchObject({ code: 'not-found' });
      const { printed } = await runCommand(...words, 'secret', '--tier', 'worker', '--model', modelDigest.slice(7, 15));
      expect(JSON.parse(printed)).toMatchObject({ tier: 'worker', modelDigest });
    } finally {
      server.close();
    }
  });
});
