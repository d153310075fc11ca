import { describe, expect, test } from 'vitest';
import { type Identity, mayPublish, maySubscribe } from './topic-rules.ts';
import { deviceChannels, workerChannels } from './topics.ts';

const device: Identity = { role: 'device', id: 'd' };
const worker: Identity = { role: 'worker', id: 'w' };
const controlPlane: Identity = { role: 'control-plane', id: 'cp' };
const admin: Identity = { role: 'admin', id: 'd' };
const everyone = [device, worker, controlPlane, admin];

/** Written out by hand from the design: p publishes, s subscribes, of one's own branch. */
const expected: Record<string, Record<string, string>> = {
  'devices/d/presence': { device: 'p', 'control-plane': 's' },
  'devices/d/desired': { device: 's', 'control-plane': 'p' },
  'devices/d/reported': { device: 'p', 'control-plane': 's' },
  'devices/d/configuration-request': { device: 'p', 'control-plane': 's' },
  'devices/d/telemetry': { device: 'p', 'control-plane': 's' },
  'devices/d/telemetry-acknowledgement': { device: 's', 'control-plane': 'p' },
  'devices/d/results': { device: 'p' },
  'devices/d/offload/w': { device: 'p', worker: 's' },
  'devices/d/reply/w': { device: 's', worker: 'p' },
  'workers/w/presence': { worker: 'p', 'control-plane': 's' },
  'workers/w/desired': { worker: 's', 'control-plane': 'p' },
  'workers/w/reported': { worker: 'p', 'control-plane': 's' },
  'workers/w/configuration-request': { worker: 'p', 'control-plane': 's' },
  'workers/w/load': { worker: 'p', 'control-plane': 's' },
};

function rights(identity: Identity, topic: string): string {
  return `${mayPublish(identity, topic) ? 'p' : ''}${maySubscribe(identity, topic) ? 's' : ''}`;
}

test('the table of expectations names every channel there is', () => {
  const channels = [
    ...deviceChannels.map((channel) => `devices/d/${channel}`),
    ...workerChannels.map((channel) => `workers/w/${channel}`),
  ];
  const named = Object.keys(expected).map((topic) => topic.split('/').slice(0, 3).join('/'));
  expect(named.toSorted()).toEqual(channels.toSorted());
});

describe('each role on each channel', () => {
  for (const [topic, byRole] of Object.entries(expected)) {
    test(`${topic}: ${JSON.stringify(byRole)}`, () => {
      for (const identity of everyone) {
        expect(rights(identity, `edgent/v1/${topic}`), identity.role).toBe(byRole[identity.role] ?? '');
      }
    });
  }
});

describe('another’s branch', () => {
  test('gives a device and a worker nothing', () => {
    for (const topic of Object.keys(expected)) {
      const foreign = topic.replace('devices/d/', 'devices/other/').replace('workers/w/', 'workers/other/');
      expect(rights(device, `edgent/v1/${foreign}`)).toBe('');
      if (foreign.startsWith('workers/')) expect(rights(worker, `edgent/v1/${foreign}`)).toBe('');
    }
  });

  test('of tensors is closed to the worker that they do not name', () => {
    expect(rights(worker, 'edgent/v1/devices/d/offload/other')).toBe('');
    expect(rights(worker, 'edgent/v1/devices/d/reply/other')).toBe('');
  });

  test('is not opened by an id of the same text in the other role', () => {
    expect(rights({ role: 'device', id: 'w' }, 'edgent/v1/workers/w/presence')).toBe('');
    expect(rights({ role: 'worker', id: 'd' }, 'edgent/v1/devices/d/presence')).toBe('');
    expect(rights({ role: 'device', id: 'w' }, 'edgent/v1/devices/d/reply/w')).toBe('');
  });
});

describe('wildcards', () => {
  test('are refused for devices, even where they would match their own branch only', () => {
    for (const topic of Object.keys(expected)) {
      expect(rights(device, `edgent/v1/${topic.replace('/d/', '/+/')}`)).toBe('');
      expect(rights({ role: 'device', id: '+' }, `edgent/v1/${topic.replace('/d/', '/+/')}`)).toBe('');
    }
  });

  test('let a worker hear all devices that address it, and no others', () => {
    expect(rights(worker, 'edgent/v1/devices/+/offload/w')).toBe('s');
    expect(rights(worker, 'edgent/v1/devices/+/offload/other')).toBe('');
    expect(rights(worker, 'edgent/v1/devices/+/offload/+')).toBe('');
    expect(rights(worker, 'edgent/v1/devices/+/reply/w')).toBe('');
    expect(rights(worker, 'edgent/v1/workers/+/desired')).toBe('');
  });

  test('let the control plane hear a channel of the whole fleet, tensors and results excepted', () => {
    for (const [topic, byRole] of Object.entries(expected)) {
      const filter = `edgent/v1/${topic.replace(/\/[dw]\//, '/+/')}`;
      expect(rights(controlPlane, filter)).toBe(byRole['control-plane'] === 's' ? 's' : '');
    }
  });

  test('are never published to', () => {
    for (const identity of everyone) {
      for (const topic of Object.keys(expected)) {
        expect(mayPublish(identity, `edgent/v1/${topic.replace(/\/[dw]\//, '/+/')}`)).toBe(false);
      }
    }
  });
});

test('topics outside the platform’s are nobody’s', () => {
  const foreign = ['#', '+', '$SYS/#', '$SYS/uptime', '', 'edgent/v1/#', '$share/g/edgent/v1/devices/d/desired', 'a/b'];
  for (const identity of everyone) expect(foreign.map((topic) => rights(identity, topic)).join('')).toBe('');
});
