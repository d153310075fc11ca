import { expect, test } from 'vitest';
import { toEnvironment } from '../shared/runtime/config.ts';
import { readControlPlaneConfig } from './config.ts';

test('what is not set has its default', () => {
  const config = readControlPlaneConfig({ EDGENT_DATA_FOLDER: '/data' });
  expect(config).toMatchObject({
    listenHost: '127.0.0.1',
    httpPort: 8080,
    deadlineMs: 200,
    model: 'branchy-alexnet-32',
  });
  expect(config.enrolmentToken).toBeUndefined();
});

test('settings come through the environment as they were given', () => {
  const config = readControlPlaneConfig({ EDGENT_DATA_FOLDER: '/data', EDGENT_HTTP_PORT: '0' });
  expect(readControlPlaneConfig(toEnvironment(config))).toEqual(config);
});

test.each(['0.0.0.0', '::', '192.168.1.2', 'fleet.example', '127.0.0.1.example'])(
  'an address that other machines reach is refused: %s',
  (listenHost) => {
    expect(() => readControlPlaneConfig(toEnvironment({ dataFolder: '/data', listenHost }))).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    );
  },
);

test('a setting out of bounds is named', () => {
  expect(() => readControlPlaneConfig({ EDGENT_DATA_FOLDER: '/data', EDGENT_DEADLINE_MS: '-1' })).toThrow(/deadlineMs/);
});
