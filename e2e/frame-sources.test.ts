import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readManifest } from '../shared/model/model-package.ts';
import { seededRandom } from '../shared/runtime/random.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { startEdgent } from './testing/command.ts';
import { environment } from './testing/environment.ts';
import { jpeg } from './testing/jpeg.ts';
import { encodePng } from './testing/png.ts';
import { connectSocketClient } from './testing/socket-client.ts';
import { startTestDevice, type TestDevice } from './testing/test-device.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const model = 'branchy-alexnet-32';
const png = (seed: number): Buffer => {
  const random = seededRandom(seed);
  const rgb = Uint8Array.from({ length: 48 * 40 * 3 }, () => 256 * random());
  return encodePng({ rgb, width: 48, height: 40 });
};
/** Debian's ffmpeg; a run that counts may not do without. */
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

describe('a device takes its frames from', () => {
  const cleanup = cleanupAfterAll();
  let platform: TestPlatform;
  let folder = '';
  let labels: readonly string[] = [];

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, deadlineMs: 2000 });
    folder = await temporaryFolder(cleanup);
    ({ labels } = await readManifest(repositoryFile('models', model)));
  });

  const startDevice = (id: string, source: string, maxFrames = 0): Promise<TestDevice> =>
    startTestDevice({ cleanup, platform, id, config: { source, framesPerSecond: 50, maxFrames } });

  test('a folder of PNG and JPEG files, over and over in the order of their names; a folder named like a label is the label', async () => {
    const photos = join(folder, 'photos');
    await mkdir(join(photos, 'cat'), { recursive: true });
    await writeFile(join(photos, 'b.png'), png(1));
    await writeFile(join(photos, 'cat', 'x.png'), png(2));
    await writeFile(join(photos, 'a.jpg'), jpeg());
    await writeFile(join(photos, 'notes.txt'), 'no image');
    const device = await startDevice('folder', photos, 7);
    expect(await device.ran).toBe(7);
    const names = ['a.jpg', 'b.png', 'cat/x.png'].map((name) => join(photos, name));
    expect(device.results.map(({ name }) => name)).toEqual([...names, ...names, names[0]]);
    expect(device.results.slice(0, 3).map(({ truth }) => truth)).toEqual([null, null, 'cat']);
    for (const { label } of device.results) expect(labels).toContain(label);
    // The same image has the same label each time.
    expect(device.results[3]?.label).toBe(device.results[0]?.label);
  });

  test('applications over a Unix socket: one line of JSON for each image, errors for what is none', async () => {
    const path = join(folder, 'frames.sock');
    await startDevice('socket', `socket:${path}`);
    await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
    const client = await connectSocketClient(path);
    cleanup.add(client.close);
    client.send(png(3));
    const [first] = await client.lines(1, 10_000);
    expect(first).toMatchObject({ schema: 1, device: 'socket', name: 'socket#1', label: expect.any(String) });
    client.send(Buffer.from('no image at all'));
    const [, second] = await client.lines(2, 10_000);
    expect(second).toEqual({ error: expect.stringContaining('socket#2') });
    // More at once than wait in line: each is answered all the same.
    for (let image = 0; image < 30; image += 1) client.send(png(image));
    const lines = await client.lines(32, 20_000);
    for (const line of lines.slice(2)) expect('label' in line || 'error' in line).toBe(true);
    expect(lines.slice(2).some((line) => 'label' in line)).toBe(true);
  });

  test('applications that cannot go too far: an oversized image is refused before it is sent', async () => {
    const path = join(folder, 'bounded.sock');
    const device = await startDevice('bounded', `socket:${path}`);
    await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
    const greedy = await connectSocketClient(path);
    greedy.announce((16 << 20) + 1);
    expect(await greedy.lines(1, 10_000)).toEqual([{ error: expect.stringContaining(String(16 << 20)) }]);
    await greedy.closed;
    const modest = await connectSocketClient(path);
    modest.send(png(4));
    expect(await modest.lines(1, 10_000)).toMatchObject([{ label: expect.any(String) }]);
    await device.stop();
    await modest.closed;
    expect(existsSync(path)).toBe(false);
  });

  test('a socket never takes the place of a file', async () => {
    const path = join(folder, 'precious.txt');
    await writeFile(path, 'keep me');
    const device = await startDevice('careful', `socket:${path}`);
    await expect(device.ran).rejects.toMatchObject({ code: 'config-invalid' });
    expect(existsSync(path)).toBe(true);
  });

  test.skipIf(!hasFfmpeg && environment['CI'] !== 'true')(
    'a video, decoded and scaled by ffmpeg, until it ends',
    async () => {
      const video = '-re -f lavfi -i testsrc=size=96x64:rate=20 -t 2';
      const device = await startDevice('camera', `ffmpeg:${video}`);
      const ran = await device.ran;
      // Of forty frames the newest is taken whenever the one before is done.
      expect(ran).toBeGreaterThan(5);
      expect(ran).toBeLessThanOrEqual(40);
      expect(device.results).toHaveLength(ran);
      const numbers = device.results.map(({ name }) => Number(name.replace('ffmpeg#', '')));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      for (const { label } of device.results) expect(labels).toContain(label);
    },
  );

  test('what gives no frames ends the device with an error', async () => {
    const words = ['device', 'run', '--control-plane', platform.httpUrl, '--broker', platform.brokerUrl];
    const own = [
      '--enrolment-token',
      platform.enrolmentToken,
      '--log-level',
      'fatal',
      '--state',
      join(folder, 'broken'),
    ];
    const without = { cleanup, environment: { PATH: join(folder, 'nothing') } };
    const noFfmpeg = await startEdgent([...words, ...own, '--id', 'broken', '--ffmpeg=-i x'], without).ended;
    expect(noFfmpeg.code).toBe(1);
    expect(noFfmpeg.stderr).toContain('process-failed');
    const missing = join(folder, 'missing');
    const noFile = await startEdgent([...words, ...own, '--id', 'broken', '--images', missing], { cleanup }).ended;
    expect(noFile.code).toBe(1);
    expect(noFile.stderr).toContain(missing);
    expect(noFile.stderr).toContain('data-missing');
  });
});
