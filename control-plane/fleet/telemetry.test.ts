import { expect, test } from 'vitest';
import { type FrameBrief, toColumns } from '../../shared/protocol/frame-briefs.ts';
import type { SequenceRange } from '../../shared/protocol/sequence-ranges.ts';
import type { Report } from '../../shared/protocol/telemetry.ts';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import { summary } from '../testing/messages.ts';
import { startControlPlane, type TestedControlPlane } from '../testing/start-control-plane.ts';

function summaryReport(sequence: number): Report {
  const { schema: _schema, boot: _boot, ...content } = summary(sequence);
  return { kind: 'summary', ...content };
}

async function startWithDevice(): Promise<TestedControlPlane> {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  return plane;
}

function send(plane: TestedControlPlane, covers: SequenceRange | undefined, reports: unknown[], boot = 1) {
  return plane.deliver(deviceTopic('pi-1', 'telemetry'), { schema: 1, boot, covers, reports });
}

function framesAndLost(plane: TestedControlPlane) {
  const device = plane.store.members.device('pi-1');
  return { frames: device?.totals.frames, lost: device?.reportsLost };
}

test('reports that come again, in other company and out of order, count once', async () => {
  const plane = await startWithDevice();
  const reports = [1, 2, 3, 4, 5, 6].map(summaryReport);
  await send(plane, { first: 3, last: 5 }, reports.slice(2, 5));
  await send(plane, { first: 1, last: 4 }, reports.slice(0, 4));
  await send(plane, { first: 3, last: 6 }, reports.slice(2, 6));
  await send(plane, { first: 1, last: 6 }, reports);
  expect(framesAndLost(plane)).toEqual({ frames: 60, lost: 0 });
  expect(plane.store.deliveries.held('pi-1', 1)).toEqual([{ first: 1, last: 6 }]);
  await send(plane, { first: 1, last: 1 }, reports.slice(0, 1), 2);
  expect(framesAndLost(plane)).toEqual({ frames: 70, lost: 0 });
});

test('what a device no longer has is counted once, and nobody waits for it', async () => {
  const plane = await startWithDevice();
  await send(plane, { first: 1, last: 2 }, [1, 2].map(summaryReport));
  for (let i = 0; i < 2; i += 1) await send(plane, { first: 1, last: 10 }, [9, 10].map(summaryReport));
  expect(framesAndLost(plane)).toEqual({ frames: 40, lost: 6 });
  await send(plane, { first: 1, last: 20 }, []);
  expect(framesAndLost(plane)).toEqual({ frames: 40, lost: 16 });
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ reportsLost: 16 });
  expect(plane.store.deliveries.held('pi-1', 1)).toEqual([{ first: 1, last: 20 }]);
});

test('a report that is none is counted as refused, not as lost, and is not asked for again', async () => {
  const plane = await startWithDevice();
  await send(plane, { first: 1, last: 3 }, [summaryReport(1), { kind: 'poem', sequence: 2 }, summaryReport(3)]);
  expect(framesAndLost(plane)).toEqual({ frames: 20, lost: 0 });
  expect(plane.fleet.counts().rejected).toBe(1);
  expect(plane.store.deliveries.held('pi-1', 1)).toEqual([{ first: 1, last: 3 }]);
});

test('a report that was deleted long ago is known when it comes again', async () => {
  const plane = await startControlPlane({ config: { telemetryRowsPerDevice: 1 } });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await send(plane, { first: 1, last: 3 }, [1, 2, 3].map(summaryReport));
  plane.store.summaries.prune({ deviceIds: ['pi-1'], keep: 1, olderThan: '' });
  await send(plane, { first: 1, last: 3 }, [1, 2, 3].map(summaryReport));
  expect(framesAndLost(plane)).toEqual({ frames: 30, lost: 0 });
  expect(await plane.getJson('/devices/pi-1/summaries')).toMatchObject({ items: { length: 1 } });
});

test('gaps beyond what is remembered are not stored until those before are closed', async () => {
  const plane = await startWithDevice();
  for (let i = 0; i < 70; i += 1) await send(plane, { first: 1 + 2 * i, last: 1 + 2 * i }, [summaryReport(1 + 2 * i)]);
  expect(plane.store.deliveries.held('pi-1', 1)).toHaveLength(64);
  expect(framesAndLost(plane)).toEqual({ frames: 640, lost: 0 });
  await send(
    plane,
    { first: 1, last: 139 },
    Array.from({ length: 139 }, (_, index) => summaryReport(index + 1)),
  );
  expect(framesAndLost(plane)).toEqual({ frames: 1390, lost: 0 });
});

test('boots that were delivered long ago are forgotten, those that are on their way are not', async () => {
  const plane = await startWithDevice();
  for (let boot = 1; boot <= 70; boot += 1) {
    await send(plane, { first: 1, last: 1 }, [summaryReport(1)], boot);
    await send(plane, { first: boot, last: boot }, [summaryReport(boot)], 1000);
  }
  const held = (boot: number): number => plane.store.deliveries.held('pi-1', boot).length;
  expect([held(1), held(7), held(8), held(70), held(1000)]).toEqual([0, 0, 1, 1, 1]);
});

test('single frames are shown as they were, newest report first', async () => {
  const plane = await startWithDevice();
  const brief = (frame: number, met: boolean): FrameBrief => ({
    frame,
    atMs: Date.UTC(2020, 0, 1) + 200 * frame,
    plan: { exit: 'exit5', partition: 2, direction: 'device-first', encoding: 'u8' },
    exit: met ? 'exit5' : 'exit1',
    label: 'cat',
    latencyMs: 60,
    met,
    fallback: met ? null : 'timeout',
  });
  const results = (sequence: number, briefs: FrameBrief[]) => ({ kind: 'results', sequence, ...toColumns(briefs) });
  await send(plane, { first: 1, last: 2 }, [
    results(1, [brief(0, true), brief(1, false)]),
    results(2, [brief(2, true)]),
  ]);
  expect(await plane.getJson('/devices/pi-1/results')).toMatchObject({
    items: [
      { report: { boot: 1, sequence: 2, frames: [{ frame: 2, at: '2020-01-01T00:00:00.400Z', met: true }] } },
      {
        report: {
          sequence: 1,
          frames: [
            { frame: 0, label: 'cat' },
            { exit: 'exit1', fallback: 'timeout' },
          ],
        },
      },
    ],
  });
});

test('telemetry of nobody is neither stored nor remembered', async () => {
  const plane = await startControlPlane();
  await send(plane, { first: 1, last: 1 }, [summaryReport(1)]);
  expect(plane.fleet.counts()).toEqual({ rejected: 0, unknownSender: 1, dropped: 0 });
  expect(plane.store.deliveries.held('pi-1', 1)).toEqual([]);
});
