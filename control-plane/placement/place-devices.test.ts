import { expect, test } from 'vitest';
import { placeDevices } from './placement.ts';

const device = (id: string, workerId: string | null = null) => ({ id, workerId });
const worker = (id: string, threads = 1, online = true) => ({ id, threads, online });

test('a device goes to the online worker with the fewest devices a thread', () => {
  const devices = [device('a', 'w1'), device('b', 'w2'), device('c', 'w2'), device('d')];
  expect(placeDevices(devices, [worker('w1', 1), worker('w2', 4)])).toEqual(new Map([['d', 'w2']]));
});

test('devices without a worker are shared out by threads', () => {
  const devices = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => device(id));
  const placed = placeDevices(devices, [worker('w1', 1), worker('w2', 2)]);
  expect([...placed.values()].filter((id) => id === 'w1')).toHaveLength(2);
  expect([...placed.values()].filter((id) => id === 'w2')).toHaveLength(4);
});

test('the lower id wins a tie, whatever the order of the list', () => {
  expect(placeDevices([device('a')], [worker('w2'), worker('w1')])).toEqual(new Map([['a', 'w1']]));
});

test('a device keeps an online worker, though another has less to do', () => {
  const devices = [device('a', 'w1'), device('b', 'w1')];
  expect(placeDevices(devices, [worker('w1'), worker('w2')])).toEqual(new Map());
});

test('the devices of a worker that is offline are shared out among the others', () => {
  const devices = [device('a', 'w1'), device('b', 'w1'), device('c', 'w2')];
  const placed = placeDevices(devices, [worker('w1', 1, false), worker('w2'), worker('w3')]);
  expect(placed).toEqual(
    new Map([
      ['a', 'w3'],
      ['b', 'w2'],
    ]),
  );
});

test('without an online worker a device has none', () => {
  expect(placeDevices([device('a', 'w1'), device('b')], [worker('w1', 1, false)])).toEqual(new Map([['a', null]]));
});
