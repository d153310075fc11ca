import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { startControlPlane, type TestedControlPlane, temporaryFolder } from '../testing/start-control-plane.ts';

function put(plane: TestedControlPlane, payload: object, ifMatch?: string) {
  const headers = { ...plane.admin, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) };
  return plane.http.inject({ method: 'PUT', url: '/api/v1/policy', headers, payload });
}

test('a change names the policy that was read, and makes the next version of it', async () => {
  const plane = await startControlPlane();
  const read = await plane.http.inject({ url: '/api/v1/policy', headers: plane.admin });
  expect(read.headers.etag).toBe('"1"');
  const changed = await put(plane, { deadlineMs: 80, encodings: ['u8'] }, '"1"');
  expect(changed.headers.etag).toBe('"2"');
  expect(changed.json()).toEqual({ ...read.json(), version: 2, deadlineMs: 80, encodings: ['u8'] });
  expect(await plane.getJson('/policy')).toEqual(changed.json());
});

test('what a change does not name stays, also where the field has a default', async () => {
  const plane = await startControlPlane();
  const first = { objective: 'paper', rewardWeights: { accuracy: 5, throughput: 0.5 }, configurator: 'dynamic' };
  expect((await put(plane, first, '"1"')).statusCode).toBe(200);
  expect((await put(plane, { deadlineMs: 80 }, '"2"')).json()).toMatchObject({ version: 3, deadlineMs: 80, ...first });
  expect(await plane.getJson('/policy')).toMatchObject({ version: 3, deadlineMs: 80, ...first });
});

test('one setting of the detector, or one weight, can be changed by itself; the others stay', async () => {
  const plane = await startControlPlane();
  const { detector, rewardWeights } = (await put(plane, { deadlineMs: 80 }, '"1"')).json();
  expect(Object.keys(detector).length).toBeGreaterThan(10);
  const first = (await put(plane, { detector: { confidence: 0.9 } }, '"2"')).json();
  expect(first).toMatchObject({ version: 3, detector: { ...detector, confidence: 0.9 }, rewardWeights });
  const change = { detector: { riseMargin: 0.5 }, rewardWeights: { accuracy: 3 } };
  expect((await put(plane, change, '"3"')).json()).toMatchObject({
    detector: { ...detector, confidence: 0.9, riseMargin: 0.5 },
    rewardWeights: { ...rewardWeights, accuracy: 3 },
  });
  for (const bad of [{}, { confidence: 2 }, { confidense: 0.9 }]) {
    expect((await put(plane, { detector: bad }, '"4"')).json()).toMatchObject({ status: 400, code: 'body-invalid' });
  }
  expect(await plane.getJson('/policy')).toMatchObject({ version: 4 });
});

test('a change without If-Match is refused, and so is one of a policy that is no longer in force', async () => {
  const plane = await startControlPlane();
  expect((await put(plane, { deadlineMs: 80 })).json()).toMatchObject({ status: 428, code: 'precondition-required' });
  expect((await put(plane, { deadlineMs: 80 }, '"1"')).statusCode).toBe(200);
  expect((await put(plane, { deadlineMs: 90 }, '"1"')).json()).toMatchObject({
    status: 412,
    code: 'precondition-failed',
  });
  expect((await put(plane, { deadlineMs: 90 }, '"1", "2"')).statusCode).toBe(200);
  expect(await plane.getJson('/policy')).toMatchObject({ version: 3, deadlineMs: 90 });
});

test('a change that does not fit its schema is refused and makes no version', async () => {
  const plane = await startControlPlane();
  const bad = [
    {},
    { colour: 'red' },
    { version: 9 },
    { encodings: [] },
    { deadlineMs: 0 },
    { model: 'unknown' },
    { objective: 'fun' },
  ];
  for (const change of bad) {
    expect((await put(plane, change, '"1"')).json()).toMatchObject({ status: 400, code: 'body-invalid' });
  }
  for (const change of [{ encodings: ['f32', 'f32'] }, { directions: ['edge-first', 'edge-first'] }]) {
    const [field = ''] = Object.keys(change);
    const refused = (await put(plane, change, '"1"')).json();
    expect(refused).toMatchObject({ status: 400, code: 'body-invalid' });
    expect(refused.detail).toMatch(new RegExp(`${field}.*must not have duplicate items`, 'i'));
  }
  expect(await plane.getJson('/policy')).toMatchObject({ version: 1 });
});

test('early exits are put in force for a loss that the model was calibrated for, and refused for any other', async () => {
  const folder = await temporaryFolder();
  const model = 'branchy-alexnet-32';
  await cp(repositoryFile('models', model), join(folder, 'packages', model), { recursive: true });
  const plane = await startControlPlane({ folder });
  expect((await put(plane, { model }, '"1"')).json()).toMatchObject({ version: 2, earlyExit: null });
  const refused = (await put(plane, { earlyExit: { accuracyLoss: 0.0001 } }, '"2"')).json();
  expect(refused).toMatchObject({ status: 400, code: 'early-exit-uncalibrated' });
  expect(refused.detail).toContain(model);
  for (const wrong of [{}, { accuracyLoss: -1 }, { accuracyLoss: 2 }]) {
    expect((await put(plane, { earlyExit: wrong }, '"2"')).json()).toMatchObject({ status: 400, code: 'body-invalid' });
  }
  const earlyExit = { accuracyLoss: 0.005 };
  expect((await put(plane, { earlyExit }, '"2"')).json()).toMatchObject({ version: 3, earlyExit });
  expect((await put(plane, { model: 'tiny' }, '"3"')).json()).toMatchObject({ code: 'early-exit-uncalibrated' });
  expect((await put(plane, { deadlineMs: 80 }, '"3"')).json()).toMatchObject({ version: 4, earlyExit });
  expect((await put(plane, { model: 'tiny', earlyExit: null }, '"4"')).json()).toMatchObject({ earlyExit: null });
});
