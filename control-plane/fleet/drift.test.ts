import { expect, test } from 'vitest';
import { driftingMembers } from './drift.ts';

const modelDigest = 'sha256:1';
const workers = [
  { id: 'w1', hardwareClass: 'pc' },
  { id: 'w2', hardwareClass: 'pc' },
  { id: 'gpu', hardwareClass: 'gpu' },
];

function device(id: string, change: Partial<Parameters<typeof driftingMembers>[1][number]> = {}) {
  const base = { id, hardwareClass: 'pi4', online: true, workerId: 'w1', modelDigest };
  return { ...base, deviceDrift: null, workerDrift: null, ...change };
}

const deviceClass = { tier: 'device', hardwareClass: 'pi4', modelDigest } as const;
const workerClass = { tier: 'worker', hardwareClass: 'pc', modelDigest } as const;
const slow = { deviceDrift: 2 };

test('one device alone speaks for its class', () => {
  expect([...driftingMembers(deviceClass, [device('a', slow)], workers)]).toEqual(['a']);
});

test('one slow device of many, or half of them, make no slow class; more than half do', () => {
  const many = ['a', 'b', 'c', 'd'].map((id) => device(id));
  const slowOnes = (count: number) => many.map((each, index) => (index < count ? { ...each, ...slow } : each));
  const found = [1, 2, 3].map((count) => [...driftingMembers(deviceClass, slowOnes(count), workers)]);
  expect(found).toEqual([[], [], ['a', 'b', 'c']]);
});

test('who is offline, runs another model or is of another class has no say', () => {
  const others = [
    device('b', { online: false }),
    device('c', { modelDigest: 'sha256:2' }),
    device('d', { hardwareClass: 'pi5' }),
  ];
  expect([...driftingMembers(deviceClass, [device('a', slow), ...others], workers)]).toEqual(['a']);
  const slowOthers = others.map((other) => ({ ...other, ...slow }));
  expect([...driftingMembers(deviceClass, [device('a'), ...slowOthers], workers)]).toEqual([]);
});

test('slower and faster ones do not add up', () => {
  const mixed = [device('a', slow), device('b', slow), device('c', { deviceDrift: 0.5 }), device('d')];
  expect([...driftingMembers(deviceClass, mixed, workers)]).toEqual([]);
  const faster = [device('a', { deviceDrift: 0.5 }), device('b', { deviceDrift: 0.4 }), device('c', slow)];
  expect([...driftingMembers(deviceClass, faster, workers)]).toEqual(['a', 'b']);
});

test('for a class of workers the devices placed there speak, and a worker that they speak of can measure', () => {
  const seen = { workerDrift: 3 };
  const devices = [
    device('a', seen),
    device('b', { ...seen, workerId: 'w2' }),
    device('c'),
    device('d', { workerId: 'gpu' }),
    device('e', { workerId: null }),
  ];
  expect([...driftingMembers(workerClass, devices, workers)]).toEqual(['w1', 'w2']);
  expect([...driftingMembers(deviceClass, devices, workers)]).toEqual([]);
  expect([...driftingMembers({ ...workerClass, hardwareClass: 'gpu' }, devices, workers)]).toEqual([]);
});
