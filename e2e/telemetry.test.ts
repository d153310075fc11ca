import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { ask } from '../cli/platform/admin-client.ts';
import { decodeHeader, decodeRecords, headerBytes } from '../device-agent/telemetry/segment.ts';
import { toEnvironment } from '../shared/runtime/config.ts';
import { createParser } from '../shared/runtime/schema.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { type RunningCommand, startCommand } from './testing/command.ts';
import { type Relay, startRelay } from './testing/relay.ts';
import { brokerKilledUnderLoad, connectionKilledEveryTwoSeconds, partition } from './testing/telemetry-faults.ts';
import { deviceFolder, startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

test('fault 1: what was acknowledged is stored, although the broker is killed under load', async ({ annotate }) => {
  await annotate(await brokerKilledUnderLoad({ devices: 4, reportsPerDevice: 1500, kills: 3 }));
});

test('fault 7: a partition is noticed, and all that was reported meanwhile arrives after it', async ({ annotate }) => {
  await annotate(await partition({ silentMs: 6000, keepaliveSeconds: 2 }));
});

test('fault 8: with the connection killed every 2 s each report arrives exactly once', async ({ annotate }) => {
  await annotate(await connectionKilledEveryTwoSeconds(10_000));
});

const kinds = ['samples', 'summaries', 'results'] as const;
const PageSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      report: Type.Object({ boot: Type.Integer(), sequence: Type.Integer(), frames: Type.Optional(Type.Unknown()) }),
    }),
  ),
  next: Type.Union([Type.Null(), Type.String()]),
});
const pageParser = createParser(PageSchema, 'http-failed', 'reports');
const deviceParser = createParser(
  Type.Object({ totals: Type.Object({ frames: Type.Integer() }), reportsLost: Type.Integer() }),
  'http-failed',
  'device',
);

describe('a device process', () => {
  const cleanup = cleanupAfterAll();

  function startDevice(platform: TestPlatform, relay: Relay): RunningCommand {
    const { httpUrl: controlPlaneUrl, enrolmentToken } = platform;
    const config = { id: 'victim', controlPlaneUrl, brokerUrl: relay.url, enrolmentToken, framesPerSecond: 20 };
    const folders = {
      dataFolder: deviceFolder(platform, 'victim'),
      modelCacheFolder: join(platform.stateFolder, 'devices', 'device-models'),
    };
    const main = repositoryFile('dist', 'device-agent', 'main.js');
    const environment = toEnvironment({ ...config, ...folders, logLevel: 'fatal' });
    return startCommand(process.execPath, [main], { cleanup, environment });
  }

  function get({ httpUrl, adminToken }: TestPlatform, path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${adminToken}` };
    return ask(`${httpUrl}/api/v1/devices/victim${path}`, { headers }).then((response) => response.json());
  }

  /** @returns all that is stored, in no order, and how many frames each counts */
  async function storedReports(platform: TestPlatform): Promise<{ name: string; frames: number }[]> {
    const reports: { name: string; frames: number }[] = [];
    for (const kind of kinds) {
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const page = pageParser.parse(await get(platform, `/${kind}?limit=500${query}`));
        for (const { report } of page.items) {
          const frames = typeof report.frames === 'number' ? report.frames : 0;
          reports.push({ name: `${report.boot}/${report.sequence}`, frames });
        }
        cursor = page.next;
      }
    }
    return reports;
  }

  const storedNames = async (platform: TestPlatform): Promise<string[]> =>
    (await storedReports(platform)).map(({ name }) => name);

  /** @returns the names of all that lies on the device's disk */
  async function spooledNames(platform: TestPlatform): Promise<string[]> {
    const folder = join(deviceFolder(platform, 'victim'), 'telemetry');
    const files = (await readdir(folder)).filter((name) => name.endsWith('.spool'));
    const contents = await Promise.all(files.map((name) => readFile(join(folder, name))));
    return contents.flatMap((content) =>
      decodeRecords(content.subarray(headerBytes)).reports.map(
        ({ sequence }) => `${decodeHeader(content)}/${sequence}`,
      ),
    );
  }

  test('fault 4: killed with telemetry on its disk, it delivers all of that after its restart, once', async ({
    annotate,
  }) => {
    const platform = await startTestPlatform({ cleanup });
    const relay = await startRelay(platform.brokerUrl);
    cleanup.add(relay.close);
    const first = startDevice(platform, relay);
    await expect.poll(async () => (await storedNames(platform)).length, { timeout: 90_000 }).toBeGreaterThan(3);

    relay.silence();
    const shown = (): number => first.stdout().split('\n').length;
    const silentFrom = shown();
    await expect.poll(shown, { timeout: 60_000 }).toBeGreaterThan(silentFrom + 150);
    first.signalGroup('SIGKILL');
    await first.ended;
    const kept = await spooledNames(platform);
    const delivered = new Set(await storedNames(platform));
    const missing = kept.filter((name) => !delivered.has(name));
    expect(missing.length).toBeGreaterThan(5);

    relay.restore();
    const second = startDevice(platform, relay);
    await expect
      .poll(
        async () => {
          const names = new Set(await storedNames(platform));
          return missing.filter((name) => !names.has(name));
        },
        { timeout: 90_000, interval: 500 },
      )
      .toEqual([]);
    second.signalGroup('SIGTERM');
    await second.ended;
    const reports = await storedReports(platform);
    expect(new Set(reports.map(({ name }) => name)).size).toBe(reports.length);
    const { totals, reportsLost } = deviceParser.parse(await get(platform, ''));
    expect(reportsLost).toBe(0);
    expect(totals.frames).toBe(reports.reduce((sum, { frames }) => sum + frames, 0));
    await annotate(`${kept.length} reports on disk, ${missing.length} not delivered before; all are stored once`);
  });
});
