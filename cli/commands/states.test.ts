import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { telemetryOf } from '../../control-plane/testing/messages.ts';
import { startControlPlane } from '../../control-plane/testing/start-control-plane.ts';
import { type StatesFile, statesFileParser } from '../../shared/protocol/states-file.ts';
import type { Samples } from '../../shared/protocol/telemetry.ts';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import { dataFile, repositoryFile } from '../../shared/testing/data-folder.ts';
import { changeStates, fetchStates } from '../platform/bandwidth-states.ts';
import { runCommand } from '../testing/run-command.ts';
import { statesCommand } from './states.ts';

const oboe = dataFile('oboe', 'oboe_traces.csv');

let folder = '';
let logs: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-states-'));
  logs = await Promise.all([2, 8].map((mbps) => writeLog(`${mbps}.log`, mbps)));
});
afterAll(() => rm(folder, { recursive: true }));

const samplesMessage = (sequence: number, samples: Samples['samples']) =>
  telemetryOf({ schema: 1, boot: 1, sequence, samples });

/** A minute of one rate, in the format of the Belgian logs. */
async function writeLog(name: string, mbps: number): Promise<string> {
  const path = join(folder, name);
  const lines = Array.from(
    { length: 60 },
    (_, second) => `${1_450_000_000 + second}000 ${second}000 51 3 ${mbps * 125_000} 1000`,
  );
  await writeFile(path, lines.join('\n'));
  return path;
}

function run(...words: readonly string[]): Promise<string> {
  return runCommand(statesCommand(), 'build', ...words);
}

async function buildStates(...words: readonly string[]): Promise<StatesFile> {
  return statesFileParser.parseJson(await run(...words, '--json'));
}

describe('edgent states build', () => {
  test('makes a state of each level in several logs, and says how', async () => {
    const { states, history, parameters, madeBy } = await buildStates('--trace', ...logs, '--count', '4');
    expect(states.map(({ mbps }) => mbps)).toEqual([2, 8]);
    expect(history).toEqual({ traces: 2, seconds: 120, scale: 1 });
    expect(parameters).toMatchObject({ count: 4, planningShare: 0.25 });
    expect(madeBy).toBe(`edgent states build --trace ${logs.join(' ')} --count 4`);
  });

  test('multiplies rates, writes the file that it prints, and has a table for people', async () => {
    const out = join(folder, 'states.json');
    const words = ['--trace', ...logs, '--trace-scale', '0.5', '--out', out];
    const printed = await buildStates(...words);
    expect(printed.states.map(({ mbps }) => mbps)).toEqual([1, 4]);
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(printed);
    const table = await run(...words);
    for (const text of ['2 states of 120 s in 2 traces', 'planned Mbit/s', '4.000']) expect(table).toContain(text);
  });

  test('makes no folder for the file that it is to write', async () => {
    const nowhere = join(folder, 'nowhere', 'states.json');
    for (const out of [nowhere, join(logs[0] ?? '', 'states.json'), folder]) {
      await expect(run('--trace', ...logs, '--out', out)).rejects.toMatchObject({
        code: 'file-unwritable',
        message: expect.stringContaining(out),
      });
    }
    await expect(stat(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('takes what a device reported to its control plane, all pages of it', async () => {
    const plane = await startControlPlane();
    await plane.register('device', { id: 'cam-1', hardwareClass: 'pi4' });
    await plane.register('device', { id: 'cam-2', hardwareClass: 'pi4' });
    for (let sequence = 0; sequence < 600; sequence += 1) {
      const at = new Date(1000 * sequence + (sequence < 300 ? 0 : 60_000)).toISOString();
      const sample = { at, uplinkMbps: sequence < 300 ? 6 : 1.5, bytes: 1000, source: 'passive' } as const;
      await plane.deliver(deviceTopic('cam-1', 'telemetry'), samplesMessage(sequence + 1, [sample]));
    }
    const from = ['--control-plane', await plane.listen(), '--token', plane.admin.authorization?.slice(7) ?? ''];
    const { states, history } = await buildStates(...from, '--device', 'cam-1');
    expect(states.map(({ mbps }) => mbps)).toEqual([1.5, 6]);
    expect(history).toEqual({ traces: 2, seconds: 600, scale: 1 });
    const fleet = await buildStates(...from, '--fleet');
    expect([fleet.states, fleet.history]).toEqual([states, history]);
    expect(fleet.madeBy).toContain('--fleet');
    expect((await buildStates(...from, '--device', 'cam-1', '--reports', '300')).states).toMatchObject([{ mbps: 1.5 }]);
    await expect(run(...from, '--device', 'cam-1', '--reports', '250')).rejects.toMatchObject({
      code: 'bandwidth-history-short',
    });
    await expect(run(...from, '--device', 'cam-2')).rejects.toMatchObject({ code: 'bandwidth-history-short' });
    await expect(run(...from, '--device', 'cam-1', '--fleet')).rejects.toMatchObject({ code: 'usage' });
    await expect(run(...from, '--device', 'nobody')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nobody'),
    });
    await expect(run('--control-plane', 'http://127.0.0.1:9')).rejects.toMatchObject({ code: 'usage' });
  });

  test('counts all devices of a fleet, each in its own time, and what has no time not at all', async () => {
    const plane = await startControlPlane();
    for (const [index, id] of ['cam-1', 'cam-2', 'cam-3'].entries()) {
      await plane.register('device', { id, hardwareClass: 'pi4' });
      const samples = Array.from({ length: 200 }, (_, second) => ({
        at: index === 2 ? 'noon' : new Date(1000 * second).toISOString(),
        uplinkMbps: index === 0 ? 6 : 1.5,
        bytes: 1000,
        source: 'passive' as const,
      }));
      await plane.deliver(deviceTopic(id, 'telemetry'), samplesMessage(1, samples));
    }
    const from = ['--control-plane', await plane.listen(), '--token', plane.admin.authorization?.slice(7) ?? ''];
    const { states, history } = await buildStates(...from, '--fleet');
    expect(states.map(({ mbps }) => mbps)).toEqual([1.5, 6]);
    expect(history).toEqual({ traces: 2, seconds: 400, scale: 1 });
    await expect(run(...from, '--device', 'cam-3')).rejects.toMatchObject({ code: 'bandwidth-history-short' });
  });

  test('refuses no history at all, both kinds, and what is no log', async () => {
    await expect(run()).rejects.toMatchObject({ code: 'usage' });
    await expect(run('--trace', ...logs, '--control-plane', 'http://127.0.0.1:9')).rejects.toMatchObject({
      code: 'usage',
    });
    for (const contradiction of [['--device', 'cam-1'], ['--fleet']]) {
      await expect(run('--trace', ...logs, ...contradiction)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(`--trace .* ${contradiction[0]}`),
      });
      await expect(run(...contradiction)).rejects.toMatchObject({ code: 'usage' });
    }
    const both = ['--control-plane', 'http://127.0.0.1:9', '--device', 'cam-1', '--fleet'];
    await expect(run(...both)).rejects.toThrow('--device and --fleet exclude each other');
    await expect(run('--trace', 'no-such.log')).rejects.toMatchObject({ code: 'data-missing' });
    const text = join(folder, 'text.log');
    await writeFile(text, 'no log');
    await expect(run('--trace', text)).rejects.toMatchObject({ code: 'trace-unreadable' });
  });

  test.skipIf(oboe === undefined)(
    'the states that the control plane starts with are those of the Oboe table',
    async () => {
      const { madeBy: _, ...built } = await buildStates('--trace', oboe ?? '', '--count', '12');
      const shipped = statesFileParser.parseJson(
        await readFile(repositoryFile('control-plane', 'default-states.json')),
      );
      expect(shipped).toEqual({ ...built, madeBy: 'edgent states build --trace oboe/oboe_traces.csv --count 12' });
    },
  );
});

describe('the states of a control plane', () => {
  test('are shown, set from a file and reset', async () => {
    const plane = await startControlPlane();
    const at = ['--control-plane', await plane.listen(), '--token', plane.admin.authorization?.slice(7) ?? ''];
    const control = (...words: readonly string[]): Promise<string> => runCommand(statesCommand(), ...words, ...at);
    expect(await control('show')).toContain('version 0, default: edgent states build --trace oboe');
    const out = join(folder, 'own.json');
    await buildStates('--trace', ...logs, '--out', out);
    const set = await control('set', out);
    for (const text of ['version 1, operator', '2 states of 120 s in 2 traces']) expect(set).toContain(text);
    expect(JSON.parse(await control('show', '--json'))).toMatchObject({
      version: 1,
      states: [{ mbps: 2 }, { mbps: 8 }],
    });
    expect(await control('reset')).toContain('version 2, default');
    await expect(control('set', join(folder, 'none.json'))).rejects.toMatchObject({ code: 'not-found' });
  });

  test('what the control plane refuses comes through with its code, what it names and no raw JSON', async () => {
    const plane = await startControlPlane();
    const controlPlane = await plane.listen();
    const show = (address: string, token: string): Promise<string> =>
      runCommand(statesCommand(), 'show', '--control-plane', address, '--token', token);
    for (const [token, code] of [
      ['none', 'token-invalid'],
      [plane.enrolmentToken, 'token-invalid'],
      [plane.tokenOf('device', 'cam-1'), 'forbidden'],
    ] as const) {
      const failure = show(controlPlane, token);
      await expect(failure).rejects.toMatchObject({ code });
      await expect(failure).rejects.toThrow(
        /the admin token \(the file admin-token .*up\/control-plane\/admin-token\)$/,
      );
    }
    const access = { controlPlane, token: plane.admin.authorization?.slice(7) ?? '' };
    const ascending = [
      { mbps: 2, fromMbps: 0 },
      { mbps: 1, fromMbps: 1.5 },
    ];
    const { version: _, source: __, ...file } = await fetchStates(access);
    const refused = changeStates(access, { ...file, states: ascending });
    await expect(refused).rejects.toMatchObject({ code: 'bandwidth-states-invalid' });
    await expect(refused).rejects.toThrow(/states: [^{]*$/);
  });

  test('only where nothing answers it is told to look at the address', async () => {
    const show = (address: string): Promise<string> =>
      runCommand(statesCommand(), 'show', '--control-plane', address, '--token', 'any');
    await expect(show('http://127.0.0.1:9')).rejects.toMatchObject({ code: 'http-failed' });
    await expect(show('nowhere')).rejects.toMatchObject({ code: 'usage' });
    const server = createServer((_request, response) => response.end('<p>another service</p>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    try {
      await expect(show(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)).rejects.toMatchObject({
        code: 'http-answer-unexpected',
        message: expect.stringContaining('another service'),
      });
    } finally {
      server.close();
    }
  });
});
