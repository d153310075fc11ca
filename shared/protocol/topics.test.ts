import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isId, requireId } from './ids.ts';
import {
  allDevicesFilter,
  allWorkersFilter,
  type DeviceChannel,
  deviceChannels,
  deviceTopic,
  offloadFilter,
  offloadTopic,
  parseTopic,
  replyTopic,
  workerChannels,
  workerTopic,
} from './topics.ts';

const first = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789');
const further = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-_');
const id = fc.tuple(first, fc.array(further, { maxLength: 63 })).map(([head, tail]) => head + tail.join(''));

function addressesNoWorker(channel: DeviceChannel): channel is Exclude<DeviceChannel, 'offload' | 'reply'> {
  return channel !== 'offload' && channel !== 'reply';
}
const plainChannels = deviceChannels.filter(addressesNoWorker);

const badIds = [
  '',
  'a/b',
  '+',
  'a+',
  '#',
  'a#',
  '$SYS',
  'a\0',
  'A',
  'é',
  '-a',
  '_a',
  'a.b',
  'a b',
  'a\n',
  '\na',
  '..',
  'a'.repeat(65),
];

describe('an id', () => {
  test('has 1 to 64 characters of the few that every broker, file system and URL takes', () => {
    fc.assert(fc.property(id, (text) => isId(text) && requireId(text) === text));
    expect(isId('a'.repeat(64))).toBe(true);
  });

  test('is refused with whatever could end a topic level, match others or hide', () => {
    for (const text of badIds) {
      expect(isId(text), JSON.stringify(text)).toBe(false);
      expect(() => requireId(text)).toThrow(expect.objectContaining({ code: 'id-invalid' }));
    }
  });

  test('that is refused is quoted in part only', () => {
    expect(() => requireId('A'.repeat(10_000))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,120}$/) }),
    );
  });
});

describe('a topic', () => {
  test('is parsed into what it was built from', () => {
    fc.assert(
      fc.property(id, id, (device, worker) => {
        for (const channel of plainChannels) {
          expect(parseTopic(deviceTopic(device, channel))).toEqual({ kind: 'device', id: device, channel });
        }
        for (const channel of workerChannels) {
          expect(parseTopic(workerTopic(worker, channel))).toEqual({ kind: 'worker', id: worker, channel });
        }
        expect(parseTopic(offloadTopic(device, worker))).toEqual({
          kind: 'device',
          id: device,
          channel: 'offload',
          worker,
        });
        expect(parseTopic(replyTopic(device, worker))).toEqual({
          kind: 'device',
          id: device,
          channel: 'reply',
          worker,
        });
      }),
    );
  });

  test('is not built from an id that is none', () => {
    for (const bad of badIds) {
      const builders = [
        () => deviceTopic(bad, 'presence'),
        () => workerTopic(bad, 'presence'),
        () => offloadTopic(bad, 'w'),
        () => offloadTopic('d', bad),
        () => replyTopic(bad, 'w'),
        () => replyTopic('d', bad),
        () => offloadFilter(bad),
      ];
      for (const build of builders) expect(build).toThrow(expect.objectContaining({ code: 'id-invalid' }));
    }
  });

  test('is none of the platform’s with any level wrong, missing or too many', () => {
    const strangers = [
      '',
      'edgent/v1',
      'edgent/v1/',
      'edgent/v1/devices',
      'edgent/v1/devices/d',
      'edgent/v1/devices/d/',
      'edgent/v1/devices/d/load',
      'edgent/v1/workers/w/telemetry',
      'edgent/v1/workers/w/offload/w',
      'edgent/v1/devices/d/presence/w',
      'edgent/v1/devices/d/offload',
      'edgent/v1/devices/d/offload/w/x',
      'edgent/v1/devices/d/presence/',
      'edgent/v1/gateways/d/presence',
      'edgent/v2/devices/d/presence',
      '/edgent/v1/devices/d/presence',
      'edgent/v1//d/presence',
      'edgent/v1/devices/d/constructor',
      '$SYS/edgent/v1/devices/d/presence',
      ...badIds.map((bad) => `edgent/v1/devices/${bad}/presence`),
      ...badIds.map((bad) => `edgent/v1/devices/d/offload/${bad}`),
    ];
    for (const text of strangers) expect(parseTopic(text), JSON.stringify(text)).toBeUndefined();
  });
});

describe('a filter', () => {
  test('is parsed with "+" for the id, where wildcards are asked for', () => {
    const filters = [offloadFilter('w'), allDevicesFilter('presence'), allWorkersFilter('load')];
    expect(filters.map((filter) => parseTopic(filter))).toEqual([undefined, undefined, undefined]);
    expect(filters.map((filter) => parseTopic(filter, { wildcards: true }))).toEqual([
      { kind: 'device', id: '+', channel: 'offload', worker: 'w' },
      { kind: 'device', id: '+', channel: 'presence' },
      { kind: 'worker', id: '+', channel: 'load' },
    ]);
  });

  test('has no wildcard at any other level, and never "#"', () => {
    const wide = [
      '#',
      'edgent/v1/#',
      'edgent/v1/+/d/presence',
      'edgent/v1/devices/+/+',
      'edgent/v1/devices/+/offload/+',
      'edgent/v1/devices/d/#',
      'edgent/+/devices/d/presence',
      '$share/g/edgent/v1/devices/+/presence',
    ];
    for (const filter of wide) expect(parseTopic(filter, { wildcards: true })).toBeUndefined();
  });
});
