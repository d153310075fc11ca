import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { deviceConfigurationParser } from '../../shared/protocol/messages.ts';
import { type StatesFile, statesFileParser } from '../../shared/protocol/states-file.ts';
import { workerTopic } from '../../shared/protocol/topics.ts';
import { online, profile } from '../testing/messages.ts';
import { startControlPlane, type TestedControlPlane } from '../testing/start-control-plane.ts';

type Call = { method: 'PUT' | 'DELETE'; payload?: object; ifMatch?: string };

function call(plane: TestedControlPlane, { method, payload, ifMatch = '*' }: Call) {
  const headers = { ...plane.admin, 'if-match': ifMatch };
  const url = '/api/v1/bandwidth-states';
  return plane.http.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
}

async function inForce(plane: TestedControlPlane): Promise<StatesFile> {
  return statesFileParser.parse(await plane.getJson('/bandwidth-states'));
}

async function own(plane: TestedControlPlane, mbps: number): Promise<StatesFile> {
  const { schema, madeBy, history, parameters } = await inForce(plane);
  return { schema, madeBy, history, parameters, states: [{ mbps, fromMbps: 0 }] };
}

/** A device with a map, at a worker. */
async function startDynamic(): Promise<TestedControlPlane> {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  const put = (url: string, headers: Record<string, string>, payload: object) =>
    plane.http.inject({ method: 'PUT', url: `/api/v1/${url}`, headers, payload });
  await put('profiles', plane.bearer('worker', 'w1'), profile('worker', 'pc', plane.digest, 9));
  await put('profiles', plane.bearer('device', 'pi-1'), profile('device', 'pi4', plane.digest));
  await put('policy', { ...plane.admin, 'if-match': '*' }, { configurator: 'dynamic' });
  return plane;
}

async function mapOf(plane: TestedControlPlane) {
  const { map, version } = deviceConfigurationParser.parse(await plane.getJson('/devices/pi-1/configuration'));
  return { version, rates: map?.entries.map(({ state }) => state.mbps) };
}

test('states that an operator puts in force build all maps anew, and going back restores the first ones', async () => {
  const plane = await startDynamic();
  const shipped = await inForce(plane);
  const before = await mapOf(plane);
  expect(await plane.getJson('/bandwidth-states')).toMatchObject({ version: 0, source: 'default' });
  expect(before.rates).toEqual(shipped.states.map(({ mbps }) => mbps));

  const payload = await own(plane, 0.5);
  const changed = await call(plane, { method: 'PUT', payload, ifMatch: '"0"' });
  expect(changed.headers.etag).toBe('"1"');
  expect(changed.json()).toEqual({ version: 1, source: 'operator', ...payload });
  expect(await mapOf(plane)).toEqual({ version: before.version + 1, rates: [0.5] });

  const reset = await call(plane, { method: 'DELETE', ifMatch: '"1"' });
  expect(reset.json()).toMatchObject({ version: 2, source: 'default', states: shipped.states });
  expect(await mapOf(plane)).toEqual({ version: before.version + 2, rates: before.rates });
});

test('a restart keeps the operator’s states; damaged ones are noticed, and devices plan without a map', async () => {
  const first = await startDynamic();
  await call(first, { method: 'PUT', payload: await own(first, 0.5) });
  const before = await mapOf(first);
  await first.close();
  const second = await startControlPlane({ folder: first.folder });
  expect(await mapOf(second)).toEqual(before);
  await second.close();

  const db = new Database(join(first.folder, 'data', 'fleet.sqlite'));
  db.exec(`UPDATE bandwidth_states SET body = replace(body, '0.5', '0.6')`);
  db.close();
  const third = await startControlPlane({ folder: first.folder });
  expect((await mapOf(third)).rates).toBeUndefined();
  const read = await third.http.inject({ url: '/api/v1/bandwidth-states', headers: third.admin });
  expect(read.json()).toMatchObject({ status: 500, code: 'store-damaged' });
  expect((await call(third, { method: 'DELETE' })).statusCode).toBe(200);
  expect((await mapOf(third)).rates).not.toHaveLength(1);
});

test('states that do not ascend or fit no schema, and changes of what was not read, are refused', async () => {
  const plane = await startControlPlane();
  const good = await own(plane, 0.5);
  const falling = {
    ...good,
    states: [
      { mbps: 2, fromMbps: 0 },
      { mbps: 1, fromMbps: 1 },
    ],
  };
  const refused = async (options: Call) => (await call(plane, options)).json();
  expect(await refused({ method: 'PUT', payload: falling })).toMatchObject({
    status: 400,
    code: 'bandwidth-states-invalid',
  });
  expect(await refused({ method: 'PUT', payload: { ...good, states: [] } })).toMatchObject({ code: 'body-invalid' });
  expect(await refused({ method: 'PUT', payload: good, ifMatch: '"1"' })).toMatchObject({
    status: 412,
    code: 'precondition-failed',
  });
  expect(await refused({ method: 'DELETE', ifMatch: '"7"' })).toMatchObject({ code: 'precondition-failed' });
  expect(await plane.getJson('/bandwidth-states')).toMatchObject({ version: 0 });
});
