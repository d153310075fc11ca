import { test } from 'vitest';
import { brokerKilledUnderLoad, partition } from './testing/telemetry-faults.ts';

test('fault 1: 100,000 reports, the broker killed 20 times under load', async ({ annotate }) => {
  await annotate(await brokerKilledUnderLoad({ devices: 8, reportsPerDevice: 12_500, kills: 20 }));
});

test('fault 7: a partition of 60 s', async ({ annotate }) => {
  await annotate(await partition({ silentMs: 60_000, keepaliveSeconds: 10 }));
});
