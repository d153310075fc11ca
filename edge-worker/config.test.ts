import { expect, test } from 'vitest';
import { readConfig, toEnvironment } from '../shared/runtime/config.ts';
import { edgeWorkerConfigSchema, threadCount } from './config.ts';

const least = { id: 'edge', controlPlaneUrl: 'http://127.0.0.1:8080', dataFolder: '/tmp/edge' };

test('three settings are enough, the others have defaults', () => {
  expect(readConfig(edgeWorkerConfigSchema, toEnvironment(least))).toMatchObject({ ...least, maxSessions: 48 });
});

test.each([{ id: 'Edge One' }, { controlPlaneUrl: 'somewhere' }, { threads: -1 }])('%o is refused', (wrong) => {
  const read = () => readConfig(edgeWorkerConfigSchema, toEnvironment({ ...least, ...wrong }));
  expect(read).toThrow(expect.objectContaining({ code: 'config-invalid' }));
});

test('one core is left to the messages', () => {
  expect([1, 2, 8].map((cores) => threadCount({ threads: 0 }, cores))).toEqual([1, 1, 7]);
  expect(threadCount({ threads: 3 }, 2)).toBe(3);
});
