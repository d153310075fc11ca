import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ConfigurationMap,
  type ConfigurationMapEntry,
  configurationMapParser,
} from '../protocol/configuration-map.ts';
import { withRevision } from '../protocol/map-revision.ts';
import { arbitraryStates, statesOf } from '../testing/bandwidth-states.ts';
import { arbitraryPlanningCase, planningInput, type SmallExit } from '../testing/planning-input.ts';
import { digest } from '../testing/typical-messages.ts';
import { buildConfigurationMap } from './algorithm-2.ts';
import { checkMap } from './check-map.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const madeFor = { model: { name: 'm', digest, layers: [2, 2] }, deviceClass: 'pi4', workerClass: 'pc' };
const map = mapOf();
const [local, cut, edgeOnly] = map.entries;

/** Plans exit1 @2, which runs on the device, then exit2 @1 and exit2 @0. */
function mapOf(): ConfigurationMap {
  const input = planningInput([shallow, deep], { deadlineMs: 65 });
  const result = buildConfigurationMap({ input, states: statesOf([0.25, 2, 20]), revision: '' });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return withRevision(result.map);
}

/** @returns the map with an entry changed, under the revision of what it is now */
function spoilt(index: number, change: Partial<ConfigurationMapEntry>, more: Partial<ConfigurationMap> = {}) {
  return withRevision({
    ...map,
    ...more,
    entries: map.entries.map((entry, i) => (i === index ? { ...entry, ...change } : entry)),
  });
}

function given(entry: ConfigurationMapEntry | undefined): ConfigurationMapEntry {
  if (entry === undefined) throw new Error('the map has no such entry');
  return entry;
}

const { plan: localPlan } = given(local);
const { plan: cutPlan } = given(cut);
const { plan: edgePlan } = given(edgeOnly);

test('every map that is built passes, and again as JSON, as a device’s copy and with what it was made for', () => {
  fc.assert(
    fc.property(arbitraryPlanningCase, arbitraryStates, ({ tables, input }, states) => {
      const result = buildConfigurationMap({ input, states, revision: '' });
      if (result.kind === 'no-plan') return;
      const layers = tables.model.exits.map(({ cuts }) => cuts.length - 1);
      const shared = withRevision(result.map);
      const own = withRevision({ ...result.map, madeFor: { ...madeFor, model: { ...madeFor.model, layers } } });
      for (const whole of [shared, own, { ...own, revision: `${own.revision}+1` }]) {
        expect(() => checkMap(whole)).not.toThrow();
        expect(() => checkMap(configurationMapParser.parseJson(JSON.stringify(whole)))).not.toThrow();
      }
    }),
  );
});

test('a map is refused where any number in it was changed under its revision', () => {
  const numbers = [...JSON.stringify(map).matchAll(/(?<=:)\d+(\.\d+)?(?=[,}])/g)];
  fc.assert(
    fc.property(fc.constantFrom(...numbers), fc.integer({ min: 2, max: 99 }), ({ index, 0: old }, number) => {
      fc.pre(Number(old) !== number);
      const text = JSON.stringify(map);
      const changed = `${text.slice(0, index)}${number}${text.slice(index + old.length)}`;
      expect(() => checkMap(configurationMapParser.parseJson(changed))).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^(message-invalid|bandwidth-states-invalid|configuration-map-invalid)$/),
        }),
      );
    }),
  );
});

test('the content of a revision is told by its hash, that of a device’s own copy is not', () => {
  const looser = { ...map, deadlineMs: map.deadlineMs + 1 };
  expect(() => checkMap(looser)).toThrow(expect.objectContaining({ code: 'configuration-map-invalid' }));
  expect(() => checkMap(looser)).toThrow(`${map.revision} was changed, it is ${withRevision(looser).revision} now`);
  expect(() => checkMap({ ...looser, revision: `${map.revision}+2` })).not.toThrow();
});

test.each([
  ['reversed', map.entries.toReversed()],
  ['repeated', [given(local), ...map.entries]],
  ['not from 0', map.entries.slice(1)],
])('states that are %s are refused, under whatever revision', (_, entries) => {
  const refused = expect.objectContaining({ code: 'bandwidth-states-invalid' });
  expect(() => checkMap({ ...map, entries })).toThrow(refused);
  expect(() => checkMap(withRevision({ ...map, entries }))).toThrow(refused);
});

test.each([
  ['an exit that the model has not', spoilt(1, { plan: { ...cutPlan, exit: 99 } }, { madeFor }), 'no such exit'],
  ['more layers than the model', spoilt(1, { plan: { ...cutPlan, partition: 3 } }, { madeFor }), 'has 2 layers'],
  [
    'more layers than another plan',
    spoilt(1, { plan: { ...cutPlan, exit: 1, partition: 3 }, runnerUp: null }),
    'has 2 layers',
  ],
  ['a local plan that is cut', spoilt(0, { plan: { ...localPlan, partition: 1 } }, { madeFor }), 'sends 0 bytes'],
  ['a whole exit that is sent', spoilt(1, { plan: { ...cutPlan, partition: 2 } }, { madeFor }), '@2 of 2 layers'],
  [
    'a local plan in another encoding',
    spoilt(0, { plan: { ...localPlan, encoding: 'u8' } }),
    'in u8, and sends nothing',
  ],
  ['a cut as an image', spoilt(1, { plan: { ...cutPlan, encoding: 'webp' } }), 'only the input'],
  ['a worker first without layers', spoilt(2, { plan: { ...edgePlan, direction: 'edge-first' } }), 'runs no layer'],
  ['a late plan as feasible', spoilt(0, {}, { deadlineMs: 1 }), 'is called feasible'],
  ['a reward without being feasible', spoilt(0, { feasible: false }), 'has a reward'],
  ['a runner-up of its own exit', spoilt(1, { runnerUp: given(cut) }), 'same exit 2'],
])('a map with %s is refused', (_, bad, message) => {
  expect(() => checkMap(bad)).toThrow(expect.objectContaining({ code: 'configuration-map-invalid' }));
  expect(() => checkMap(bad)).toThrow(message);
});
